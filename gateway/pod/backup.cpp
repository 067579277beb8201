#include "pod/backup.hpp"

#include "core/secret.hpp"
#include "pod/snapshot.hpp"
#include "pod/state_contents.hpp"
#include "pod/tree_export.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace clawgate::pod {
namespace {

constexpr std::size_t largest_config = 8u << 20;

class backup_writer {
public:
    backup_writer(archive_writer& to, const backup_sources& from, manifest& list, int own_fd)
        : to_{to}
        , from_{from}
        , list_{list} {
        ::fstat(own_fd, &own_);
    }

    // The folder at `root` as `top` in the backup. `is_state`: what only a state has is left out.
    result<void> tree(const std::string& root, std::string_view top, bool is_state) {
        manifest_entry folder;
        folder.path = top;
        folder.type = node::folder;
        folder.mode = 0700;
        if (auto r = put(std::move(folder), 0, {}); !r) return r;
        export_options options;
        options.scratch =
            std::filesystem::path{root}.parent_path().string() + "/.clawgate-backup-" + random_token(6);
        options.leave_out = [&](const tree_entry& e) { return is_left_out(e, is_state); };
        if (from_.without_secrets) options.change_database = remove_secrets;
        const auto take = [&](const member& m) { return this->take(m, top, is_state); };
        return export_tree(root, options, take, list_.remarks);
    }

private:
    bool is_left_out(const tree_entry& e, bool is_state) const {
        if (e.st.st_dev == own_.st_dev && e.st.st_ino == own_.st_ino) return true; // this very file
        if (is_state && (is_disposable(e.path) || is_service_token(e.path) || e.path == manifest_name))
            return true;
        return from_.without_secrets && is_secret_file(e.path);
    }

    result<void> take(const member& m, std::string_view top, bool is_state) {
        manifest_entry e;
        e.path = std::string{top} + "/" + m.path;
        e.type = m.type;
        e.mode = m.mode;
        e.mtime = m.mtime.tv_sec;
        e.target = m.target;
        e.damaged = m.damaged;
        if (m.type == node::link) {
            if (const auto wrong = check_link_target(e.path, e.target); !wrong.empty()) {
                list_.remarks.push_back(wrong + " and was left out");
                return {};
            }
        }
        if (m.type != node::file) return put(std::move(e), 0, {});
        if (from_.without_secrets && is_state && m.path == "openclaw.json")
            return configuration(m, std::move(e));
        // Not in databases: SQLite would find its pages changed. OpenClaw keeps the token in its files only.
        auto source = m.database ? read_from(m.fd) : mask_token(read_from(m.fd), from_.token);
        return put(std::move(e), m.size, source);
    }

    result<void> configuration(const member& m, manifest_entry e) {
        std::string text(std::min<std::uint64_t>(m.size, largest_config), '\0');
        const auto n = ::pread(m.fd, text.data(), text.size(), 0);
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        const auto clean = config_without_secrets(text);
        if (!clean) {
            list_.remarks.push_back(printable(m.path) +
                                    " was left out: its secrets cannot be told from the rest, " +
                                    clean.error().detail);
            return {};
        }
        std::string_view rest = *clean;
        const auto from = [rest](char* buffer, std::size_t size) mutable -> result<std::size_t> {
            const auto count = std::min(size, rest.size());
            std::copy_n(rest.begin(), count, buffer);
            rest.remove_prefix(count);
            return count;
        };
        return put(std::move(e), clean->size(), from);
    }

    result<void> put(manifest_entry e, std::uint64_t size, const byte_source& from) {
        if (auto r = to_.add(e, size, from); !r) return r;
        if (from_.on_progress) from_.on_progress(e.size);
        list_.entries.push_back(std::move(e));
        return {};
    }

    archive_writer& to_;
    const backup_sources& from_;
    manifest& list_;
    struct stat own_ {};
};

} // namespace

result<manifest> write_backup(int fd, const backup_sources& from) {
    manifest list;
    list.kind = "backup";
    list.id = random_token(12);
    list.agent = from.agent;
    list.created = time_stamp();
    list.without_secrets = from.without_secrets;
    auto to = archive_writer::open(fd);
    if (!to) return to.error();
    if (auto r = to->add_text(header_member, to_json(list)); !r) return r.error();
    backup_writer writer{*to, from, list, fd};
    if (auto r = writer.tree(from.state, state_folder, true); !r) return r.error();
    if (open_folder(from.work))
        if (auto r = writer.tree(from.work, work_folder, false); !r) return r.error();
    if (auto r = to->add_text(manifest_member, to_json(list)); !r) return r.error();
    if (auto r = to->close(); !r) return r.error();
    if (::fsync(fd) != 0) return system_error("sync", "the backup");

    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (::lseek(fd, 0, SEEK_SET) != 0) return system_error("read back", "the backup");
    checking_receiver check;
    if (auto r = read_backup(fd, check); !r) return r.error();
    return list;
}

} // namespace clawgate::pod
