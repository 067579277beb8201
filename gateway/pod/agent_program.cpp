#include "pod/agent_program.hpp"

#include "core/net_names.hpp"
#include "pod/packet_filter.hpp"
#include "pod/program_variables.hpp"
#include "pod/sweep.hpp"

#include <algorithm>

namespace clawgate::pod {
namespace {

variables agent_variables(const agent_options& a, const layout& l, const environment& process) {
    const auto cache = l.agent_cache(a);
    // …/node_modules/openclaw/openclaw.mjs → …/node_modules/.bin, so that the agent finds `openclaw` itself.
    const auto commands = folder_of(folder_of(l.tools.openclaw)) + "/.bin";
    variables v{
        {"HOME", l.agent_home(a)},
        {"USER", a.name},
        {"LOGNAME", a.name},
        {"SHELL", "/bin/bash"},
        {"PATH", folder_of(l.tools.node) + ":" + commands + ":" + std::string{system_path}},
        {"TMPDIR", l.agent_tmp(a)},
        {"LANG", "C.UTF-8"},
        {"OPENCLAW_STATE_DIR", l.agent_state(a)},
        {"OPENCLAW_CONFIG_PATH", l.agent_config(a)},
        {"OPENCLAW_NO_RESPAWN", "1"},
        {"OPENCLAW_NO_AUTO_UPDATE", "1"},
        {"OPENCLAW_DISABLE_BONJOUR", "1"},
        {"DO_NOT_TRACK", "1"},
        {"XDG_CACHE_HOME", cache},
        {"npm_config_cache", cache + "/npm"},
        {"PIP_CACHE_DIR", cache + "/pip"},
        {"CUDA_CACHE_PATH", cache + "/cuda"},
        {"NODE_COMPILE_CACHE", cache + "/node"}, // the next start is faster, also in a new container
    };
    pass_on(v, process, {"TZ"});
    return v;
}

/// The ports that others listen on: the other agents' private ones, Ollama's, and the gateway's.
std::vector<port_range> private_ports_of_others(const config& c, const agent_options& a) {
    std::vector<port_range> all;
    for (const auto& other : c.agents)
        if (other.number != a.number && is_supervised(other)) all.push_back(ports_of(c, other));
    if (const auto server = parse_http_url(c.ollama.url); server && is_loopback_host(server->host))
        all.push_back({server->port, server->port});
    return all;
}

std::vector<port_range> public_ports(const config& c) {
    std::vector<port_range> all;
    for (const auto& agent : c.agents)
        all.push_back({agent.port, agent.port});
    all.push_back({c.control_port, c.control_port});
    all.push_back({c.ollama.port, c.ollama.port});
    return all;
}

} // namespace

int heap_limit_mb(int memory_mb) {
    return memory_mb == 0 ? 0 : std::max(512, memory_mb / 2);
}

confinement confinement_of(const config& c, const agent_options& a, const layout& l) {
    confinement k;
    k.no_bind = private_ports_of_others(c, a);
    if (!l.packet_filter) k.no_connect = k.no_bind;
    for (const auto& p : public_ports(c))
        k.no_bind.push_back(p);
    if (l.separate) return k;
    k.hidden = {l.workspace, l.run_dir};
    for (const auto* secret_file : {&c.env_file, &c.tls_key})
        if (!secret_file->empty()) k.hidden.push_back(*secret_file);
    // OpenClaw locks its states in a folder of this very name, whatever TMPDIR says.
    const auto locks = "/tmp/openclaw-state-locks-" + std::to_string(l.own_user);
    k.kept = {l.agent_home(a), l.agent_cache(a), l.agent_tmp(a), locks};
    k.read_only = {folder_of(l.tools.clawgate)}; // the gateway itself, which knows all secrets
    // Also where it is not used any more: what could not be brought home is still there.
    if (!l.local_state.empty()) k.hidden.push_back(l.local_state);
    if (l.state_is_local) k.kept.push_back(l.agent_state(a));
    // Where the programs lie in the workspace, they must stay usable.
    for (const auto* tool : {&l.tools.node, &l.tools.openclaw})
        if (tool->starts_with(l.workspace + "/")) k.kept.push_back(folder_of(*tool));
    return k;
}

std::vector<std::string> confine_arguments(const confinement& c) {
    std::vector<std::string> words{"confine"};
    const auto add_paths = [&words](const char* option, const std::vector<std::string>& paths) {
        for (const auto& path : paths)
            words.insert(words.end(), {option, path});
    };
    const auto add_ports = [&words](const char* option, const std::vector<port_range>& ranges) {
        for (const auto& r : ranges)
            words.insert(words.end(), {option, std::to_string(r.first) + "-" + std::to_string(r.last)});
    };
    add_paths("--hide", c.hidden);
    add_paths("--keep", c.kept);
    add_paths("--read-only", c.read_only);
    add_ports("--no-connect", c.no_connect);
    add_ports("--no-bind", c.no_bind);
    words.emplace_back("--");
    return words;
}

program agent_program(const config& c, const agent_options& a, const layout& l, const environment& process) {
    program p;
    p.name = "openclaw-" + a.name;
    p.argv = {l.tools.clawgate};
    for (auto& word : confine_arguments(confinement_of(c, a, l)))
        p.argv.push_back(std::move(word));
    p.argv.insert(p.argv.end(), {l.tools.node, l.tools.openclaw, "gateway", "run", "--port",
                                 std::to_string(a.backend_port)});
    p.variables = agent_variables(a, l, process);
    // In the environment, because OpenClaw's gateway is a process that the first one starts.
    if (const int heap = heap_limit_mb(c.agent_memory_mb); heap != 0)
        p.variables.emplace_back("NODE_OPTIONS", "--max-old-space-size=" + std::to_string(heap));
    p.user = l.agent_user(a);
    if (l.separate) {
        p.max_processes = c.agent_processes; // it counts all of a user's, whatever started them
        p.group = pod_group(l.run_dir);
    }
    if (const auto group = l.cgroups.find(a.name); group != l.cgroups.end()) p.cgroup = group->second;
    p.directory = l.agent_work(a);
    p.log = l.logs() + "/" + a.name + ".log";
    p.priority = 200;
    // With a turn running it would drain for minutes and it ignores a second SIGTERM.
    p.stop_seconds = 10;
    return p;
}

} // namespace clawgate::pod
