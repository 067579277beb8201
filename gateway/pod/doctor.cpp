#include "pod/doctor.hpp"

#include "core/file.hpp"
#include "core/pod_facts.hpp"
#include "pod/isolation.hpp"
#include "pod/program_output.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>

namespace clawgate::pod {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_failure = 1;
constexpr int exit_usage = 64;
constexpr int exit_no_input = 66;
constexpr int exit_os = 71;
constexpr int exit_config = 78;

/// The pod's own settings where this user may read them: a shell that did not start the pod does not have them.
environment settings_of_pod(const environment& process, const std::string& run_dir) {
    std::vector<problem> ignored;
    auto env = read_env_file(run_dir + "/gateway.env", ignored);
    for (const auto& [name, value] : process)
        env.emplace(name, value);
    return env;
}

layout layout_of(const config& c, const std::string& run_dir, const pod_facts& facts) {
    layout l;
    l.own_user = ::geteuid();
    l.workspace = c.workspace;
    l.run_dir = run_dir;
    l.separate = facts.separate_users;
    l.packet_filter = facts.packet_filter;
    l.tools.clawgate = facts.clawgate;
    l.tools.node = facts.node;
    l.tools.openclaw = facts.openclaw;
    return l;
}

std::optional<int> pid_of(const layout& l, const std::string& program) {
    const auto ran = run_program({"supervisorctl", "-c", l.supervisor_config(), "pid", program});
    if (!ran || ran->status != 0) return std::nullopt;
    int pid = 0;
    std::from_chars(ran->text.data(), ran->text.data() + ran->text.size(), pid);
    return pid > 0 ? std::optional{pid} : std::nullopt;
}

running_programs what_runs(const config& c, const layout& l) {
    running_programs r;
    r.gateway = pid_of(l, "gateway");
    for (const auto& a : c.agents)
        if (const auto pid = pid_of(l, "openclaw-" + a.name)) r.agents.emplace_back(a.name, *pid);
    return r;
}

/// The agents to try as; empty when there is none of that name.
std::vector<const agent_options*> chosen(const config& c, const std::string& as) {
    std::vector<const agent_options*> list;
    for (const auto& a : c.agents)
        if (is_supervised(a) && (as == "all" || as == a.name || (as.empty() && list.empty()))) list.push_back(&a);
    return list;
}

int complain(const error& e, int status) {
    std::cerr << "clawgate doctor: " << e.detail << '\n';
    return status;
}

result<pod_facts> facts_in(const std::string& run_dir) {
    auto text = read_file(pod_facts_path(run_dir), 1u << 20);
    if (!text)
        return error{errc::not_found, fault::gateway, retry::never,
                     "no pod was prepared in " + run_dir + " (clawgate prepare, or --run-dir): " +
                         text.error().detail};
    return pod_facts_from_json(*text);
}

} // namespace

int doctor_command(const environment& process, const doctor_options& options) {
    const auto given = process.find("CLAWGATE_WORKSPACE");
    const auto workspace = given == process.end() || given->second.empty() ? "/workspace" : given->second;
    const auto run_dir = options.run_dir.empty() ? default_run_dir(workspace) : options.run_dir;
    const auto facts = facts_in(run_dir);
    if (!facts) return complain(facts.error(), exit_no_input);
    const auto loaded = load_config(settings_of_pod(process, run_dir));
    if (!loaded.problems.empty()) {
        std::cerr << describe(loaded.problems);
        return exit_config;
    }
    const auto& c = loaded.value;
    const auto l = layout_of(c, run_dir, *facts);
    const auto agents = chosen(c, options.as);
    if (agents.empty())
        return complain(error{errc::not_found, fault::client, retry::never,
                              "there is no agent \"" + options.as + "\" on this machine"},
                        exit_usage);
    const auto running = what_runs(c, l);
    auto all = nlohmann::json::object();
    bool weak = false;
    for (const auto* a : agents) {
        const auto tried = try_as(c, *a, l, running, process);
        if (!tried) return complain(tried.error(), exit_os);
        weak = weak || std::any_of(tried->begin(), tried->end(), [](const attempt& t) { return t.worked; });
        if (options.json)
            all[a->name] = nlohmann::json::parse(to_json(*tried));
        else
            std::cout << isolation_report(*a, l, *tried);
    }
    if (options.json) std::cout << all.dump(2) << '\n';
    if (!options.json)
        for (const auto& n : facts->notices)
            std::cout << "weaker: " << n.detail << '\n';
    return weak ? exit_failure : exit_ok;
}

} // namespace clawgate::pod
