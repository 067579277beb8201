#pragma once
// Where everything of a pod lies and who runs it: derived once from the configuration, used by everything
// that prepare writes. Pure.

#include "core/config.hpp"
#include "core/pod_users.hpp"
#include "pod/prepare.hpp"

#include <sys/types.h>

#include <map>
#include <set>
#include <optional>
#include <string>
#include <vector>

namespace clawgate::pod {

/// A Unix identity by number; no entry in /etc/passwd is needed.
struct owner {
    uid_t uid = 0;
    gid_t gid = 0;
    friend bool operator==(const owner&, const owner&) = default;
};

struct layout {
    std::string workspace;   ///< absolute
    std::string run_dir;     ///< absolute; lost with the container
    prepare_options tools;   ///< with the paths of the programs filled in
    uid_t own_user = 0;       ///< who prepares the pod, and runs all of it where `separate` is false
    bool separate = false;   ///< every program has a user of its own; otherwise all run as who starts them
    bool packet_filter = false; ///< the system keeps agents from others' private ports (packet_filter.hpp)
    std::map<std::string, std::vector<std::string>> cgroups; ///< by agent: what lets a process in (cgroup.hpp)
    std::set<std::string> left_out; ///< agents, by name, that could not be prepared and are not started
    std::string local_state; ///< absolute; on local disk, for state that cannot be worked on in the workspace
    bool state_is_local = false; ///< the agents' state lives there, with snapshots to the workspace

    [[nodiscard]] std::optional<owner> gateway_user() const;
    [[nodiscard]] std::optional<owner> agent_user(const agent_options& a) const;
    [[nodiscard]] std::optional<owner> ollama_user() const;

    [[nodiscard]] std::string agent_home(const agent_options& a) const;  ///< agents/<name>
    [[nodiscard]] std::string agent_local(const agent_options& a) const; ///< <local_state>/<name>
    [[nodiscard]] std::string agent_state(const agent_options& a) const; ///< .openclaw in one of these two
    [[nodiscard]] std::string agent_work(const agent_options& a) const;  ///< agents/<name>/workspace: its CWD
    [[nodiscard]] std::string agent_config(const agent_options& a) const; ///< …/.openclaw/openclaw.json
    [[nodiscard]] std::string agent_cache(const agent_options& a) const;  ///< .cache/<name>
    [[nodiscard]] std::string agent_tmp(const agent_options& a) const;    ///< in run_dir
    [[nodiscard]] std::string ollama_home() const;                        ///< .ollama
    [[nodiscard]] std::string logs() const;
    [[nodiscard]] std::string supervisor_config() const; ///< in run_dir
    [[nodiscard]] std::string supervisor_socket() const; ///< in a folder that only root and the gateway enter
    [[nodiscard]] std::string gateway_settings() const;  ///< in run_dir, secrets inside
    [[nodiscard]] std::string addresses() const;         ///< in run_dir
};

/// Where state on local disk lies: as configured, or /var/lib/clawgate/state for root and the default run
/// directory for others; one for every workspace, as the run directory.
[[nodiscard]] std::string local_state_dir(const config& c, const std::string& workspace);

/// True when prepare and supervisord look after this agent: its backend is on this machine. Others are looked
/// after by whoever gave their address in CLAWGATE_AGENT_BACKENDS.
[[nodiscard]] bool is_supervised(const agent_options& a);

/// Nothing (empty string) when every path of the layout can stand in supervisord's configuration as it is;
/// otherwise what is wrong. Spaces, quotes and the like are refused rather than quoted three times over.
[[nodiscard]] std::string check_paths(const layout& l);

} // namespace clawgate::pod
