#include "pod/tree_export.hpp"

#include "pod/manifest.hpp"
#include "pod/sqlite_copy.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

namespace clawgate::pod {
namespace {

std::string folder_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == path.npos ? std::string{} : std::string{path.substr(0, slash + 1)};
}

// A file that is nearly all hole: reading terabytes of nothing would keep everybody waiting. Compression of
// the file system alone does not get there.
bool is_mostly_hole(const struct stat& st) {
    constexpr off_t large = off_t{1} << 30;
    return st.st_size > large && static_cast<off_t>(st.st_blocks) * 512 < st.st_size / 16;
}

std::string kind_of(const struct stat& st) {
    if (S_ISFIFO(st.st_mode)) return "a FIFO";
    if (S_ISSOCK(st.st_mode)) return "a socket";
    return "a device";
}

class exporter {
public:
    exporter(const export_options& options, const std::function<result<void>(const member&)>& take,
             notes& remarks)
        : options_{options}
        , take_{take}
        , remarks_{remarks} {}

    result<void> run(const std::string& path) {
        const auto root = open_folder(path);
        if (!root) return root.error();
        // SQLite takes a path, and refuses links in it: the real one of what is open here.
        root_ = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(root->get())).string();
        return walk(
            root->get(), [this](const tree_entry& e) { return entry(e); }, remarks_);
    }

private:
    result<bool> entry(const tree_entry& e) {
        if (options_.leave_out && options_.leave_out(e)) return false;
        auto done = e.type == node::file ? file(e) : e.type == node::other ? skip(e) : simple(e);
        if (!done) return done.error();
        if (options_.after_step) options_.after_step(e.path);
        return true;
    }

    result<void> skip(const tree_entry& e) {
        remarks_.push_back(printable(e.path) + " is " + kind_of(e.st) + " and was left out");
        return {};
    }

    static member member_of(const tree_entry& e) {
        member m;
        m.path = e.path;
        m.type = e.type;
        m.mode = e.st.st_mode & 0777; // never set-user-id
        m.mtime = e.st.st_mtim;
        m.target = e.target;
        return m;
    }

    result<void> simple(const tree_entry& e) { return take_(member_of(e)); }

    result<void> file(const tree_entry& e) {
        if (const auto owner = database_of_companion(e.name);
            !owner.empty() && databases_.contains(folder_of(e.path) + std::string{owner}))
            return {}; // its contents are in the copy of the database
        // O_NONBLOCK: it may have become a FIFO since it was looked at.
        const descriptor fd{
            ::openat(e.parent, e.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
        struct stat st {};
        if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) {
            if (errno != ENOENT)
                remarks_.push_back(printable(e.path) + " cannot be read (" +
                                   std::generic_category().message(errno) + ") and was left out");
            return {};
        }
        if (is_mostly_hole(st)) {
            remarks_.push_back(printable(e.path) +
                               " is a large file with almost nothing in it, and was left out");
            return {};
        }
        auto m = member_of(e);
        if (is_database(fd.get())) return database(e, fd.get(), std::move(m));
        return plain(fd.get(), static_cast<std::uint64_t>(st.st_size), std::move(m));
    }

    result<void> plain(int fd, std::uint64_t size, member m) {
        m.fd = fd;
        m.size = size;
        return take_(m);
    }

    result<void> database(const tree_entry& e, int as_it_is, member m) {
        std::error_code ec;
        std::filesystem::create_directory(options_.scratch, ec);
        if (ec)
            return error{errc::io, fault::gateway, retry::never,
                         "cannot make " + options_.scratch + ": " + ec.message()};
        std::filesystem::permissions(options_.scratch, std::filesystem::perms::owner_all, ec);
        const auto copy = options_.scratch + "/database";
        std::filesystem::remove(copy, ec);
        const auto made = copy_database(root_ + "/" + e.path, copy);
        if (!made && options_.change_database) {
            remarks_.push_back(printable(e.path) + ": " + made.error().detail + "; it was left out");
            return {};
        }
        if (!made) {
            remarks_.push_back(printable(e.path) + ": " + made.error().detail + "; it was copied as it is");
            struct stat st {};
            if (::fstat(as_it_is, &st) != 0) return system_error("look at", e.path);
            m.damaged = true;
            return plain(as_it_is, static_cast<std::uint64_t>(st.st_size), std::move(m));
        }
        databases_.insert(e.path);
        if (!made->sound)
            remarks_.push_back(printable(e.path) + " is a damaged database; it was copied as it is");
        m.damaged = !made->sound;
        m.database = true;
        if (options_.change_database)
            if (auto r = options_.change_database(copy); !r) return r;
        const descriptor fd{::open(copy.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
        struct stat st {};
        if (!fd || ::fstat(fd.get(), &st) != 0) return system_error("open the copy of", e.path);
        auto taken = plain(fd.get(), static_cast<std::uint64_t>(st.st_size), std::move(m));
        std::filesystem::remove(copy, ec);
        return taken;
    }

    const export_options& options_;
    const std::function<result<void>(const member&)>& take_;
    notes& remarks_;
    std::string root_;
    std::set<std::string> databases_; // copied through SQLite
};

} // namespace

result<void> export_tree(const std::string& root, const export_options& options,
                         const std::function<result<void>(const member&)>& take, notes& remarks) {
    const auto scrap = [&] {
        std::error_code ignored;
        std::filesystem::remove_all(options.scratch, ignored); // follows no link
    };
    scrap();
    auto done = exporter{options, take, remarks}.run(root);
    scrap();
    return done;
}

std::uint64_t size_of_tree(const std::string& root) {
    std::uint64_t sum = 0;
    notes ignored;
    const auto fd = open_folder(root);
    if (!fd) return 0;
    const auto add = [&](const tree_entry& e) -> result<bool> {
        if (e.type == node::file) sum += static_cast<std::uint64_t>(e.st.st_size);
        return true;
    };
    return walk(fd->get(), add, ignored) ? sum : 0;
}

} // namespace clawgate::pod
