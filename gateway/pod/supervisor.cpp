#include "pod/supervisor.hpp"

#include "core/model_names.hpp"
#include "core/net_names.hpp"
#include "core/pod_facts.hpp"
#include "pod/agent_program.hpp"
#include "pod/program_variables.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace clawgate::pod {
namespace {

/// Ollama reads no LOG_LEVEL (facts/ollama.md), so it is told by the variable that it has.
int ollama_debug(const config& c) {
    if (c.is_given("OLLAMA_DEBUG")) return c.ollama.debug;
    return c.level == log_level::trace ? 2 : c.level == log_level::debug ? 1 : 0;
}

variables ollama_variables(const config& c, const layout& l, const environment& process) {
    const auto& o = c.ollama;
    const auto where = parse_http_url(o.url);
    std::string host = where ? where->host : "127.0.0.1";
    if (host.find(':') != host.npos) host = "[" + host + "]";
    variables v{
        {"HOME", l.ollama_home()},
        {"PATH", std::string{system_path}},
        {"LANG", "C.UTF-8"},
        {"OLLAMA_HOST", host + ":" + std::to_string(where ? where->port : 11430)},
        {"OLLAMA_MODELS", l.ollama_home() + "/models"},
        {"OLLAMA_NUM_PARALLEL", std::to_string(o.num_parallel)},
        {"OLLAMA_KV_CACHE_TYPE", o.kv_cache_type},
        {"OLLAMA_KEEP_ALIVE", o.keep_alive},
        {"OLLAMA_FLASH_ATTENTION", o.flash_attention ? "1" : "0"},
        {"OLLAMA_MAX_LOADED_MODELS", std::to_string(max_loaded_models(c))},
        {"OLLAMA_CONTEXT_LENGTH", std::to_string(o.context_length)},
        {"OLLAMA_MAX_QUEUE", std::to_string(o.max_queue)},
        {"OLLAMA_DEBUG", std::to_string(ollama_debug(c))},
        {"OLLAMA_NO_CLOUD", "1"}, // everything stays on this machine
    };
    // Which GPUs there are, where their libraries lie, and how the registry is reached.
    pass_on(v, process,
            {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
             "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION", "LD_LIBRARY_PATH",
             "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ"});
    return v;
}

program ollama_program(const config& c, const layout& l, const environment& process) {
    program p;
    p.name = "ollama";
    p.variables = ollama_variables(c, l, process);
    if (l.tools.demo) {
        const auto where = parse_http_url(c.ollama.url);
        p.argv = {l.tools.ollama, "--bind", where ? where->host : "127.0.0.1", "--port",
                  std::to_string(where ? where->port : 11430)};
        std::vector<std::string> models;
        for (const auto& a : c.agents)
            models.push_back(a.model);
        models.push_back(c.embed_model);
        std::sort(models.begin(), models.end());
        models.erase(std::unique(models.begin(), models.end()), models.end());
        for (const auto& m : models)
            p.argv.insert(p.argv.end(), {"--model", m});
    } else {
        p.argv = {l.tools.ollama, "serve"};
    }
    p.user = l.ollama_user();
    p.directory = l.ollama_home();
    p.log = l.logs() + "/ollama.log";
    p.priority = 100;
    return p;
}

// Runs as root where the agents have users of their own: it becomes each of them in turn.
program snapshots_program(const config& c, const layout& l) {
    program p;
    p.name = "snapshots";
    p.argv = {l.tools.clawgate, "snapshot", "--watch"};
    p.variables = {{"HOME", "/"},
                   {"PATH", std::string{system_path}},
                   {"LANG", "C.UTF-8"},
                   {"CLAWGATE_WORKSPACE", l.workspace},
                   {"CLAWGATE_LOCAL_STATE", l.local_state},
                   {"CLAWGATE_STATE_ON_VOLUME", "off"},
                   {"CLAWGATE_SNAPSHOT_MINUTES", std::to_string(c.snapshot_interval.count())},
                   {"CLAWGATE_LOG_FORMAT", c.format == log_format::json ? "json" : "text"},
                   {"OPENCLAW_AGENT_PREFIX", c.agent_prefix},
                   {"OPENCLAW_NUM_AGENTS", std::to_string(c.agents.size())}};
    p.directory = "/";
    p.log = l.logs() + "/snapshots.log";
    p.priority = 150; // stops after the agents: the last snapshot has what they wrote at the end
    p.stop_seconds = 300;
    return p;
}

program gateway_program(const config& c, const layout& l) {
    program p;
    p.name = "gateway";
    p.argv = {l.tools.clawgate, "serve", "--run-dir", l.run_dir};
    p.variables = {
        {"HOME", l.workspace + "/.clawgate"}, {"PATH", std::string{system_path}}, {"LANG", "C.UTF-8"}};
    p.settings = l.gateway_settings();
    p.user = l.gateway_user();
    p.directory = "/";
    p.log = l.logs() + "/gateway.log";
    p.priority = 300; // stops first: it tells the browsers that it goes before the agents are gone
    p.stop_seconds = static_cast<int>(c.drain.count()) + 5;
    return p;
}

void append_program(std::string& out, const program& p) {
    std::string command;
    for (const auto& word : full_command(p)) {
        if (!command.empty()) command += ' ';
        command += quote(word);
    }
    // supervisord expands %(name)s in every value.
    std::string escaped;
    for (const char c : command)
        escaped += c == '%' ? std::string{"%%"} : std::string(1, c);

    out += "\n[program:" + p.name + "]\n";
    out += "command=" + escaped + "\n";
    out += "directory=" + p.directory + "\n";
    out += "priority=" + std::to_string(p.priority) + "\n";
    out += "autostart=true\nautorestart=true\nstartsecs=3\nstartretries=100\n";
    out += "stopsignal=TERM\nstopwaitsecs=" + std::to_string(p.stop_seconds) + "\n";
    out += "stopasgroup=true\nkillasgroup=true\numask=077\n";
    out += "redirect_stderr=true\nstdout_logfile=" + p.log + "\n";
    out += "stdout_logfile_maxbytes=20MB\nstdout_logfile_backups=5\n";
}

bool is_gateway_variable(std::string_view name) {
    if (name.starts_with("OPENCLAW_AGENT_") || name.starts_with("RUNPOD_TCP_PORT_")) return true;
    if (name == "RUNPOD_POD_ID" || name == "RUNPOD_PUBLIC_IP" || name == "RUNPOD_GPU_COUNT" || name == "TZ")
        return true;
    const auto table = option_table();
    return std::any_of(table.begin(), table.end(), [&](const option& o) { return o.name == name; });
}

} // namespace

