#pragma once
// What `clawgate prepare` found out about the pod and decided, for the programs that run later without its rights:
// a JSON file in the run directory. Holds no secrets.

#include "core/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace clawgate {

/// Something that people must know because the pod is weaker than it could be.
struct pod_notice {
    std::string key;    ///< stable: "one_user_for_all"; pages translate it
    std::string detail; ///< one English sentence with the particulars, for logs and commands
    friend bool operator==(const pod_notice&, const pod_notice&) = default;
};

struct pod_facts {
    unsigned prepared_by = 0;    ///< the Unix user; without separate users everything runs as that one
    bool separate_users = false; ///< every program has a Unix user of its own
    bool packet_filter = false;  ///< nftables keeps agents from others' private ports
    int landlock = 0;            ///< version of the kernel's interface, 0 = none
    bool supervises_ollama = false;
    bool state_is_local = false; ///< the agents' state lies in local_state and not in the workspace
    std::string local_state;
    std::string clawgate; ///< the programs, as paths
    std::string node;
    std::string openclaw;
    std::vector<std::string> supervised_agents; ///< by name
    std::vector<pod_notice> notices;
    friend bool operator==(const pod_facts&, const pod_facts&) = default;
};

[[nodiscard]] std::string to_json(const pod_facts& f);
/// errc::corrupt for what to_json() did not make.
[[nodiscard]] result<pod_facts> pod_facts_from_json(std::string_view text);

/// Whether it is about what agents can do to each other, and not about where their files are kept.
[[nodiscard]] bool weakens_isolation(const pod_notice& n);

/// Where it lies.
[[nodiscard]] inline std::string pod_facts_path(const std::string& run_dir) {
    return run_dir + "/pod.json";
}
/// Where supervisord listens, and the file of the password that it asks for: where all programs share one user, the
/// socket's owner keeps nobody out.
inline constexpr std::string_view supervisor_user = "clawgate";
[[nodiscard]] inline std::string supervisor_password_path(const std::string& run_dir) {
    return run_dir + "/supervisor/password";
}
[[nodiscard]] inline std::string supervisor_socket_path(const std::string& run_dir) {
    return run_dir + "/supervisor/supervisor.sock";
}

} // namespace clawgate
