#include "pod/snapshot.hpp"

#include "core/file.hpp"
#include "core/secret.hpp"
#include "pod/checksum.hpp"
#include "pod/snapshot_record.hpp"
#include "pod/state_contents.hpp"
#include "pod/tree_writer.hpp"

#include <unistd.h>

#include <ctime>

namespace clawgate::pod {
namespace {

constexpr std::size_t largest_manifest = 256u << 20;

void step(const step_hook& hook, std::string_view name) {
    if (hook) hook(name);
}

bool is_left_out(const tree_entry& e) {
    return e.path == manifest_name || is_disposable(e.path);
}

// Names, sizes and times of everything: equal ones mean that nothing was written since. SQLite's -shm is
// written by readers too.
result<std::string> fingerprint(const std::string& root) {
    const auto fd = open_folder(root);
    if (!fd) return fd.error();
    sha256 sum;
    notes ignored;
    const auto add = [&](const tree_entry& e) -> result<bool> {
        if (is_left_out(e)) return false;
        if (e.name.ends_with("-shm")) return true;
        std::string line = e.path + '\0' + std::to_string(e.st.st_mode) + '\0' + e.target + '\0';
        if (e.type == node::file)
            line += std::to_string(e.st.st_size) + '\0' + std::to_string(e.st.st_mtim.tv_sec) + '.' +
                    std::to_string(e.st.st_mtim.tv_nsec) + '\0' + std::to_string(e.st.st_ino);
        sum.add(line + '\n');
        return true;
    };
    if (auto r = walk(fd->get(), add, ignored); !r) return r.error();
    return sum.hex();
}

result<manifest> read_manifest(const std::string& folder) {
    const auto text = read_file(folder + "/" + manifest_name, largest_manifest);
    if (!text) return text.error();
    return parse_manifest(*text, "snapshot");
}

bool is_complete(int volume_fd, const std::string& volume, const std::string& name) {
    const auto m = read_manifest(volume + "/" + name);
    const auto fd = open_folder(volume_fd, name);
    return m && fd && verify_tree(fd->get(), m->entries).has_value();
}

// Everything of the member in the new tree; its line for the list.
result<void> add_member(tree_writer& to, const member& m, manifest& list) {
    manifest_entry e;
    e.path = m.path;
    e.type = m.type;
    e.mode = m.mode;
    e.mtime = m.mtime.tv_sec;
    e.target = m.target;
    if (m.type == node::folder) {
        if (auto r = to.add_folder(m.path, m.mode, m.mtime); !r) return r;
    } else if (m.type == node::link) {
        if (auto r = to.add_link(m.path, m.target); !r) return r;
    } else {
        auto written = to.add_file(m.path, m.mode, m.mtime, m.size, read_from(m.fd));
        if (!written) return written.error();
        e = std::move(*written);
        e.damaged = m.damaged;
    }
    list.entries.push_back(std::move(e));
    return {};
}

// The tree at `root` as the folder `name` in `parent`, read back; its list.
result<manifest> copy_and_verify(const std::string& root, const export_options& options, int parent,
                                 const std::string& name) {
    manifest list;
    auto to = tree_writer::make(parent, name);
    if (!to) return to.error();
    const auto take = [&](const member& m) { return add_member(*to, m, list); };
    if (auto r = export_tree(root, options, take, list.remarks); !r) return r.error();
    if (auto r = to->finish(); !r) return r.error();
    step(options.after_step, "copied");
    if (auto r = verify_tree(to->fd(), list.entries); !r) return r.error();
    step(options.after_step, "verified");
    return list;
}

result<manifest> make_copy(const snapshot_places& p, int volume, const step_hook& hook) {
    export_options options;
    options.scratch = p.local + "/.clawgate-scratch";
    options.leave_out = is_left_out;
    options.after_step = hook;
    auto list = copy_and_verify(p.local + "/" + state_name, options, volume, new_snapshot_name);
    if (!list) return list.error();
    list->kind = "snapshot";
    list->id = random_token(12);
    list->agent = p.agent;
    list->created = time_stamp();
    const auto at = p.volume + "/" + new_snapshot_name + "/" + manifest_name;
    if (auto r = write_file_atomically(at, to_json(*list), 0600); !r) return r.error();
    step(hook, "listed");
    // The list is what everything else is checked against, so it is read back too.
    const auto again = read_manifest(p.volume + "/" + new_snapshot_name);
    if (!again) return again.error();
    if (again->entries != list->entries)
        return error{errc::corrupt, fault::gateway, retry::later, "the list of files reads back differently"};
    return list;
}

// The two renames, and what is left of the copy before.
result<void> make_current(int volume, bool damaged, bool was_damaged, const step_hook& hook) {
    if (exists(volume, state_name)) {
        if (auto r = rename_in(volume, state_name, old_snapshot_name); !r) return r;
        step(hook, "old moved");
    }
    if (auto r = rename_in(volume, new_snapshot_name, state_name); !r) return r;
    step(hook, "new current");
    if (damaged && !was_damaged && exists(volume, old_snapshot_name) && !exists(volume, undamaged_name))
        return rename_in(volume, old_snapshot_name, undamaged_name);
    return remove_tree(volume, old_snapshot_name);
}

bool is_folder(int parent, const std::string& name) {
    return open_folder(parent, name).has_value();
}

} // namespace

std::string time_stamp() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
    return text;
}

