// The ways of a state from the volume to local disk, and back for good.

#include "core/file.hpp"
#include "core/secret.hpp"
#include "pod/snapshot.hpp"
#include "pod/snapshot_record.hpp"
#include "pod/state_contents.hpp"
#include "pod/tree_writer.hpp"

#include <fcntl.h>

#include <map>

namespace clawgate::pod {
namespace {

constexpr std::size_t largest_manifest = 256u << 20;
constexpr const char* fetching_name = ".openclaw.restoring";

void step(const step_hook& hook, std::string_view name) {
    if (hook) hook(name);
}

// The copy's list, or none: a state that agents worked on directly has none.
result<manifest> manifest_on_volume(const snapshot_places& p) {
    const auto text = read_file(p.volume + "/" + state_name + "/" + manifest_name, largest_manifest);
    if (!text) return text.error();
    return parse_manifest(*text, "snapshot");
}

// Marks a state without a list, so that the local one can be recognised as its continuation.
result<std::string> adopt(const snapshot_places& p) {
    manifest m;
    m.kind = "snapshot";
    m.id = random_token(12);
    m.agent = p.agent;
    m.created = time_stamp();
    const auto state = open_folder(p.volume + "/" + state_name);
    if (!state) return state.error();
    // A folder cannot be replaced by a file.
    if (open_folder(state->get(), manifest_name))
        if (auto r = clear_name(state->get(), manifest_name); !r) return r.error();
    const auto at = p.volume + "/" + state_name + "/" + manifest_name;
    if (auto r = write_file_atomically(at, to_json(m), 0600); !r) return r.error();
    return m.id;
}

// Byte by byte: nobody uses the volume's copy, and a WAL that lies beside a database is part of it. The index
// of a WAL is made again from it.
result<fetch_report> copy_down(const snapshot_places& p, int local, const manifest& list,
                               const step_hook& hook) {
    std::map<std::string, const manifest_entry*> expected;
    for (const auto& e : list.entries)
        expected.emplace(e.path, &e);
    const auto root = open_folder(p.volume + "/" + state_name);
    if (!root) return root.error();
    auto to = tree_writer::make(local, fetching_name);
    if (!to) return to.error();
    fetch_report report;
    report.how = fetched::restored;
    std::vector<manifest_entry> written;
    const auto file = [&](const tree_entry& e) -> result<void> {
        const descriptor fd{
            ::openat(e.parent, e.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
        if (!fd) { // its owner may have closed it to himself
            report.remarks.push_back(system_error("open", printable(e.path)).detail + "; it was left out");
            expected.erase(e.path);
            return {};
        }
        auto copy = to->add_file(e.path, e.st.st_mode & 0777, e.st.st_mtim,
                                 static_cast<std::uint64_t>(e.st.st_size), read_from(fd.get()));
        if (!copy) return copy.error();
        if (const auto known = expected.find(e.path); known != expected.end() &&
                                                      known->second->type == node::file &&
                                                      known->second->sha256 != copy->sha256)
            report.remarks.push_back(printable(e.path) +
                                     " differs from its checksum in the snapshot: it was changed by "
                                     "hand, or it is damaged");
        expected.erase(e.path);
        written.push_back(std::move(*copy));
        ++report.files;
        return {};
    };
    const auto visit = [&](const tree_entry& e) -> result<bool> {
        if (e.path == manifest_name || is_disposable(e.path) ||
            (e.type == node::file && e.name.ends_with("-shm")))
            return false;
        result<void> done;
        if (e.type == node::folder) {
            done = to->add_folder(e.path, e.st.st_mode & 0777, e.st.st_mtim);
            expected.erase(e.path);
        } else if (e.type == node::link) {
            done = to->add_link(e.path, e.target);
            expected.erase(e.path);
        } else if (e.type == node::file) {
            done = file(e);
        }
        if (!done) return done.error();
        step(hook, e.path);
        return true;
    };
    if (auto r = walk(root->get(), visit, report.remarks); !r) return r.error();
    for (const auto& [path, entry] : expected)
        report.remarks.push_back(printable(path) + " is in the snapshot's list and missing on the volume");
    if (auto r = to->finish(); !r) return r.error();
    if (auto r = verify_tree(to->fd(), written); !r) return r.error();
    return report;
}

bool continues(const snapshot_places& p, const result<manifest>& list) {
    if (!list) return false;
    const auto record = read_record(p.local);
    return !list->id.empty() && (list->id == record.base || list->id == record.taking);
}

result<void> move_aside(int local, const std::string& why, const std::string& where, notes& remarks) {
    const auto aside = std::string{state_name} + ".aside-" + time_stamp() + "-" + random_token(3);
    if (auto r = rename_in(local, state_name, aside); !r) return r;
    remarks.push_back(why + "; it was moved to " + where + "/" + aside);
    return {};
}

} // namespace

result<fetch_report> fetch_state(const snapshot_places& p, const step_hook& after_step) {
    if (auto r = settle_volume(p.volume, after_step); !r) return r.error();
    const auto local = open_folder(p.local);
    if (!local) return local.error();
    const auto volume = open_folder(p.volume);
    if (!volume) return volume.error();
    if (auto r = clear_name(local->get(), fetching_name); !r) return r.error();
    const bool have = exists(local->get(), state_name);
    if (!exists(volume->get(), state_name))
        return fetch_report{have ? fetched::continued : fetched::fresh, 0, {}};
    auto list = manifest_on_volume(p);
    if (have && continues(p, list)) return fetch_report{fetched::continued, 0, {}};

    auto report = copy_down(p, local->get(), list ? *list : manifest{}, after_step);
    if (!report) {
        (void)remove_tree(local->get(), fetching_name);
        return report.error();
    }
    step(after_step, "fetched");
    if (have)
        if (auto r =
                move_aside(local->get(), "the state on this machine does not continue what is on the volume",
                           p.local, report->remarks);
            !r)
            return r.error();
    step(after_step, "aside");
    std::string id;
    if (list) {
        id = list->id;
    } else {
        auto adopted = adopt(p);
        if (!adopted) return adopted.error();
        id = std::move(*adopted);
    }
    if (auto r = write_record(p.local, {id, {}, {}}); !r) return r.error();
    step(after_step, "recorded");
    if (auto r = rename_in(local->get(), fetching_name, state_name); !r) return r.error();
    step(after_step, "in place");
    return report;
}

result<notes> bring_home(const snapshot_places& p) {
    notes remarks;
    if (auto r = settle_volume(p.volume); !r) return r.error();
    const auto volume = open_folder(p.volume);
    if (!volume) return volume.error();
    const auto local = open_folder(p.local);
    const bool have = local && exists(local->get(), state_name);
    if (have) {
        if (!exists(volume->get(), state_name) || continues(p, manifest_on_volume(p))) {
            auto taken = take_snapshot(p);
            if (!taken) return taken.error();
            remarks = std::move(taken->remarks);
            if (auto r = clear_name(local->get(), state_name); !r) return r.error();
            if (auto r = clear_name(local->get(), record_name); !r) return r.error();
        } else if (auto r = move_aside(local->get(),
                                       "the state on this machine does not continue what is on the volume",
                                       p.local, remarks);
                   !r) {
            return r.error();
        }
    }
    // From here on the agent changes the files, and the list would be wrong.
    if (const auto state = open_folder(volume->get(), state_name))
        if (auto r = clear_name(state->get(), manifest_name); !r) return r.error();
    return remarks;
}

} // namespace clawgate::pod
