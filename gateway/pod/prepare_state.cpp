#include "pod/prepare_state.hpp"

#include "pod/agent_places.hpp"
#include "pod/run_as.hpp"
#include "pod/snapshot.hpp"
#include "pod/volume_probe.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <system_error>

namespace clawgate::pod {
namespace {

constexpr std::chrono::seconds longest_fetch{1800};

void say(const std::string& agent, const std::string& line) {
    std::cout << agent << ": " << line << '\n';
}

// Why the state cannot live in `path` either, or nothing.
std::string unfit(const std::string& path, const config& c) {
    std::error_code ec;
    const auto before = ::umask(022); // the agents' users pass through it
    std::filesystem::create_directories(path, ec);
    ::umask(before);
    if (ec) return "cannot make " + path + ": " + ec.message();
    const auto local = judge(probe_volume(path, c), state_place::volume);
    return local.sqlite_safe ? std::string{} : path + " is not safe either: " + local.unsafe_why;
}

void stay_on_volume(volume_verdict& v, const std::string& why) {
    v.local_state = false;
    const auto told =
        std::find_if(v.notes.begin(), v.notes.end(), [](const auto& n) { return n.word == "local_state"; });
    told->word = "unsafe_state";
    told->text =
        "the workspace is not safe for databases (" + v.unsafe_why + "), and " + why +
        ". The agents' memories stay in the workspace and can be damaged: name a folder on local disk in "
        "CLAWGATE_LOCAL_STATE";
}

// Each remark is a line; the first one is what to say.
result<std::string> fetch(const snapshot_places& p) {
    const auto report = fetch_state(p);
    if (!report) return report.error();
    std::string out;
    switch (report->how) {
    case fetched::continued: out = "goes on with its state on local disk"; break;
    case fetched::restored:
        out = "state restored from the workspace, " + std::to_string(report->files) + " files";
        break;
    case fetched::fresh: out = "begins without any state"; break;
    }
    for (const auto& each : report->remarks)
        out += "\n" + each;
    return out;
}

result<std::string> come_home(const snapshot_places& p, bool had_local) {
    const auto remarks = bring_home(p);
    if (!remarks) return remarks.error();
    std::string out = had_local ? "state moved from local disk into the workspace" : "";
    for (const auto& each : *remarks)
        out += "\n" + each;
    return out;
}

void tell(const std::string& agent, const std::string& lines) {
    std::istringstream all{lines};
    std::string line;
    if (std::getline(all, line) && !line.empty()) say(agent, line);
    while (std::getline(all, line))
        std::cerr << "warning: " << agent << ": " << line << '\n';
}

error for_agent(const std::string& agent, const error& e) {
    return error{e.code, e.whose, e.again,
                 "the state of " + agent + " cannot be brought to its place: " + e.detail};
}

} // namespace

volume_verdict place_state(const config& c, layout& l) {
    l.local_state = local_state_dir(c, l.workspace);
    auto verdict = judge(probe_volume(l.workspace, c), c.state_on_volume);
    if (verdict.local_state)
        if (const auto why = unfit(l.local_state, c);
            !why.empty() && c.state_on_volume == state_place::automatic)
            stay_on_volume(verdict, why);
    l.state_is_local = verdict.local_state;
    return verdict;
}

result<descriptor> lock_local_state(const layout& l) {
    if (!std::filesystem::is_directory(l.local_state)) return descriptor{};
    return lock_states(l.local_state);
}

result<directory> make_state_folder(const directory& home, const layout& l, const agent_options& a) {
    const auto user = l.agent_user(a);
    const auto places = places_of(l, a.name);
    if (!l.state_is_local) {
        const auto done =
            run_as(user, longest_fetch, [&] { return come_home(places.copies, places.is_local); });
        if (!done) return for_agent(a.name, done.error());
        tell(a.name, *done);
        return home.make(state_name, 0700, user);
    }
    const auto parent = directory::open_trusted(l.local_state);
    if (!parent) return parent.error();
    auto local = parent->make(a.name, 0700, user);
    if (!local) return local.error();
    const auto done = run_as(user, longest_fetch, [&] { return fetch(places.copies); });
    if (!done) return for_agent(a.name, done.error());
    tell(a.name, *done);
    return local->make(state_name, 0700, user);
}

} // namespace clawgate::pod
