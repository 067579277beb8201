#include "core/file.hpp"

#include "core/secret.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace clawgate {
namespace {

class descriptor {
public:
    explicit descriptor(int fd) noexcept
        : fd_{fd} {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    /// close(2) reports late write errors on network file systems, so it is asked, once.
    [[nodiscard]] int close() noexcept { return ::close(std::exchange(fd_, -1)); }

private:
    int fd_;
};

error failure(std::string_view doing, const std::string& path, int number) {
    const auto code = number == ENOENT ? errc::not_found : errc::io;
    return error{code, fault::gateway, retry::never,
                 "cannot " + std::string{doing} + " " + path + ": " +
                     std::generic_category().message(number)};
}

// 0, or the errno of the first call that failed.
int write_all(int fd, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return 0;
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == path.npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

// Everything between creating the temporary file and the rename; 0 or an errno.
int fill(const std::string& temporary, descriptor& file, std::string_view bytes, unsigned mode,
         const std::string& path) {
    if (const int e = write_all(file.get(), bytes)) return e;
    if (::fchmod(file.get(), static_cast<mode_t>(mode)) != 0) return errno; // the umask took part in open()
    if (::fsync(file.get()) != 0) return errno;
    if (file.close() != 0) return errno;
    if (::rename(temporary.c_str(), path.c_str()) != 0) return errno;
    return 0;
}

} // namespace

result<void> write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode) {
    const auto directory = directory_of(path);
    const auto temporary = path + ".tmp-" + random_token(9);
    // Without the others' bits until it is complete; O_EXCL also refuses a link that somebody put there.
    descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                           static_cast<mode_t>(mode & 0700))};
    if (!file)
        return error{errc::io, fault::gateway, retry::never, failure("create", temporary, errno).detail};
    if (const int e = fill(temporary, file, bytes, mode, path)) {
        ::unlink(temporary.c_str());
        return error{errc::io, fault::gateway, retry::never, failure("write", path, e).detail};
    }
    const descriptor parent{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    // Some network file systems cannot fsync a directory (EINVAL): the rename itself has happened.
    if (!parent || (::fsync(parent.get()) != 0 && errno != EINVAL))
        return error{errc::io, fault::gateway, retry::never, failure("sync", directory, errno).detail};
    return {};
}

result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file) return failure("open", path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return failure("read", path, errno);
    if (!S_ISREG(info.st_mode))
        return error{errc::io, fault::gateway, retry::never, "cannot read " + path + ": not a regular file"};
    const auto too_large = [&] {
        return error{errc::too_large, fault::gateway, retry::never,
                     path + " is longer than " + std::to_string(max_bytes) + " bytes"};
    };
    if (static_cast<std::size_t>(info.st_size) > max_bytes) return too_large();
    // One byte more than the file has tells its end from a file that grew meanwhile.
    std::string out(std::min(static_cast<std::size_t>(info.st_size), max_bytes) + 1, '\0');
    std::size_t length = 0;
    for (;;) {
        if (length == out.size()) out.resize(std::min(out.size() * 2, max_bytes + 1));
        const auto n = ::read(file.get(), out.data() + length, out.size() - length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure("read", path, errno);
        if (n == 0) break;
        length += static_cast<std::size_t>(n);
        if (length > max_bytes) return too_large();
    }
    out.resize(length);
    return out;
}

} // namespace clawgate