result<snapshot_report> take_snapshot(const snapshot_places& p, const step_hook& after_step) {
    const auto print = fingerprint(p.local + "/" + state_name);
    if (!print) return print.error();
    if (auto r = settle_volume(p.volume, after_step); !r) return r.error();
    const auto volume = open_folder(p.volume);
    if (!volume) return volume.error();
    auto record = read_record(p.local);
    const auto before = read_manifest(p.volume + "/" + state_name);
    if (before && before->id == record.base && *print == record.fingerprint) return snapshot_report{};

    auto list = make_copy(p, volume->get(), after_step);
    if (!list) {
        (void)remove_tree(volume->get(), new_snapshot_name);
        return list.error();
    }
    // Which copy the local state continues is known at every moment: after a crash it is one of the two.
    record.taking = list->id;
    if (auto r = write_record(p.local, record); !r) return r.error();
    step(after_step, "announced");
    const bool was_damaged = !before || before->has_damage();
    if (auto r = make_current(volume->get(), list->has_damage(), was_damaged, after_step); !r)
        return r.error();
    step(after_step, "old removed");
    if (auto r = write_record(p.local, {list->id, {}, *print}); !r) return r.error();
    step(after_step, "recorded");
    if (list->has_damage() && exists(volume->get(), undamaged_name))
        list->remarks.push_back("the last snapshot without damage is kept as " + p.volume + "/" +
                                undamaged_name);
    return snapshot_report{true, list->files(), list->bytes(), std::move(list->remarks)};
}

result<void> settle_volume(const std::string& volume, const step_hook& after_step) {
    const auto fd = open_folder(volume);
    if (!fd) return fd.error();
    const int at = fd->get();
    if (exists(at, state_name) && !is_folder(at, state_name))
        if (auto r = move_away(at, state_name); !r) return r;
    if (!exists(at, state_name)) {
        // Between the two renames, or before there ever was a copy.
        if (exists(at, new_snapshot_name) && is_complete(at, volume, new_snapshot_name)) {
            if (auto r = rename_in(at, new_snapshot_name, state_name); !r) return r;
        } else if (exists(at, old_snapshot_name)) {
            if (auto r = rename_in(at, old_snapshot_name, state_name); !r) return r;
        }
        step(after_step, "settled");
    }
    if (auto r = clear_name(at, new_snapshot_name); !r) return r;
    return exists(at, state_name) ? clear_name(at, old_snapshot_name) : result<void>{};
}

} // namespace clawgate::pod
