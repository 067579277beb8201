#include "pod/directory.hpp"

#include "core/secret.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

namespace clawgate::pod {
namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// 0 or an errno. Everything below `fd` gets the owner; links themselves, not what they point to. A file with
// several names is left alone: one of them may be in somebody else's folder.
int change_owner_below(int fd, owner whose, int depth = 0) {
    if (depth > 64) return ELOOP;
    const int copy = ::dup(fd);
    if (copy < 0) return errno;
    std::unique_ptr<DIR, int (*)(DIR*)> list{::fdopendir(copy), ::closedir};
    if (!list) {
        const int e = errno;
        ::close(copy);
        return e;
    }
    ::rewinddir(list.get());
    while (const dirent* entry = ::readdir(list.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        struct stat st {};
        if (::fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISDIR(st.st_mode)) {
            const int below = ::openat(fd, entry->d_name, folder_flags);
            if (below < 0) return errno;
            int e = change_owner_below(below, whose, depth + 1);
            if (e == 0 && ::fchown(below, whose.uid, whose.gid) != 0) e = errno;
            ::close(below);
            if (e != 0) return e;
        } else if (st.st_nlink == 1 &&
                   ::fchownat(fd, entry->d_name, whose.uid, whose.gid, AT_SYMLINK_NOFOLLOW) != 0) {
            return errno;
        }
    }
    return 0;
}

constexpr std::string_view temporary_mark = ".tmp-";

/// What a writer of `name` left that was killed. An agent may own the folder and fill it: the search is bounded.
void remove_leftovers(int fd, const std::string& name) {
    constexpr int most_entries = 100'000;
    const int copy = ::openat(fd, ".", folder_flags);
    if (copy < 0) return;
    std::unique_ptr<DIR, int (*)(DIR*)> list{::fdopendir(copy), ::closedir};
    if (!list) {
        ::close(copy);
        return;
    }
    const auto prefix = name + std::string{temporary_mark};
    for (int seen = 0; seen < most_entries; ++seen) {
        const dirent* const entry = ::readdir(list.get());
        if (entry == nullptr) return;
        if (std::string_view{entry->d_name}.starts_with(prefix)) ::unlinkat(fd, entry->d_name, 0);
    }
}

int write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return 0;
}

} // namespace

directory::directory(int fd, std::string path) noexcept
    : fd_{fd}
    , path_{std::move(path)} {}
directory::directory(directory&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)}
    , path_{std::move(other.path_)} {}
directory& directory::operator=(directory&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
}
directory::~directory() {
    if (fd_ >= 0) ::close(fd_);
}

error directory::failure(std::string_view doing, const std::string& name) const {
    const int number = errno;
    return error{number == ENOENT ? errc::not_found : errc::io, fault::gateway, retry::never,
                 "cannot " + std::string{doing} + " " + path_ + "/" + name + ": " +
                     std::generic_category().message(number)};
}

result<directory> directory::open_trusted(const std::string& path) {
    std::error_code ec;
    std::filesystem::create_directories(path, ec);
    if (ec) return error{errc::io, fault::gateway, retry::never, "cannot make " + path + ": " + ec.message()};
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error{errc::io, fault::gateway, retry::never,
                     "cannot open " + path + ": " + std::generic_category().message(errno)};
    return directory{fd, path};
}

