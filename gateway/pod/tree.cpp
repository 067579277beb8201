#include "pod/tree.hpp"

#include "core/secret.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

namespace clawgate::pod {
namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int deepest = 128;               // a descriptor each
constexpr std::size_t longest_path = 4000; // system calls take less than 4096 bytes

// Names in `fd`, in order; errno when it cannot be read.
int names_in(int fd, std::vector<std::string>& out) {
    // A description of its own: the position in a folder is shared by descriptors that were duplicated.
    const int again = ::openat(fd, ".", folder_flags);
    if (again < 0) return errno;
    std::unique_ptr<DIR, int (*)(DIR*)> list{::fdopendir(again), ::closedir};
    if (!list) {
        const int e = errno;
        ::close(again);
        return e;
    }
    errno = 0;
    while (const dirent* entry = ::readdir(list.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") out.emplace_back(name);
    }
    if (errno != 0) return errno;
    std::sort(out.begin(), out.end());
    return 0;
}

node type_of(const struct stat& st) {
    if (S_ISDIR(st.st_mode)) return node::folder;
    if (S_ISREG(st.st_mode)) return node::file;
    if (S_ISLNK(st.st_mode)) return node::link;
    return node::other;
}

std::string reason(int number) {
    return std::generic_category().message(number);
}

class walker {
public:
    walker(const std::function<result<bool>(const tree_entry&)>& visit, notes& remarks)
        : visit_{visit}
        , remarks_{remarks} {}

    result<void> folder(int fd, const std::string& path, int depth) {
        std::vector<std::string> names;
        if (const int e = names_in(fd, names); e != 0) {
            if (path.empty())
                return error{errc::io, fault::gateway, retry::never, "cannot list it: " + reason(e)};
            remarks_.push_back(path + " cannot be read (" + reason(e) + ") and was left out");
            return {};
        }
        for (auto& name : names)
            if (auto r = entry(fd, path, name, depth); !r) return r;
        return {};
    }

private:
    result<void> entry(int fd, const std::string& path, const std::string& name, int depth) {
        tree_entry e;
        e.name = name;
        e.path = path.empty() ? name : path + "/" + name;
        e.parent = fd;
        if (e.path.size() > longest_path) {
            remarks_.push_back(path.substr(0, 100) + "…: a path in it is too long and was left out");
            return {};
        }
        if (::fstatat(fd, name.c_str(), &e.st, AT_SYMLINK_NOFOLLOW) != 0) return {}; // gone meanwhile
        e.type = type_of(e.st);
        if (e.type == node::link && !read_link(fd, name, e.target)) return {};
        const auto wanted = visit_(e);
        if (!wanted) return wanted.error();
        if (e.type != node::folder || !*wanted) return {};
        if (depth >= deepest) {
            remarks_.push_back(e.path + " is nested too deeply; its contents were left out");
            return {};
        }
        const descriptor below{::openat(fd, name.c_str(), folder_flags)};
        if (!below) {
            remarks_.push_back(e.path + " cannot be opened (" + reason(errno) +
                               "); its contents were left out");
            return {};
        }
        return folder(below.get(), e.path, depth + 1);
    }

    static bool read_link(int fd, const std::string& name, std::string& target) {
        std::array<char, 4096> bytes;
        const auto n = ::readlinkat(fd, name.c_str(), bytes.data(), bytes.size());
        if (n < 0) return false;
        target.assign(bytes.data(), static_cast<std::size_t>(n));
        return true;
    }

    const std::function<result<bool>(const tree_entry&)>& visit_;
    notes& remarks_;
};

// 0 or an errno.
int remove_below(int parent, const std::string& name, int depth) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM && errno != EACCES) return errno;
    if (depth > 4096) return ELOOP;
    // Its owner may have taken his own rights away; where he is somebody else this fails, as it should.
    descriptor below{::openat(parent, name.c_str(), folder_flags)};
    if (!below && errno == EACCES && ::fchmodat(parent, name.c_str(), 0700, 0) == 0)
        below = descriptor{::openat(parent, name.c_str(), folder_flags)};
    if (!below) return errno;
    struct stat st {};
    if (::fstat(below.get(), &st) == 0 && (st.st_mode & 0700) != 0700) ::fchmod(below.get(), 0700);
    std::vector<std::string> names;
    if (const int e = names_in(below.get(), names); e != 0) return e;
    for (const auto& each : names)
        if (const int e = remove_below(below.get(), each, depth + 1); e != 0) return e;
    return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
}

} // namespace

error system_error(std::string_view doing, std::string_view what) {
    const int number = errno;
    return error{number == ENOENT ? errc::not_found : errc::io, fault::gateway, retry::never,
                 "cannot " + std::string{doing} + " " + std::string{what} + ": " + reason(number)};
}

result<void> walk(int root, const std::function<result<bool>(const tree_entry&)>& visit, notes& remarks) {
    return walker{visit, remarks}.folder(root, {}, 0);
}

result<descriptor> open_folder(int parent, const std::string& name) {
    descriptor fd{::openat(parent, name.c_str(), folder_flags)};
    if (!fd) return system_error("open the folder", name);
    return fd;
}

result<descriptor> open_folder(const std::string& path) {
    return open_folder(AT_FDCWD, path);
}

bool exists(int parent, const std::string& name) {
    struct stat st {};
    return ::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

result<void> remove_tree(int parent, const std::string& name) {
    errno = remove_below(parent, name, 0);
    if (errno != 0) return system_error("remove", name);
    return {};
}

result<void> rename_in(int parent, const std::string& from, const std::string& to) {
    if (::renameat(parent, from.c_str(), parent, to.c_str()) != 0) return system_error("rename", from);
    // Some network file systems cannot fsync a directory (EINVAL): the rename itself has happened.
    if (::fsync(parent) != 0 && errno != EINVAL) return system_error("sync the folder of", to);
    return {};
}

result<void> move_away(int parent, const std::string& name) {
    return rename_in(parent, name, name + ".aside-" + random_token(6));
}

result<void> clear_name(int parent, const std::string& name) {
    if (remove_tree(parent, name)) return {};
    return move_away(parent, name);
}

} // namespace clawgate::pod
