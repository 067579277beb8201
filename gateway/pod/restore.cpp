#include "pod/backup.hpp"

#include "core/file.hpp"
#include "core/secret.hpp"
#include "pod/snapshot.hpp"
#include "pod/state_contents.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace clawgate::pod {
namespace {

constexpr std::size_t largest_config = 8u << 20;

// A folder that is replaced: the one that exists, and the new one beside it.
struct place {
    std::string name;   ///< of the final folder, in `parent`
    std::string fresh;  ///< of the new one
    std::string before; ///< what was there gets this name
    std::string path;   ///< for people: the parent's
    descriptor parent;
};

result<place> make_place(const std::string& path, const std::string& stamp) {
    const std::filesystem::path p{path};
    place out;
    out.name = p.filename().string();
    out.path = p.parent_path().string();
    out.fresh = out.name + ".restore-" + random_token(6);
    out.before = out.name + ".before-restore-" + stamp;
    auto parent = open_folder(out.path);
    if (!parent) return parent.error();
    out.parent = std::move(*parent);
    return out;
}

// Writes the two folders of a backup into two new ones.
class restoring_receiver final : public member_receiver {
public:
    restoring_receiver(tree_writer& state, tree_writer& work, const restore_places& to)
        : state_{state}
        , work_{work}
        , to_{to} {}

    result<void> folder(const manifest_entry& e) override {
        const auto path = inside(e);
        if (path.empty()) return {}; // the top folders are made
        return writer(e).add_folder(path, e.mode, {e.mtime, 0});
    }
    result<void> link(const manifest_entry& e) override { return writer(e).add_link(inside(e), e.target); }
    result<manifest_entry> file(const manifest_entry& e, const byte_source& from) override {
        const byte_source counted = [&](char* buffer, std::size_t size) -> result<std::size_t> {
            auto n = from(buffer, size);
            if (n && to_.on_progress) to_.on_progress(*n);
            return n;
        };
        return writer(e).add_file(inside(e), e.mode, {e.mtime, 0}, UINT64_MAX >> 1, counted);
    }

private:
    static bool is_state(const manifest_entry& e) { return e.path.starts_with(state_folder); }
    tree_writer& writer(const manifest_entry& e) { return is_state(e) ? state_ : work_; }
    static std::string inside(const manifest_entry& e) {
        const auto top = is_state(e) ? state_folder.size() : work_folder.size();
        return e.path.size() > top ? e.path.substr(top + 1) : std::string{};
    }
    tree_writer& state_;
    tree_writer& work_;
    const restore_places& to_;
};

// The token that the agent was started with last, where the backup has its mask: the gateway knows that one.
result<void> put_token_back(const place& state) {
    const auto token_file = state.path + "/" + state.name + "/token";
    const auto old = read_file(token_file, 4096);
    if (!old) return {}; // a start makes one
    const auto fresh = state.path + "/" + state.fresh;
    if (auto r = write_file_atomically(fresh + "/token", *old, 0600); !r) return r;
    const auto settings = read_file(fresh + "/openclaw.json", largest_config);
    if (!settings) return {};
    const auto token = old->substr(0, old->find('\n'));
    auto changed = unmask_token(*settings, token);
    if (changed == *settings) return {};
    return write_file_atomically(fresh + "/openclaw.json", changed, 0600);
}

result<void> put_in_place(const place& p, notes& aside) {
    if (exists(p.parent.get(), p.name)) {
        if (auto r = rename_in(p.parent.get(), p.name, p.before); !r) return r;
        aside.push_back(p.path + "/" + p.before);
    }
    return rename_in(p.parent.get(), p.fresh, p.name);
}

void put_back(const place& p) {
    if (!exists(p.parent.get(), p.before)) return;
    if (exists(p.parent.get(), p.name)) (void)rename_in(p.parent.get(), p.name, p.fresh);
    (void)rename_in(p.parent.get(), p.before, p.name);
}

result<restore_report> restore_into(int fd, const place& state, const place& work, const restore_places& to) {
    auto new_state = tree_writer::make(state.parent.get(), state.fresh);
    if (!new_state) return new_state.error();
    auto new_work = tree_writer::make(work.parent.get(), work.fresh);
    if (!new_work) return new_work.error();
    restoring_receiver receiver{*new_state, *new_work, to};
    auto list = read_backup(fd, receiver);
    if (!list) return list.error();
    for (auto* each : {&*new_state, &*new_work})
        if (auto r = each->finish(); !r) return r.error();
    if (auto r = put_token_back(state); !r) return r.error();

    restore_report report;
    report.list = std::move(*list);
    auto placed = put_in_place(state, report.aside);
    if (placed) placed = put_in_place(work, report.aside);
    if (!placed) {
        put_back(work);
        put_back(state);
        return placed.error();
    }
    return report;
}

} // namespace

result<restore_report> restore_backup(int fd, const restore_places& to) {
    const auto stamp = time_stamp();
    const auto state = make_place(to.state, stamp);
    if (!state) return state.error();
    const auto work = make_place(to.work, stamp);
    if (!work) return work.error();
    auto done = restore_into(fd, *state, *work, to);
    if (!done) {
        (void)remove_tree(state->parent.get(), state->fresh);
        (void)remove_tree(work->parent.get(), work->fresh);
    }
    return done;
}

} // namespace clawgate::pod
