#include "pod/snapshot_command.hpp"

#include "core/log.hpp"
#include "pod/agent_places.hpp"
#include "pod/agent_processes.hpp"
#include "pod/run_as.hpp"
#include "pod/volume.hpp"

#include <sys/stat.h>

#include <csignal>
#include <ctime>
#include <iostream>
#include <sstream>

namespace clawgate::pod {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_failure = 1;
constexpr int exit_usage = 64;

// One agent's copy may not keep the others waiting for ever.
constexpr std::chrono::seconds longest_snapshot{600};
constexpr std::chrono::seconds longest_last_snapshot{60}; // somebody waits for the stop
// SIGKILL follows an agent's SIGTERM after 10 s (supervisor.cpp).
constexpr std::chrono::seconds longest_stop{20};
constexpr std::chrono::seconds try_again{60};

// What the child says about its work: "made files bytes", then one remark a line.
std::string packed(const snapshot_report& r) {
    std::string out =
        std::to_string(r.made) + " " + std::to_string(r.files) + " " + std::to_string(r.bytes) + "\n";
    for (const auto& each : r.remarks)
        out += each + "\n";
    return out;
}

result<snapshot_report> take_as_owner(const agent_places& p, std::chrono::seconds limit) {
    const auto text = run_as(owner_of(p.copies.local), limit, [&]() -> result<std::string> {
        const auto report = take_snapshot(p.copies);
        if (!report) return report.error();
        return packed(*report);
    });
    if (!text) return text.error();
    snapshot_report report;
    std::istringstream lines{*text};
    lines >> report.made >> report.files >> report.bytes;
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line))
        report.remarks.push_back(line);
    return report;
}

std::vector<agent_places> agents_with_local_state(const config& c, const layout& l) {
    std::vector<agent_places> out;
    for (const auto& a : c.agents)
        if (auto p = places_of(l, a.name); p.is_local) out.push_back(std::move(p));
    return out;
}

// The set of signals that end the watch; blocked, so that a snapshot that has begun is finished.
sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int each : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, each);
    return set;
}

bool wait_for_end(const sigset_t& set, std::chrono::seconds limit) {
    const timespec t{limit.count(), 0};
    return sigtimedwait(&set, nullptr, &t) > 0;
}

void report(const agent_places& p, const result<snapshot_report>& r) {
    if (!r) {
        log::event(
            log_level::error, "snapshot failed; the last good one stays",
            {{"agent", std::string_view{p.copies.agent}}, {"why", std::string_view{r.error().detail}}});
        return;
    }
    for (const auto& each : r->remarks)
        log::event(log_level::warn, "snapshot",
                   {{"agent", std::string_view{p.copies.agent}}, {"note", std::string_view{each}}});
    if (r->made)
        log::event(log_level::info, "snapshot made",
                   {{"agent", std::string_view{p.copies.agent}},
                    {"files", static_cast<std::int64_t>(r->files)},
                    {"bytes", static_cast<std::int64_t>(r->bytes)}});
}

bool take_all(const std::vector<agent_places>& agents, const std::string& local_state,
              const sigset_t* ending) {
    const auto lock = lock_states(local_state);
    if (!lock) {
        log::event(log_level::error, "snapshot failed", {{"why", std::string_view{lock.error().detail}}});
        return false;
    }
    bool good = true;
    for (const auto& p : agents) {
        sigset_t pending;
        if (ending != nullptr && sigpending(&pending) == 0 &&
            (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1))
            return good; // the last round begins, and makes them all
        const auto taken = take_as_owner(p, ending != nullptr ? longest_snapshot : longest_last_snapshot);
        report(p, taken);
        good = good && taken;
    }
    log::flush();
    return good;
}

int watch(const config& c, const layout& l) {
    const auto set = ending_signals();
    sigprocmask(SIG_BLOCK, &set, nullptr);
    log::event(log_level::info, "snapshots of the agents' state are made",
               {{"minutes", static_cast<std::int64_t>(c.snapshot_interval.count())},
                {"from", std::string_view{l.local_state}},
                {"to", std::string_view{l.workspace}}});
    log::flush();
    std::chrono::seconds pause = c.snapshot_interval;
    while (!wait_for_end(set, pause)) {
        const bool good = take_all(agents_with_local_state(c, l), l.local_state, &set);
        pause = good ? std::chrono::seconds{c.snapshot_interval}
                     : std::min<std::chrono::seconds>(try_again, c.snapshot_interval);
    }
    // `supervisorctl stop all` ends everything at once: what the agents write while they stop counts too.
    const auto agents = agents_with_local_state(c, l);
    std::vector<std::string> states;
    for (const auto& p : agents)
        states.push_back(p.state);
    if (!wait_until_stopped(states, longest_stop))
        log::event(log_level::warn, "an agent still runs: the last snapshot has what it has written so far");
    const bool good = take_all(agents, l.local_state, nullptr);
    log::flush();
    return good ? exit_ok : exit_failure;
}

void print(const agent_places& p, const snapshot_report& r) {
    if (r.made)
        std::cout << p.copies.agent << ": " << r.files << " files, " << spell_bytes(r.bytes) << ", copied to "
                  << p.copies.volume << "/" << state_name << " and verified\n";
    else
        std::cout << p.copies.agent << ": nothing has changed since the last snapshot\n";
    for (const auto& each : r.remarks)
        std::cerr << "note: " << p.copies.agent << ": " << each << '\n';
}

int once(const std::vector<agent_places>& agents, const layout& l) {
    if (agents.empty()) {
        std::cout << "No agent has its state on local disk (" << l.local_state
                  << "): what they write is in the workspace already.\n";
        return exit_ok;
    }
    const auto lock = lock_states(l.local_state);
    if (!lock) {
        std::cerr << "clawgate snapshot: " << lock.error().detail << '\n';
        return exit_failure;
    }
    int status = exit_ok;
    for (const auto& p : agents) {
        const auto taken = take_as_owner(p, longest_snapshot);
        if (taken) {
            print(p, *taken);
            continue;
        }
        std::cerr << "clawgate snapshot: " << p.copies.agent << ": " << taken.error().detail
                  << "; the last good snapshot stays\n";
        status = exit_failure;
    }
    return status;
}

} // namespace

int snapshot_command(const config& c, const snapshot_options& options) {
    const auto l = plain_layout(c);
    if (options.watch) {
        log::init(c.level, c.format);
        return watch(c, l);
    }
    if (options.agent.empty()) return once(agents_with_local_state(c, l), l);
    auto p = find_agent(c, l, options.agent);
    if (!p) {
        std::cerr << "clawgate snapshot: " << p.error().detail << '\n';
        return exit_usage;
    }
    return once(p->is_local ? std::vector{*p} : std::vector<agent_places>{}, l);
}

} // namespace clawgate::pod
