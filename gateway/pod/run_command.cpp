#include "pod/run_command.hpp"

#include "core/clock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ;

namespace clawgate::pod {
namespace {

constexpr std::size_t most_output = 64 * 1024;

error failure(errc code, const std::string& detail) {
    return error{code, fault::gateway, retry::never, detail};
}

struct pipe_ends {
    int read = -1;
    int write = -1;
    pipe_ends() {
        std::array<int, 2> fds{-1, -1};
        if (::pipe2(fds.data(), O_CLOEXEC) == 0) read = fds[0], write = fds[1];
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
    ~pipe_ends() {
        close(read);
        close(write);
    }
    static void close(int& fd) {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
};

/// Not by PATH: it is the user's, and what runs here may run as root.
std::string find_program(const std::string& name) {
    if (name.find('/') != name.npos) return name;
    for (const auto* folder :
         {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"})
        if (const auto candidate = folder + name; ::access(candidate.c_str(), X_OK) == 0) return candidate;
    return {};
}

result<pid_t> spawn(const std::string& program, const std::vector<std::string>& words, pipe_ends& in,
                    pipe_ends& out) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out.write, STDERR_FILENO);
    std::vector<char*> argv;
    for (const auto& w : words)
        argv.push_back(const_cast<char*>(w.c_str()));
    argv.push_back(nullptr);
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return failure(errc::io, words.front() + ": " + std::strerror(failed));
    return pid;
}

/// Until the program closes it; false when time runs out before.
bool read_until_closed(int fd, steady_time end, std::string& to) {
    std::array<char, 4096> buffer;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd waits{fd, POLLIN, 0};
        if (::poll(&waits, 1, static_cast<int>(left.count())) <= 0) continue;
        const auto n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        to.append(buffer.data(), std::min(static_cast<std::size_t>(n), most_output - to.size()));
    }
}

} // namespace

result<command_result> run_command(const std::vector<std::string>& words, const std::string& input,
                                   std::chrono::milliseconds limit) {
    const auto program = find_program(words.front());
    if (program.empty()) return failure(errc::not_found, words.front() + " is not installed");
    pipe_ends in, out;
    if (in.write < 0 || out.write < 0) return failure(errc::io, std::string{"pipe: "} + std::strerror(errno));
    auto pid = spawn(program, words, in, out);
    if (!pid) return pid.error();
    pipe_ends::close(in.read);
    pipe_ends::close(out.write);
    // It fits into the pipe, so it cannot block; a program that does not read it is no failure.
    ::fcntl(in.write, F_SETFL, O_NONBLOCK);
    const auto written = ::write(in.write, input.data(), input.size());
    static_cast<void>(written);
    pipe_ends::close(in.write);

    command_result r;
    const bool ended = read_until_closed(out.read, steady_clock::now() + limit, r.output);
    if (!ended) ::kill(*pid, SIGKILL);
    int status = 0;
    while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) return failure(errc::timeout, words.front() + " did not end in time");
    r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return r;
}

} // namespace clawgate::pod