result<directory> directory::make(const std::string& name, unsigned mode, std::optional<owner> whose) const {
    struct stat there {};
    if (::fstatat(fd_, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        (!S_ISDIR(there.st_mode) || (whose && is_pod_user(there.st_uid) && there.st_uid != whose->uid)))
        if (auto r = move_aside(name); !r) return r.error();
    int fd = ::openat(fd_, name.c_str(), folder_flags);
    if (fd < 0 && errno == ENOENT) {
        if (::mkdirat(fd_, name.c_str(), 0700) != 0 && errno != EEXIST) return failure("make", name);
        fd = ::openat(fd_, name.c_str(), folder_flags);
    }
    if (fd < 0) return failure("open", name);
    directory made{fd, path_ + "/" + name};

    struct stat st {};
    if (::fstat(fd, &st) != 0) return failure("look at", name);
    // The group alone is something that an agent can change by itself: no reason to walk through all that it has.
    if (whose && st.st_uid != whose->uid) {
        errno = change_owner_below(fd, *whose);
        if (errno != 0) return failure("change the owner of what is in", name);
    }
    if (whose && (st.st_uid != whose->uid || st.st_gid != whose->gid)) {
        if (::fchown(fd, whose->uid, whose->gid) != 0) return failure("change the owner of", name);
    }
    if ((st.st_mode & 07777) != mode && ::fchmod(fd, static_cast<mode_t>(mode)) != 0)
        return failure("change the mode of", name);
    return made;
}

result<std::string> directory::read(const std::string& name, std::size_t max_bytes) const {
    // O_NONBLOCK: a FIFO that somebody put there must not hold the start up.
    const int fd = ::openat(fd_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return failure("open", name);
    const directory closer{fd, {}};
    struct stat st {};
    if (::fstat(fd, &st) != 0) return failure("look at", name);
    if (!S_ISREG(st.st_mode))
        return error{errc::io, fault::gateway, retry::never, path_ + "/" + name + " is not a regular file"};
    std::string bytes;
    char buffer[16 * 1024];
    while (true) {
        const auto n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure("read", name);
        if (n == 0) return bytes;
        bytes.append(buffer, static_cast<std::size_t>(n));
        if (bytes.size() > max_bytes)
            return error{errc::too_large, fault::gateway, retry::never, path_ + "/" + name + " is too large"};
    }
}

result<void> directory::write(const std::string& name, std::string_view bytes, unsigned mode,
                              std::optional<owner> whose) const {
    remove_leftovers(fd_, name);
    const auto temporary = name + std::string{temporary_mark} + random_token(9);
    const int fd =
        ::openat(fd_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return failure("make", temporary);
    const directory closer{fd, {}};
    errno = write_all(fd, bytes);
    const auto take_name = [&] { return ::renameat(fd_, temporary.c_str(), fd_, name.c_str()) == 0; };
    // A folder cannot be replaced by a file.
    const auto free_name = [&] { return errno == EISDIR && move_aside(name).has_value(); };
    if (errno == 0 && ::fchmod(fd, static_cast<mode_t>(mode)) == 0 &&
        (!whose || ::fchown(fd, whose->uid, whose->gid) == 0) && ::fsync(fd) == 0 &&
        (take_name() || (free_name() && take_name()))) {
        ::fsync(fd_); // not every file system can; the new contents are complete either way
        return {};
    }
    const auto failed = failure("replace", name);
    ::unlinkat(fd_, temporary.c_str(), 0);
    return failed;
}

result<descriptor> directory::lock(const std::string& name) const {
    const int fd = ::openat(fd_, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return failure("open", name);
    descriptor held{fd};
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return failure("lock", name);
    return held;
}

result<void> directory::give(const std::string& name, unsigned mode, std::optional<owner> whose) const {
    const int fd = ::openat(fd_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return failure("open", name);
    const directory closer{fd, {}};
    struct stat st {};
    if (::fstat(fd, &st) != 0) return failure("look at", name);
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
        return error{errc::io, fault::gateway, retry::never, path_ + "/" + name + " is not a plain file"};
    if (whose && ::fchown(fd, whose->uid, whose->gid) != 0) return failure("change the owner of", name);
    if (::fchmod(fd, static_cast<mode_t>(mode)) != 0) return failure("change the mode of", name);
    return {};
}

result<void> directory::link(const std::string& name, const std::string& target,
                             std::optional<owner> whose) const {
    if (::symlinkat(target.c_str(), fd_, name.c_str()) != 0) {
        if (errno == EEXIST) return {};
        return failure("link", name);
    }
    if (whose && ::fchownat(fd_, name.c_str(), whose->uid, whose->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return failure("change the owner of", name);
    return {};
}

result<void> directory::move_aside(const std::string& name) const {
    const auto aside = name + ".aside-" + random_token(6);
    if (::renameat(fd_, name.c_str(), fd_, aside.c_str()) != 0) return failure("move aside", name);
    std::cerr << "warning: " << path_ << '/' << name << " cannot be used as it is; it was moved to " << aside << '\n';
    return {};
}

result<bool> directory::close_to_agents() const {
    struct stat st {};
    if (::fstat(fd_, &st) != 0) return failure("look at", ".");
    const bool open = (st.st_mode & S_IWOTH) != 0 || ((st.st_mode & S_IWGRP) != 0 && is_pod_user(st.st_gid));
    if (!open) return false;
    if (::fchmod(fd_, st.st_mode & 07777 & ~mode_t{S_IWGRP | S_IWOTH}) != 0) return failure("change the mode of", ".");
    return true;
}

result<void> directory::let_others_pass() const {
    struct stat st {};
    if (::fstat(fd_, &st) != 0) return failure("look at", ".");
    if ((st.st_mode & 0111) == 0111 || ::geteuid() != st.st_uid) return {};
    if (::fchmod(fd_, (st.st_mode & 07777) | 0111) != 0) return failure("change the mode of", ".");
    return {};
}

std::string unsafe_parent(const std::string& path) {
    const auto folder = std::filesystem::path{path}.parent_path();
    std::filesystem::path way;
    for (const auto& part : folder) {
        way /= part;
        struct stat st {};
        if (::stat(way.c_str(), &st) == 0 && (st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
            return way.string();
    }
    return {};
}

std::string closed_folder(const std::string& path) {
    for (std::size_t end = 1; end != path.npos;) {
        end = path.find('/', end + 1);
        const auto part = path.substr(0, end);
        struct stat st {};
        if (::stat(part.c_str(), &st) != 0 || (st.st_mode & S_IXOTH) == 0) return part;
    }
    return {};
}

} // namespace clawgate::pod
