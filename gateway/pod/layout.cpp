#include "pod/layout.hpp"

#include "core/net_names.hpp"
#include "core/pod_facts.hpp"

#include <unistd.h>

#include <algorithm>

namespace clawgate::pod {
namespace {

bool is_plain_path(const std::string& path) {
    constexpr std::string_view marks = "/._-+,=@:~";
    for (const char c : path) {
        const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && marks.find(c) == marks.npos) return false;
    }
    return true;
}

// Nothing for the usual workspace; two others on one machine must not meet.
std::string suffix_of(const std::string& workspace) {
    std::string suffix;
    if (workspace != "/workspace") suffix = workspace;
    std::replace(suffix.begin(), suffix.end(), '/', '-');
    return suffix;
}

std::optional<owner> numbered(bool separate, uid_t uid) {
    if (!separate) return std::nullopt;
    return owner{uid, static_cast<gid_t>(uid)};
}

} // namespace

std::string default_run_dir(const std::string& workspace) {
    std::string base = "/run/clawgate";
    if (const auto user = std::to_string(::geteuid()); user != "0") {
        base = "/run/user/" + user;
        base = ::access(base.c_str(), W_OK) == 0 ? base + "/clawgate" : "/tmp/clawgate-" + user;
    }
    return base + suffix_of(workspace);
}

std::string local_state_dir(const config& c, const std::string& workspace) {
    if (!c.local_state.empty()) return c.local_state;
    if (::geteuid() == 0) return "/var/lib/clawgate/state" + suffix_of(workspace);
    return default_run_dir(workspace) + "/state";
}

std::optional<owner> layout::gateway_user() const {
    return numbered(separate, first_uid);
}
std::optional<owner> layout::agent_user(const agent_options& a) const {
    return numbered(separate, first_uid + static_cast<uid_t>(a.number));
}
std::optional<owner> layout::ollama_user() const {
    return numbered(separate, first_uid + max_agents + 1);
}

std::string layout::agent_home(const agent_options& a) const {
    return workspace + "/agents/" + a.name;
}
std::string layout::agent_local(const agent_options& a) const {
    return local_state + "/" + a.name;
}
std::string layout::agent_state(const agent_options& a) const {
    return (state_is_local ? agent_local(a) : agent_home(a)) + "/.openclaw";
}
std::string layout::agent_work(const agent_options& a) const {
    return agent_home(a) + "/workspace";
}
std::string layout::agent_config(const agent_options& a) const {
    return agent_state(a) + "/openclaw.json";
}
std::string layout::agent_cache(const agent_options& a) const {
    return workspace + "/.cache/" + a.name;
}
std::string layout::agent_tmp(const agent_options& a) const {
    return run_dir + "/tmp/" + a.name;
}
std::string layout::ollama_home() const {
    return workspace + "/.ollama";
}
std::string layout::logs() const {
    return workspace + "/logs";
}
std::string layout::supervisor_config() const {
    return run_dir + "/supervisord.conf";
}
std::string layout::supervisor_socket() const {
    return supervisor_socket_path(run_dir);
}
std::string layout::gateway_settings() const {
    return run_dir + "/gateway.env";
}
std::string layout::addresses() const {
    return run_dir + "/addresses";
}

bool is_supervised(const agent_options& a) {
    return is_loopback_host(a.backend_host);
}

std::string check_paths(const layout& l) {
    for (const auto* path : {&l.workspace, &l.run_dir, &l.local_state, &l.tools.clawgate, &l.tools.node,
                             &l.tools.openclaw, &l.tools.ollama}) {
        if (!is_plain_path(*path))
            return "the path \"" + *path +
                   "\" holds a character that is not a letter, a digit or one of / . _ - + , = @ : ~";
        if (!path->empty() && path->front() != '/') return "the path \"" + *path + "\" does not start with /";
    }
    // sun_path of sockaddr_un holds 108 bytes, the final NUL included; supervisord adds ".<pid>" while it
    // binds.
    if (l.supervisor_socket().size() > 96)
        return "the path \"" + l.run_dir + "\" is too long for a Unix socket";
    return {};
}

} // namespace clawgate::pod
