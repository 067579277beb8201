#include "pod/program_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

namespace clawgate::pod {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t longest_output = 1u << 20;

error failure(errc code, const std::string& program, const std::string& why) {
    return error{code, fault::gateway, retry::later, program + ": " + why};
}

/// A descriptor that is closed at the end.
struct descriptor {
    int fd = -1;
    explicit descriptor(int f)
        : fd{f} {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { close(); }
    void close() {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
};

/// A file in memory with this text, to be read from its beginning; -1 when there is none to be had.
int file_with(const std::string& text) {
    const int fd = ::memfd_create("input", MFD_CLOEXEC);
    if (fd < 0) return -1;
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto n = ::write(fd, rest.data(), rest.size());
        if (n < 0 && errno != EINTR) break;
        if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
    }
    ::lseek(fd, 0, SEEK_SET);
    return fd;
}

/// Its own process group, so that nothing that it starts outlives it.
result<pid_t> start(const std::vector<std::string>& argv, int input, int output, bool errors) {
    std::vector<char*> words;
    for (const auto& word : argv)
        words.push_back(const_cast<char*>(word.c_str())); // posix_spawn does not write to them
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (errors) ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t pid = -1;
    const int failed =
        ::posix_spawnp(&pid, argv.front().c_str(), &actions, &attributes, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (failed != 0)
        return failure(failed == ENOENT ? errc::not_found : errc::io, argv.front(), std::strerror(failed));
    return pid;
}

/// Reads to the end of the output, or says why not.
std::optional<error> read_all(const std::string& program, int fd, steady_clock::time_point deadline,
                              std::string& text) {
    std::array<char, 4096> piece{};
    for (;;) {
        const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0) return failure(errc::timeout, program, "did not answer in time");
        pollfd waited{fd, POLLIN, 0};
        const int ready = ::poll(&waited, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno != EINTR) return failure(errc::io, program, std::strerror(errno));
        if (ready <= 0) continue;
        const auto n = ::read(fd, piece.data(), piece.size());
        if (n < 0 && errno != EINTR) return failure(errc::io, program, std::strerror(errno));
        if (n == 0) return std::nullopt;
        if (n > 0) text.append(piece.data(), static_cast<std::size_t>(n));
        if (text.size() > longest_output) return failure(errc::too_large, program, "writes without end");
    }
}

/// Waits for a program that has closed its output; false when it goes on running.
bool wait_for(pid_t pid, steady_clock::time_point deadline, int& status) {
    for (;;) {
        const auto ended = ::waitpid(pid, &status, WNOHANG);
        if (ended == pid) return true;
        if (ended < 0 && errno != EINTR) return true;
        if (steady_clock::now() >= deadline) return false;
        ::poll(nullptr, 0, 5);
    }
}

} // namespace

result<program_output> run_program(const std::vector<std::string>& argv, const run_options& options) {
    const auto deadline = steady_clock::now() + options.limit;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failure(errc::io, argv.front(), std::strerror(errno));
    const descriptor reading{ends[0]};
    descriptor writing{ends[1]};
    // Not a pipe: a program that ends without reading it must not end this one by SIGPIPE.
    const descriptor input{file_with(options.input)};
    if (input.fd < 0) return failure(errc::io, argv.front(), std::strerror(errno));
    const auto pid = start(argv, input.fd, writing.fd, options.errors);
    writing.close(); // or the end of the output would never come
    if (!pid) return pid.error();

    program_output out;
    auto wrong = read_all(argv.front(), reading.fd, deadline, out.text);
    int status = 0;
    if (!wrong && !wait_for(*pid, deadline, status))
        wrong = failure(errc::timeout, argv.front(), "does not end");
    if (wrong) {
        ::kill(-*pid, SIGKILL);
        while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
        }
        return *wrong;
    }
    out.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return out;
}

} // namespace clawgate::pod
