#include "pod/tree_writer.hpp"

#include "pod/checksum.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace clawgate::pod {
namespace {

constexpr std::size_t block = 256 * 1024;
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool all_zero(const char* bytes, std::size_t size) {
    return std::all_of(bytes, bytes + size, [](char c) { return c == 0; });
}

int write_all(int fd, const char* bytes, std::size_t size) {
    while (size > 0) {
        const auto n = ::write(fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        bytes += n;
        size -= static_cast<std::size_t>(n);
    }
    return 0;
}

// Up to `size` bytes into `fd`; returns how many came.
result<std::uint64_t> pour(int fd, const std::string& path, std::uint64_t size, const byte_source& from,
                           sha256& sum) {
    std::vector<char> buffer(block);
    std::uint64_t done = 0;
    while (done < size) {
        const auto n =
            from(buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(block, size - done)));
        if (!n) return n.error();
        if (*n == 0) break;
        sum.add({buffer.data(), *n});
        done += *n;
        // A sparse file of an agent's must not fill the volume.
        if (all_zero(buffer.data(), *n)) {
            if (::lseek(fd, static_cast<off_t>(*n), SEEK_CUR) < 0) return system_error("write", path);
        } else if (errno = write_all(fd, buffer.data(), *n); errno != 0) {
            return system_error("write", path);
        }
    }
    if (::ftruncate(fd, static_cast<off_t>(done)) != 0) return system_error("write", path);
    return done;
}

error differs(const std::string& path, std::string_view how) {
    return error{errc::corrupt, fault::gateway, retry::never, printable(path) + " " + std::string{how}};
}

result<void> verify_file(int root, const manifest_entry& e) {
    const descriptor fd{
        ::openat(root, e.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!fd) return system_error("open", printable(e.path));
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return system_error("look at", printable(e.path));
    if (!S_ISREG(st.st_mode)) return differs(e.path, "is not a file");
    if (static_cast<std::uint64_t>(st.st_size) != e.size)
        return differs(e.path, "has another size than when it was copied");
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
    sha256 sum;
    std::vector<char> buffer(block);
    while (true) {
        const auto n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("read", printable(e.path));
        if (n == 0) break;
        sum.add({buffer.data(), static_cast<std::size_t>(n)});
    }
    if (sum.hex() != e.sha256)
        return differs(e.path, "is damaged: its checksum is another one than when it was copied");
    return {};
}

result<void> verify_entry(int root, const manifest_entry& e) {
    if (e.type == node::file) return verify_file(root, e);
    struct stat st {};
    if (::fstatat(root, e.path.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return system_error("find", printable(e.path));
    if (e.type == node::folder) {
        if (!S_ISDIR(st.st_mode)) return differs(e.path, "is not a folder");
        return {};
    }
    std::array<char, 4097> target;
    const auto n = ::readlinkat(root, e.path.c_str(), target.data(), target.size());
    if (n < 0 || std::string_view{target.data(), static_cast<std::size_t>(n)} != e.target)
        return differs(e.path, "is not the link that it was");
    return {};
}

} // namespace

result<tree_writer> tree_writer::make(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0700) != 0) return system_error("make the folder", name);
    auto root = open_folder(parent, name);
    if (!root) return root.error();
    return tree_writer{std::move(*root)};
}

result<void> tree_writer::make_parents(const std::string& path) {
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
        const auto above = path.substr(0, slash);
        if (::mkdirat(root_.get(), above.c_str(), 0700) != 0 && errno != EEXIST)
            return system_error("make", printable(above));
    }
    return {};
}

result<void> tree_writer::add_folder(const std::string& path, unsigned mode, timespec mtime) {
    if (auto r = make_parents(path); !r) return r;
    if (::mkdirat(root_.get(), path.c_str(), 0700) != 0) {
        struct stat st {};
        if (errno != EEXIST || ::fstatat(root_.get(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(st.st_mode)) {
            errno = EEXIST;
            return system_error("make", printable(path));
        }
    }
    folders_.push_back({path, mode & 0777, mtime});
    return {};
}

result<void> tree_writer::add_link(const std::string& path, const std::string& target) {
    if (auto r = make_parents(path); !r) return r;
    links_.push_back({path, target});
    return {};
}

result<manifest_entry> tree_writer::add_file(const std::string& path, unsigned mode, timespec mtime,
                                             std::uint64_t size, const byte_source& from) {
    if (auto r = make_parents(path); !r) return r.error();
    const descriptor fd{
        ::openat(root_.get(), path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd) return system_error("make", printable(path));
    sha256 sum;
    const auto written = pour(fd.get(), printable(path), size, from, sum);
    if (!written) return written.error();
    const std::array<timespec, 2> times{mtime, mtime};
    if (::fchmod(fd.get(), static_cast<mode_t>(mode & 0777)) != 0 ||
        ::futimens(fd.get(), times.data()) != 0 || ::fsync(fd.get()) != 0)
        return system_error("write", printable(path));
    manifest_entry e;
    e.path = path;
    e.mode = mode & 0777;
    e.mtime = mtime.tv_sec;
    e.size = *written;
    e.sha256 = sum.hex();
    return e;
}

result<void> tree_writer::finish() {
    for (const auto& l : links_)
        if (::symlinkat(l.target.c_str(), root_.get(), l.path.c_str()) != 0)
            return system_error("make the link", printable(l.path));
    // Announced before their contents, so backwards is from the inside out: a folder may be closed to its
    // owner.
    for (auto f = folders_.rbegin(); f != folders_.rend(); ++f) {
        const descriptor fd{::openat(root_.get(), f->path.c_str(), folder_flags)};
        if (!fd) return system_error("open", printable(f->path));
        const std::array<timespec, 2> times{f->mtime, f->mtime};
        if (::fsync(fd.get()) != 0 && errno != EINVAL) return system_error("sync", printable(f->path));
        if (::futimens(fd.get(), times.data()) != 0 || ::fchmod(fd.get(), static_cast<mode_t>(f->mode)) != 0)
            return system_error("change the mode of", printable(f->path));
    }
    if (::fsync(root_.get()) != 0 && errno != EINVAL) return system_error("sync", "the new folder");
    return {};
}

byte_source read_from(int fd) {
    return [fd](char* buffer, std::size_t size) -> result<std::size_t> {
        while (true) {
            const auto n = ::read(fd, buffer, size);
            if (n >= 0) return static_cast<std::size_t>(n);
            if (errno != EINTR) return system_error("read", "a file");
        }
    };
}

result<void> verify_tree(int root, const std::vector<manifest_entry>& entries) {
    for (const auto& e : entries)
        if (auto r = verify_entry(root, e); !r) return r;
    return {};
}

} // namespace clawgate::pod
