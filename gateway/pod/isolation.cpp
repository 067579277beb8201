#include "pod/isolation.hpp"

#include "core/net_names.hpp"
#include "pod/agent_program.hpp"
#include "pod/confine.hpp"
#include "pod/program_output.hpp"
#include "pod/program_variables.hpp"
#include "pod/supervisor.hpp"

#include <algorithm>

namespace clawgate::pod {
namespace {

attempt of(attempt_kind kind, std::string target, std::string what) {
    attempt a;
    a.kind = kind;
    a.target = std::move(target);
    a.what = std::move(what);
    return a;
}

void add_agent(std::vector<attempt>& to, const agent_options& other, const agent_options& a, const layout& l) {
    const auto& name = other.name;
    to.push_back(of(attempt_kind::listen, std::to_string(other.port), "listen on the dashboard's port of " + name));
    if (!is_supervised(other)) return; // nothing else of it is here
    to.push_back(of(attempt_kind::list_folder, l.agent_state(other), "list the state of " + name));
    to.push_back(of(attempt_kind::read_file, l.agent_state(other) + "/token", "read the token of " + name));
    to.push_back(of(attempt_kind::read_file, l.agent_config(other), "read the configuration of " + name));
    to.push_back(of(attempt_kind::list_folder, l.agent_work(other), "list the working directory of " + name));
    to.push_back(of(attempt_kind::write_folder, l.agent_work(other), "write into the working directory of " + name));
    if (const auto user = l.agent_user(other)) // otherwise it is also this agent's own
        to.push_back(of(attempt_kind::write_folder, "/tmp/openclaw-state-locks-" + std::to_string(user->uid),
                        "write into the folder of locks of " + name));
    const auto port = std::to_string(other.backend_port);
    to.push_back(of(attempt_kind::connect, port, "connect to the backend of " + name));
    to.push_back(of(attempt_kind::call, port, "call the backend of " + name + " with its own token"));
    to.back().extra = l.agent_state(a) + "/token";
}

void add_process(std::vector<attempt>& to, const std::string& name, std::optional<int> pid) {
    const auto target = std::to_string(pid.value_or(0));
    to.push_back(of(attempt_kind::read_memory, target, "read the memory of " + name));
    to.push_back(of(attempt_kind::signal, target, "stop " + name + " by a signal"));
}

/// What all share: whoever can make files there can put something in the place of others' folders and programs.
void add_shared_folders(std::vector<attempt>& to, const layout& l) {
    const auto add = [&to](const std::string& path, const std::string& name) {
        to.push_back(of(attempt_kind::write_folder, path, "write into " + name));
    };
    add(l.workspace, "the workspace");
    add(l.workspace + "/agents", "the folder of all agents");
    if (l.state_is_local) add(l.local_state, "the folder of all agents' state");
    add(l.logs(), "the folder of logs");
    add(l.workspace + "/.clawgate", "the gateway's folder");
    add(l.run_dir, "the run directory");
    add(folder_of(l.tools.clawgate), "the folder of the clawgate program");
}

std::string label(outcome o) {
    switch (o) {
    case outcome::refused: return "refused  ";
    case outcome::possible: return "POSSIBLE ";
    case outcome::not_tested: break;
    }
    return "UNTESTED ";
}

} // namespace

std::vector<attempt> attempts_of(const config& c, const agent_options& a, const layout& l,
                                 const running_programs& running) {
    std::vector<attempt> all;
    for (const auto& other : c.agents)
        if (other.number != a.number) add_agent(all, other, a, l);
    for (const auto& other : c.agents)
        if (other.number != a.number && is_supervised(other)) add_process(all, other.name, running.pid_of(other.name));
    all.push_back(of(attempt_kind::listen, std::to_string(a.port), "listen on its own dashboard's port"));
    if (const auto server = parse_http_url(c.ollama.url); server && is_loopback_host(server->host))
        all.push_back(of(attempt_kind::connect, std::to_string(server->port), "reach Ollama around the gateway"));
    all.push_back(of(attempt_kind::command_supervisord, l.supervisor_socket(), "command supervisord"));
    all.push_back(of(attempt_kind::list_folder, l.workspace + "/.clawgate", "list the gateway's files"));
    all.push_back(of(attempt_kind::read_file, l.workspace + "/.clawgate/session.key", "read the session key"));
    all.push_back(of(attempt_kind::read_file, l.gateway_settings(), "read the password"));
    add_process(all, "the gateway", running.gateway);
    add_shared_folders(all, l);
    return all;
}

std::optional<int> running_programs::pid_of(const std::string& agent) const {
    for (const auto& [name, pid] : agents)
        if (name == agent) return pid;
    return std::nullopt;
}

void leave_out_untestable(std::vector<attempt>& tried, const std::vector<std::string>& reasons) {
    for (std::size_t i = 0; i < tried.size() && i < reasons.size(); ++i)
        if (tried[i].result != outcome::possible && !reasons[i].empty()) {
            tried[i].result = outcome::not_tested;
            tried[i].detail = reasons[i];
        }
}

long count(const std::vector<attempt>& tried, outcome o) {
    return std::count_if(tried.begin(), tried.end(), [o](const attempt& t) { return t.result == o; });
}

result<std::vector<attempt>> try_as(const config& c, const agent_options& a, const layout& l,
                                    const running_programs& running, const environment& process) {
    auto probe = agent_program(c, a, l, process);
    probe.group = 0; // it tries beside the running agent, which it must not end
    // Everything up to the "--" of `clawgate confine` stays as it is for the agent.
    const auto end = std::find(probe.argv.begin(), probe.argv.end(), "--");
    probe.argv.erase(std::next(end), probe.argv.end());
    probe.argv.insert(probe.argv.end(), {l.tools.clawgate, "isolation-probe"});
    const auto attempts = attempts_of(c, a, l, running);
    std::vector<std::string> reasons;
    for (const auto& each : attempts)
        reasons.push_back(why_untestable(each));
    run_options o;
    o.limit = std::chrono::minutes{2};
    o.input = to_json(attempts);
    o.errors = true;
    const auto ran = run_program(full_command(probe), o);
    if (!ran) return ran.error();
    const auto begin = ran->text.find('['); // warnings of `confine` may stand before it
    if (ran->status != 0 || begin == ran->text.npos)
        return error{errc::io, fault::gateway, retry::never,
                     "the probe could not run as " + a.name + ": " + ran->text.substr(0, 500)};
    auto tried = attempts_from_json(std::string_view{ran->text}.substr(begin));
    if (tried) leave_out_untestable(*tried, reasons);
    return tried;
}

std::string isolation_report(const agent_options& a, const layout& l, const std::vector<attempt>& tried) {
    const auto user = l.agent_user(a);
    std::string out = "As " + a.name + (user ? " (user " + std::to_string(user->uid) : std::string{" (the user of all"}) +
                      "; packet filter " + (l.packet_filter ? "on" : "off") + ", Landlock " +
                      std::to_string(confine_support_here().version) + ")\n";
    for (const auto& t : tried)
        out += "  " + label(t.result) + " " + t.what + ": " + t.detail + "\n";
    return out + "  " + std::to_string(tried.size()) + " attempts: " +
           std::to_string(count(tried, outcome::refused)) + " refused, " +
           std::to_string(count(tried, outcome::possible)) + " possible, " +
           std::to_string(count(tried, outcome::not_tested)) + " not tested\n";
}

} // namespace clawgate::pod
