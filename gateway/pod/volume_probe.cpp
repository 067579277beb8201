#include "pod/volume_probe.hpp"

#include "core/file.hpp"
#include "core/secret.hpp"
#include "pod/layout.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>

namespace clawgate::pod {
namespace {

constexpr std::size_t largest_mountinfo = 4u << 20;

finding yes() {
    return {answer::yes, {}};
}
finding no(std::string why) {
    return {answer::no, std::move(why)};
}
finding untested(std::string why) {
    return {answer::untested, std::move(why)};
}
std::string because(std::string_view call) {
    return std::string{call} + ": " + std::generic_category().message(errno);
}

class file {
public:
    file(const std::string& path, int flags)
        : fd_{::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)} {}
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_;
};

/// A child of a program that was killed must not go on, nor keep its locks. False when the parent is gone already.
bool end_with(pid_t parent) {
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
}

// Exit status of `body` in a process of its own, or -1. It may only make system calls: other threads of this
// process may have held locks of the memory allocator.
template <class Body>
int in_child(Body body) {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return -1;
    if (child == 0) ::_exit(end_with(parent) ? body() : 1);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

finding try_owners(const std::string& folder) {
    if (::geteuid() != 0) return untested("only root can give files away");
    const auto path = folder + "/owner";
    const file f{path, O_RDWR | O_CREAT | O_EXCL};
    if (!f) return no(because("open"));
    if (::fchown(f.get(), first_uid, first_uid) != 0) return no(because("chown"));
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) return no(because("stat"));
    // Some volumes accept the call and change nothing.
    if (st.st_uid != first_uid || st.st_gid != first_uid) return no("chown is accepted and has no effect");
    return yes();
}

finding try_modes(const std::string& folder) {
    const auto path = folder + "/mode";
    const file f{path, O_RDWR | O_CREAT | O_EXCL};
    if (!f) return no(because("open"));
    for (const mode_t mode : {mode_t{0640}, mode_t{0600}}) {
        if (::fchmod(f.get(), mode) != 0) return no(because("chmod"));
        struct stat st {};
        if (::lstat(path.c_str(), &st) != 0) return no(because("stat"));
        if ((st.st_mode & 07777) != mode) return no("chmod is accepted and has no effect");
    }
    return yes();
}

finding try_file_locks(const std::string& folder) {
    const auto path = folder + "/flock";
    const file first{path, O_RDWR | O_CREAT | O_EXCL};
    const file second{path, O_RDWR};
    if (!first || !second) return no(because("open"));
    if (::flock(first.get(), LOCK_EX | LOCK_NB) != 0) return no(because("flock"));
    if (::flock(second.get(), LOCK_EX | LOCK_NB) == 0) return no("flock does not exclude");
    if (errno != EWOULDBLOCK) return no(because("flock"));
    if (::flock(first.get(), LOCK_UN) != 0 || ::flock(second.get(), LOCK_EX | LOCK_NB) != 0)
        return no("flock does not let go: " + because("flock"));
    return yes();
}

finding try_record_locks(const std::string& folder) {
    const auto path = folder + "/fcntl";
    const file mine{path, O_RDWR | O_CREAT | O_EXCL};
    if (!mine) return no(because("open"));
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    whole.l_len = 1;
    if (::fcntl(mine.get(), F_SETLK, &whole) != 0) return no(because("fcntl(F_SETLK)"));
    const auto attempt = [&] {
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0) return 3;
        struct flock same = whole;
        if (::fcntl(fd, F_SETLK, &same) == 0) return 1;
        return errno == EAGAIN || errno == EACCES ? 0 : 2;
    };
    const int held = in_child(attempt);
    if (held == 1) return no("fcntl locks do not exclude another process");
    if (held != 0) return no("fcntl locks cannot be asked for by another process");
    struct flock open = whole;
    open.l_type = F_UNLCK;
    if (::fcntl(mine.get(), F_SETLK, &open) != 0) return no(because("fcntl(F_UNLCK)"));
    if (in_child(attempt) != 1) return no("fcntl locks do not let go");
    return yes();
}

// Two processes, each with a mapping of its own, as SQLite uses the -shm file.
finding try_shared_memory(const std::string& folder) {
    constexpr std::size_t size = 32 * 1024; // one region of SQLite's WAL index
    const auto path = folder + "/mmap";
    const file f{path, O_RDWR | O_CREAT | O_EXCL};
    if (!f) return no(because("open"));
    if (::ftruncate(f.get(), size) != 0) return no(because("ftruncate"));
    void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, f.get(), 0);
    if (mapped == MAP_FAILED) return no(because("mmap(MAP_SHARED)"));
    volatile unsigned char* const mine = static_cast<unsigned char*>(mapped);
    mine[0] = 17;
    const int status = in_child([&] {
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0) return 1;
        void* const again = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (again == MAP_FAILED) return 1;
        volatile unsigned char* const other = static_cast<unsigned char*>(again);
        if (other[0] != 17) return 2;
        other[size - 1] = 42;
        return 0;
    });
    const bool came_back = mine[size - 1] == 42;
    unsigned char read_back = 0;
    const bool in_file = ::pread(f.get(), &read_back, 1, size - 1) == 1 && read_back == 42;
    ::munmap(mapped, size);
    if (status == 1) return no("another process cannot map the same file");
    if (status != 0 || !came_back) return no("what one process writes into a mapping, another does not see");
    if (!in_file) return no("what is written into a mapping does not reach the file");
    return yes();
}

