#include "pod/run_as.hpp"

#include "pod/descriptor.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <system_error>

namespace clawgate::pod {
namespace {

using clock = std::chrono::steady_clock;

error failure(std::string_view doing) {
    return error{errc::io, fault::gateway, retry::never,
                 "cannot " + std::string{doing} + ": " + std::generic_category().message(errno)};
}

bool become(owner whose) {
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::setgroups(0, nullptr) == 0 &&
           ::setresgid(whose.gid, whose.gid, whose.gid) == 0 &&
           ::setresuid(whose.uid, whose.uid, whose.uid) == 0 &&
           ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0; // setresuid cleared it
}

// The answer as it goes through the pipe: 'v' and the value, or 'e', the code and the detail.
std::string packed(const result<std::string>& r) {
    if (r) return "v" + *r;
    return std::string{"e"} + static_cast<char>(r.error().code) + r.error().detail;
}

result<std::string> unpacked(const std::string& text) {
    if (!text.empty() && text[0] == 'v') return text.substr(1);
    if (text.size() >= 2 && text[0] == 'e')
        return error{static_cast<errc>(text[1]), fault::gateway, retry::never, text.substr(2)};
    return error{errc::io, fault::gateway, retry::never,
                 "the work as the agent's user ended without an answer"};
}

[[noreturn]] void work(owner whose, int answer, const std::function<result<std::string>()>& body) {
    ::umask(077);
    std::string text;
    try {
        text = packed(become(whose) ? body() : result<std::string>{failure("become the agent's user")});
    } catch (const std::exception& e) {
        text = packed(error{errc::io, fault::gateway, retry::never, e.what()});
    }
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto n = ::write(answer, rest.data(), rest.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    ::_exit(0); // not exit(): what this process would still write or clean up is the parent's
}

// Everything up to the end of the pipe, or nothing when the time is over.
std::optional<std::string> read_until(int fd, clock::time_point end) {
    std::string out;
    std::array<char, 16 * 1024> buffer;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock::now()).count();
        if (left <= 0) return std::nullopt;
        pollfd p{fd, POLLIN, 0};
        const int ready = ::poll(&p, 1, static_cast<int>(std::min<long long>(left, 60'000)));
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        const auto n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return out;
        out.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

} // namespace

result<std::string> run_as(std::optional<owner> whose, std::chrono::seconds limit,
                           const std::function<result<std::string>()>& body) {
    if (!whose || ::geteuid() != 0 || whose->uid == 0) return body();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failure("make a pipe");
    const descriptor answer{ends[0]};
    descriptor question{ends[1]};
    const pid_t child = ::fork();
    if (child < 0) return failure("start a process");
    if (child == 0) work(*whose, question.get(), body);
    question = descriptor{}; // so that the end of the child is the end of the pipe
    const auto text = read_until(answer.get(), clock::now() + limit);
    if (!text) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!text)
        return error{errc::timeout, fault::gateway, retry::later,
                     "it took longer than " + std::to_string(limit.count()) + " seconds"};
    return unpacked(*text);
}

std::optional<owner> owner_of(const std::string& folder) {
    struct stat st {};
    if (::geteuid() != 0 || ::lstat(folder.c_str(), &st) != 0 || st.st_uid == 0) return std::nullopt;
    return owner{st.st_uid, st.st_gid};
}

} // namespace clawgate::pod