std::string quote(std::string_view text) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,=@:";
    if (!text.empty() && text.find_first_not_of(plain) == text.npos) return std::string{text};
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
}

std::vector<program> programs(const config& c, const layout& l, const environment& process) {
    std::vector<program> list;
    if (!l.tools.ollama.empty()) list.push_back(ollama_program(c, l, process));
    if (l.state_is_local) list.push_back(snapshots_program(c, l));
    for (const auto& a : c.agents)
        if (is_supervised(a) && !l.left_out.contains(a.name)) list.push_back(agent_program(c, a, l, process));
    list.push_back(gateway_program(c, l));
    return list;
}

std::vector<std::string> full_command(const program& p) {
    std::vector<std::string> words{"/usr/bin/env", "-i"};
    for (const auto& [name, value] : p.variables)
        words.push_back(name + "=" + value);
    // A file that only root reads, and not the configuration nor the command line: both would show the
    // secrets.
    if (!p.settings.empty())
        words.insert(words.end(), {"/bin/sh", "-c", "set -a && . \"$0\" && exec \"$@\"", p.settings});
    if (!p.cgroup.empty()) {
        // A group that went away meanwhile is no reason not to start.
        std::string join;
        for (const auto& file : p.cgroup)
            join += "echo 0 > " + file + "; ";
        words.insert(words.end(), {"/bin/sh", "-c", join + "exec \"$@\"", "join"});
    }
    // An agent's first word is this very program.
    if (p.user && p.group != 0)
        words.insert(words.end(), {p.argv.front(), "sweep", std::to_string(p.user->uid), std::to_string(p.group), "--"});
    if (p.max_processes != 0)
        words.insert(words.end(), {"/usr/bin/prlimit", "--nproc=" + std::to_string(p.max_processes), "--"});
    if (p.user)
        words.insert(words.end(), {"/usr/bin/setpriv", "--reuid=" + std::to_string(p.user->uid),
                                   "--regid=" + std::to_string(p.user->gid),
                                   p.group != 0 ? "--groups=" + std::to_string(p.group) : "--clear-groups",
                                   "--no-new-privs", "--inh-caps=-all", "--"});
    words.insert(words.end(), p.argv.begin(), p.argv.end());
    return words;
}

std::string supervisord_conf(const layout& l, const std::vector<program>& list, unsigned long descriptors,
                             bool as_root, const secret& password) {
    const auto credentials =
        "username=" + std::string{supervisor_user} + "\npassword=" + std::string{password.reveal()} + "\n";
    std::string out = "; Made by `clawgate prepare` at every start; changes here are lost. Holds a secret.\n";
    out += "[unix_http_server]\nfile=" + l.supervisor_socket() + "\nchmod=" + (l.separate ? "0777" : "0700") +
           "\n" + credentials + "\n"; // its folder is closed to others
    out +=
        "[supervisord]\nlogfile=" + l.logs() + "/supervisord.log\nlogfile_maxbytes=5MB\nlogfile_backups=2\n";
    out += "loglevel=info\npidfile=" + l.run_dir + "/supervisord.pid\nchildlogdir=" + l.run_dir + "\n";
    out += "identifier=clawgate\numask=022\nsilent=true\nminfds=" + std::to_string(descriptors) + "\n";
    if (as_root) out += "user=root\n";
    out += "\n[rpcinterface:supervisor]\n"
           "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n";
    out += "[supervisorctl]\nserverurl=unix://" + l.supervisor_socket() + "\n" + credentials;
    for (const auto& p : list)
        append_program(out, p);
    return out;
}

std::string gateway_settings(const layout& l, const environment& process) {
    std::string out = "# Made by `clawgate prepare` at every start, for the gateway alone. Holds secrets.\n";
    for (const auto& [name, value] : process)
        if (is_gateway_variable(name) && name != "CLAWGATE_WORKSPACE" && name != "CLAWGATE_DEMO")
            out += name + "=" + quote(value) + "\n";
    out += "CLAWGATE_WORKSPACE=" + quote(l.workspace) + "\n";
    if (l.tools.demo) out += "CLAWGATE_DEMO=1\n";
    return out;
}

} // namespace clawgate::pod