finding try_sync(const std::string& folder) {
    const file f{folder + "/sync", O_RDWR | O_CREAT | O_EXCL};
    if (!f) return no(because("open"));
    if (::write(f.get(), "x", 1) != 1) return no(because("write"));
    if (::fsync(f.get()) != 0) return no(because("fsync"));
    if (::fdatasync(f.get()) != 0) return no(because("fdatasync"));
    return yes();
}

bool fill(const std::string& path, char letter) {
    const file f{path, O_WRONLY | O_CREAT | O_TRUNC};
    const std::string bytes(4096, letter);
    return f && ::write(f.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

// Reads the file until it has seen its last version; 0 when it was there and whole every time.
int watch_replacing(const char* path) {
    std::array<char, 4097> bytes;
    for (int i = 0; i < 1'000'000; ++i) {
        const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return 1;
        const auto n = ::read(fd, bytes.data(), bytes.size());
        ::close(fd);
        if (n != 4096) return 2;
        for (std::size_t k = 1; k < 4096; ++k)
            if (bytes[k] != bytes[0]) return 2;
        if (bytes[0] == 'z') return 0;
    }
    return 3;
}

finding try_rename(const std::string& folder) {
    const auto path = folder + "/replaced";
    const auto fresh = folder + "/replacement";
    if (!fill(path, 'a')) return no(because("write"));
    const pid_t parent = ::getpid();
    const pid_t reader = ::fork();
    if (reader < 0) return untested(because("fork"));
    if (reader == 0) ::_exit(end_with(parent) ? watch_replacing(path.c_str()) : 3);
    std::string failed;
    for (char letter = 'b'; letter <= 'z' && failed.empty(); ++letter)
        if (!fill(fresh, letter) || ::rename(fresh.c_str(), path.c_str()) != 0) failed = because("rename");
    // The reader waits for the last version, which may never come.
    if (!failed.empty()) ::kill(reader, SIGKILL);
    int status = 0;
    while (::waitpid(reader, &status, 0) < 0 && errno == EINTR) {
    }
    if (!failed.empty()) return no(failed);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 2) return untested("the reader did not finish");
    if (WEXITSTATUS(status) == 1) return no("a file that is replaced is missing for a moment");
    if (WEXITSTATUS(status) == 2) return no("a file that is replaced is seen half");
    return yes();
}

finding try_links(const std::string& folder) {
    const auto path = folder + "/link";
    if (::symlink("some/where", path.c_str()) != 0) return no(because("symlink"));
    std::array<char, 64> target{};
    const auto n = ::readlink(path.c_str(), target.data(), target.size());
    if (n < 0) return no(because("readlink"));
    if (std::string_view{target.data(), static_cast<std::size_t>(n)} != "some/where")
        return no("a symbolic link reads back differently");
    return yes();
}

void try_everything(const std::string& folder, volume_facts& f) {
    f.owners = try_owners(folder);
    f.modes = try_modes(folder);
    f.file_locks = try_file_locks(folder);
    f.record_locks = try_record_locks(folder);
    f.shared_memory = try_shared_memory(folder);
    f.sync = try_sync(folder);
    f.rename = try_rename(folder);
    f.links = try_links(folder);
}

mount_point mount_of(const std::string& path) {
    std::error_code ec;
    const auto real = std::filesystem::canonical(path, ec);
    const auto table = read_file("/proc/self/mountinfo", largest_mountinfo);
    if (ec || !table) return {};
    return find_mount(*table, real.string()).value_or(mount_point{});
}

bool on_same_file_system(const std::string& a, const std::string& b) {
    struct stat x {};
    struct stat y {};
    return ::stat(a.c_str(), &x) == 0 && ::stat(b.c_str(), &y) == 0 && x.st_dev == y.st_dev;
}

} // namespace

bool runs_in_container(const config& c) {
    return !c.runpod.pod_id.empty() || ::access("/.dockerenv", F_OK) == 0 ||
           ::access("/run/.containerenv", F_OK) == 0 || mount_of("/").type == "overlay";
}

volume_facts probe_volume(const std::string& path, const config& c) {
    volume_facts f;
    f.path = path;
    f.mount = mount_of(path);
    f.on_root = on_same_file_system("/", path);
    f.container = runs_in_container(c);
    struct statvfs space {};
    if (::statvfs(path.c_str(), &space) == 0) {
        f.free_bytes = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
        f.total_bytes = static_cast<std::uint64_t>(space.f_blocks) * space.f_frsize;
    }
    const auto folder = path + "/.clawgate-probe-" + random_token(6);
    if (::mkdir(folder.c_str(), 0700) != 0) {
        const auto why = because("mkdir");
        for (auto* each : {&f.owners, &f.modes, &f.file_locks, &f.record_locks, &f.shared_memory, &f.sync,
                           &f.rename, &f.links})
            *each = untested(why);
        return f;
    }
    try_everything(folder, f);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return f;
}

} // namespace clawgate::pod
