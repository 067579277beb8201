#include "pod/archive.hpp"

#include "pod/checksum.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace clawgate::pod {
namespace {

constexpr std::size_t block = 256 * 1024;
constexpr std::size_t largest_text = 256u << 20;

using reader = std::unique_ptr<archive, int (*)(archive*)>;

error refused(const std::string& why) {
    return error{errc::corrupt, fault::client, retry::never, why};
}

error broken(archive* a, const std::string& where) {
    const char* why = archive_error_string(a);
    return refused("the backup is damaged " + where + ": " + (why != nullptr ? why : "unknown reason"));
}

byte_source data_of(archive* a, const std::string& path) {
    return [a, path](char* buffer, std::size_t size) -> result<std::size_t> {
        const auto n = archive_read_data(a, buffer, size);
        if (n < 0) return broken(a, "in " + printable(path));
        return static_cast<std::size_t>(n);
    };
}

result<std::string> text_of(const byte_source& from, const std::string& path) {
    std::string out;
    std::vector<char> buffer(block);
    while (true) {
        const auto n = from(buffer.data(), buffer.size());
        if (!n) return n.error();
        if (*n == 0) return out;
        out.append(buffer.data(), *n);
        if (out.size() > largest_text) return refused(printable(path) + " is too large");
    }
}

// The member as the tar describes it, or why it may not be there.
result<manifest_entry> member_of(archive_entry* h) {
    const char* path = archive_entry_pathname(h);
    manifest_entry e;
    e.path = path != nullptr ? path : "";
    while (e.path.ends_with('/')) // of a folder
        e.path.pop_back();
    if (auto wrong = check_member_path(e.path); !wrong.empty()) return refused(wrong);
    e.mode = archive_entry_perm(h) & 0777;
    e.mtime = archive_entry_mtime(h);
    if (archive_entry_hardlink(h) != nullptr) return refused("'" + printable(e.path) + "' is a hard link");
    switch (archive_entry_filetype(h)) {
    case AE_IFREG: return e;
    case AE_IFDIR: e.type = node::folder; return e;
    case AE_IFLNK: {
        e.type = node::link;
        const char* target = archive_entry_symlink(h);
        e.target = target != nullptr ? target : "";
        if (auto wrong = check_link_target(e.path, e.target); !wrong.empty()) return refused(wrong);
        return e;
    }
    default: return refused("'" + printable(e.path) + "' is neither a file, a folder nor a link");
    }
}

bool lies_in_its_folder(const manifest_entry& e) {
    for (const auto folder : {state_folder, work_folder}) {
        if (e.path == folder) return e.type == node::folder;
        if (e.path.starts_with(folder) && e.path[folder.size()] == '/') return true;
    }
    return false;
}

class backup_reader {
public:
    backup_reader(archive* a, member_receiver& to)
        : a_{a}
        , to_{to} {}

    result<manifest> run() {
        if (auto r = header(); !r) return r.error();
        while (true) {
            archive_entry* h = nullptr;
            const int code = archive_read_next_header(a_, &h);
            if (code == ARCHIVE_EOF) return refused("the backup is cut off: its list of files is missing");
            if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return broken(a_, after());
            auto e = member_of(h);
            if (!e) return e.error();
            last_ = e->path;
            if (e->path == manifest_member) return compare();
            if (auto r = take(*e); !r) return r.error();
        }
    }

private:
    std::string after() const { return last_.empty() ? "at its beginning" : "after " + printable(last_); }

    result<void> header() {
        archive_entry* h = nullptr;
        const int code = archive_read_next_header(a_, &h);
        const char* path = code == ARCHIVE_OK ? archive_entry_pathname(h) : nullptr;
        if (path == nullptr || path != header_member)
            return refused("it is not a backup made by `clawgate backup`");
        const auto text = text_of(data_of(a_, std::string{header_member}), std::string{header_member});
        if (!text) return text.error();
        // The version first: a later one may be written differently from here on.
        if (auto m = parse_manifest(*text, "backup"); !m) return m.error();
        return {};
    }

    result<void> take(manifest_entry& e) {
        if (!lies_in_its_folder(e))
            return refused("'" + printable(e.path) + "' does not belong into a backup");
        if (seen_.contains(e.path)) return refused("'" + printable(e.path) + "' is there twice");
        if (e.type == node::folder) {
            if (auto r = to_.folder(e); !r) return r;
        } else if (e.type == node::link) {
            if (auto r = to_.link(e); !r) return r;
        } else {
            auto written = to_.file(e, data_of(a_, e.path));
            if (!written) return written.error();
            e.size = written->size;
            e.sha256 = written->sha256;
        }
        auto path = e.path;
        seen_.emplace(std::move(path), std::move(e));
        return {};
    }

    result<manifest> compare() {
        const auto text = text_of(data_of(a_, std::string{manifest_member}), std::string{manifest_member});
        if (!text) return text.error();
        auto list = parse_manifest(*text, "backup");
        if (!list) return list.error();
        for (auto& wanted : list->entries) {
            const auto found = seen_.find(wanted.path);
            if (found == seen_.end()) return refused(printable(wanted.path) + " is missing in the backup");
            auto same = wanted;
            same.damaged = false; // says something about the original, not about the copy
            if (!(found->second == same))
                return refused(printable(wanted.path) +
                               " is damaged: it differs from the backup's list of files");
            seen_.erase(found);
        }
        if (!seen_.empty())
            return refused(printable(seen_.begin()->first) + " is not in the backup's list of files");
        archive_entry* h = nullptr;
        if (archive_read_next_header(a_, &h) != ARCHIVE_EOF)
            return refused("something follows the backup's list of files");
        return list;
    }

    archive* a_;
    member_receiver& to_;
    std::map<std::string, manifest_entry> seen_;
    std::string last_;
};

} // namespace

result<manifest> read_backup(int fd, member_receiver& to) {
    const reader a{archive_read_new(), archive_read_free};
    // Nothing but what archive_writer makes: every other format is only more code that hostile bytes reach.
    if (archive_read_support_format_tar(a.get()) != ARCHIVE_OK ||
        archive_read_support_format_gnutar(a.get()) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(a.get()) != ARCHIVE_OK ||
        archive_read_open_fd(a.get(), fd, block) != ARCHIVE_OK)
        return refused("it is not a backup made by `clawgate backup`");
    return backup_reader{a.get(), to}.run();
}

result<manifest_entry> checking_receiver::file(const manifest_entry& e, const byte_source& from) {
    manifest_entry out = e;
    sha256 sum;
    std::vector<char> buffer(block);
    while (true) {
        const auto n = from(buffer.data(), buffer.size());
        if (!n) return n.error();
        if (*n == 0) break;
        sum.add({buffer.data(), *n});
        out.size += *n;
    }
    out.sha256 = sum.hex();
    return out;
}

} // namespace clawgate::pod
