#include "pod/doctor.hpp"

#include "core/file.hpp"
#include "core/pod_facts.hpp"
#include "pod/isolation.hpp"
#include "pod/pod_settings.hpp"
#include "pod/program_output.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

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
constexpr int exit_not_tested = 75; // EX_TEMPFAIL: try again when all of it runs
constexpr int exit_config = 78;

/// The pod's own settings win: they are what is tested.
environment tested_settings(const environment& process, const std::string& run_dir) {
    auto env = settings_of_pod(run_dir);
    env.insert(process.begin(), process.end());
    return env;
}

layout layout_of(const config& c, const std::string& run_dir, const pod_facts& facts) {
    layout l;
    l.own_user = facts.prepared_by;
    l.workspace = c.workspace;
    l.run_dir = run_dir;
    l.state_is_local = facts.state_is_local;
    l.local_state = facts.local_state;
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
    const auto run_dir = options.run_dir.empty() ? default_run_dir(workspace_in(process)) : options.run_dir;
    const auto facts = facts_in(run_dir);
    if (!facts) return complain(facts.error(), exit_no_input);
    if (::geteuid() != facts->prepared_by)
        return complain(error{errc::forbidden, fault::client, retry::never,
                              "only the user that prepared the pod (" + std::to_string(facts->prepared_by) +
                                  ") can take the place of its agents"},
                        exit_os);
    const auto loaded = load_config(tested_settings(process, run_dir));
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
    long possible = 0;
    long not_tested = 0;
    for (const auto* a : agents) {
        const auto tried = try_as(c, *a, l, running, process);
        if (!tried) return complain(tried.error(), exit_os);
        possible += count(*tried, outcome::possible);
        not_tested += count(*tried, outcome::not_tested);
        if (options.json)
            all[a->name] = nlohmann::json::parse(to_json(*tried));
        else
            std::cout << isolation_report(*a, l, *tried);
    }
    if (options.json) std::cout << all.dump(2) << '\n';
    if (!options.json)
        for (const auto& n : facts->notices)
            if (weakens_isolation(n)) std::cout << "weaker: " << n.detail << '\n';
    return possible != 0 ? exit_failure : not_tested != 0 ? exit_not_tested : exit_ok;
}

} // namespace clawgate::pod
