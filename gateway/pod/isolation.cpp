#include "pod/isolation.hpp"

#include "core/net_names.hpp"
#include "pod/agent_program.hpp"
#include "pod/confine.hpp"
#include "pod/program_output.hpp"
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
    to.push_back(of(attempt_kind::list_folder, l.agent_state(other), "list the state of " + name));
    to.push_back(of(attempt_kind::read_file, l.agent_state(other) + "/token", "read the token of " + name));
    to.push_back(of(attempt_kind::read_file, l.agent_config(other), "read the configuration of " + name));
    to.push_back(of(attempt_kind::list_folder, l.agent_work(other), "list the working directory of " + name));
    to.push_back(of(attempt_kind::write_folder, l.agent_work(other), "write into the working directory of " + name));
    const auto port = std::to_string(other.backend_port);
    if (is_supervised(other)) {
        to.push_back(of(attempt_kind::connect, port, "connect to the backend of " + name));
        to.push_back(of(attempt_kind::call, port, "call the backend of " + name + " with its own token"));
        to.back().extra = l.agent_state(a) + "/token";
    }
    to.push_back(of(attempt_kind::listen, std::to_string(other.port), "listen on the dashboard's port of " + name));
}

} // namespace

std::vector<attempt> attempts_of(const config& c, const agent_options& a, const layout& l,
                                 const running_programs& running) {
    std::vector<attempt> all;
    for (const auto& other : c.agents)
        if (other.number != a.number) add_agent(all, other, a, l);
    for (const auto& [name, pid] : running.agents) {
        if (name == a.name) continue;
        all.push_back(of(attempt_kind::read_memory, std::to_string(pid), "read the memory of " + name));
        all.push_back(of(attempt_kind::signal, std::to_string(pid), "stop " + name + " by a signal"));
    }
    all.push_back(of(attempt_kind::listen, std::to_string(a.port), "listen on its own dashboard's port"));
    if (const auto server = parse_http_url(c.ollama.url); server && is_loopback_host(server->host))
        all.push_back(of(attempt_kind::connect, std::to_string(server->port), "reach Ollama around the gateway"));
    all.push_back(of(attempt_kind::command_supervisord, l.supervisor_socket(), "command supervisord"));
    all.push_back(of(attempt_kind::list_folder, l.workspace + "/.clawgate", "list the gateway's files"));
    all.push_back(of(attempt_kind::read_file, l.workspace + "/.clawgate/session.key", "read the session key"));
    all.push_back(of(attempt_kind::read_file, l.gateway_settings(), "read the password"));
    if (running.gateway) {
        const auto pid = std::to_string(*running.gateway);
        all.push_back(of(attempt_kind::read_memory, pid, "read the memory of the gateway"));
        all.push_back(of(attempt_kind::signal, pid, "stop the gateway by a signal"));
    }
    return all;
}

result<std::vector<attempt>> try_as(const config& c, const agent_options& a, const layout& l,
                                    const running_programs& running, const environment& process) {
    auto probe = agent_program(c, a, l, process);
    probe.group = 0; // it tries beside the running agent, which it must not end
    // Everything up to the "--" of `clawgate confine` stays as it is for the agent.
    const auto end = std::find(probe.argv.begin(), probe.argv.end(), "--");
    probe.argv.erase(std::next(end), probe.argv.end());
    probe.argv.insert(probe.argv.end(), {l.tools.clawgate, "isolation-probe"});
    run_options o;
    o.limit = std::chrono::minutes{2};
    o.input = to_json(attempts_of(c, a, l, running));
    o.errors = true;
    const auto ran = run_program(full_command(probe), o);
    if (!ran) return ran.error();
    const auto begin = ran->text.find('['); // warnings of `confine` may stand before it
    if (ran->status != 0 || begin == ran->text.npos)
        return error{errc::io, fault::gateway, retry::never,
                     "the probe could not run as " + a.name + ": " + ran->text.substr(0, 500)};
    return attempts_from_json(std::string_view{ran->text}.substr(begin));
}

std::string isolation_report(const agent_options& a, const layout& l, const std::vector<attempt>& tried) {
    const auto user = l.agent_user(a);
    std::string out = "As " + a.name + (user ? " (user " + std::to_string(user->uid) : std::string{" (the user of all"}) +
                      "; packet filter " + (l.packet_filter ? "on" : "off") + ", Landlock " +
                      std::to_string(confine_support_here().version) + ")\n";
    for (const auto& t : tried)
        out += std::string{t.worked ? "  POSSIBLE  " : "  refused   "} + t.what + ": " + t.detail + "\n";
    const auto possible = std::count_if(tried.begin(), tried.end(), [](const attempt& t) { return t.worked; });
    return out + "  " + std::to_string(tried.size()) + " attempts, " +
           std::to_string(static_cast<long>(tried.size()) - possible) + " refused\n";
}

} // namespace clawgate::pod
