#include "pod/isolation_probe.hpp"

#include "pod/descriptor.hpp"

#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

namespace clawgate::pod {
namespace {

constexpr std::array kind_names{"read_file",    "list_folder", "write_folder", "connect",    "call",
                                "command_supervisord", "listen",      "signal",       "read_memory"};

constexpr std::array outcome_names{"refused", "possible", "not_tested"};

void end(attempt& a, outcome how, std::string detail) {
    a.result = how;
    a.detail = std::move(detail);
}
void possible(attempt& a, std::string detail) {
    end(a, outcome::possible, std::move(detail));
}
/// By errno. Modes of files, other users and Landlock answer with the first two, the packet filter and whoever closes
/// the door on a wrong user with a reset; everything else has to do with something else.
void failed(attempt& a) {
    const int why = errno;
    const bool is_refusal = why == EACCES || why == EPERM || why == ECONNREFUSED || why == ECONNRESET;
    end(a, is_refusal ? outcome::refused : outcome::not_tested, std::strerror(why));
}

constexpr auto no_process = "it does not run";

int number_of(const std::string& text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

void read_file(attempt& a, const std::string& path) {
    const descriptor f{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    char byte = 0;
    if (f.get() < 0 || ::read(f.get(), &byte, 1) < 0) return failed(a);
    possible(a, path + " can be read");
}

void list_folder(attempt& a) {
    DIR* const folder = ::opendir(a.target.c_str());
    if (folder == nullptr) return failed(a);
    ::closedir(folder);
    possible(a, a.target + " can be listed");
}

void write_folder(attempt& a) {
    const auto path = a.target + "/.isolation-probe-" + std::to_string(::getpid());
    const descriptor f{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (f.get() < 0) return failed(a);
    ::unlink(path.c_str());
    possible(a, "a file could be made in " + a.target);
}

sockaddr_in loopback(int port) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(port));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return where;
}

/// -1 with errno when it is refused.
int connected_socket(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const timeval limit{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const auto where = loopback(port);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) return fd;
    const int why = errno;
    ::close(fd);
    errno = why;
    return -1;
}

void connect_to(attempt& a) {
    const descriptor s{connected_socket(number_of(a.target))};
    if (s.get() < 0) return failed(a);
    possible(a, "127.0.0.1:" + a.target + " takes the connection");
}

/// Of an HTTP answer: 200 means that it did what was asked, and two others that it would not.
void read_status(attempt& a, int fd) {
    std::array<char, 64> answer{};
    const auto n = ::recv(fd, answer.data(), answer.size() - 1, MSG_WAITALL);
    if (n < 0) return failed(a);
    std::string line{answer.data(), static_cast<std::size_t>(n)};
    line.resize(std::min(line.size(), line.find('\r')));
    const auto says = [&line](const char* status) { return line.find(status) != line.npos; };
    end(a, says(" 200") ? outcome::possible : says(" 401") || says(" 403") ? outcome::refused : outcome::not_tested,
        line.empty() ? "it closes without an answer" : "it answers " + line);
}

void call_backend(attempt& a) {
    const descriptor s{connected_socket(number_of(a.target))};
    if (s.get() < 0) return failed(a);
    std::ifstream file{a.extra};
    std::string token;
    if (!std::getline(file, token)) return end(a, outcome::not_tested, "its own token cannot be read");
    const auto request = "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:" + a.target + "\r\nAuthorization: Bearer " +
                         token + "\r\nConnection: close\r\n\r\n";
    if (::send(s.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return failed(a);
    read_status(a, s.get());
}

bool connect_by_path(const descriptor& s, const std::string& path) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    const timeval limit{5, 0};
    ::setsockopt(s.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return ::connect(s.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
}

/// Whether it does what it is asked without the password.
void command_supervisord(attempt& a) {
    const descriptor s{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!connect_by_path(s, a.target)) return failed(a);
    constexpr std::string_view body = "<?xml version=\"1.0\"?><methodCall><methodName>supervisor.getState</methodName>"
                                      "<params></params></methodCall>";
    const auto request = "POST /RPC2 HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
    if (::send(s.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return failed(a);
    read_status(a, s.get());
}

void listen_on(attempt& a) {
    const descriptor s{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    ::setsockopt(s.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(s.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    const auto where = loopback(number_of(a.target));
    if (::bind(s.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return failed(a);
    possible(a, "port " + a.target + " could be taken"); // not listened on: nobody shall land there
}

void signal_process(attempt& a) {
    const int pid = number_of(a.target);
    if (pid <= 0) return end(a, outcome::not_tested, no_process); // 0 would be its own group
    if (::kill(pid, 0) != 0) return failed(a);
    possible(a, "process " + a.target + " can be signalled");
}

/// As who is not confined; errno where it is not there.
bool is_there(const attempt& a) {
    switch (a.kind) {
    case attempt_kind::read_file: return ::access(a.target.c_str(), F_OK) == 0;
    case attempt_kind::list_folder: return ::access((a.target + "/.").c_str(), F_OK) == 0;
    case attempt_kind::write_folder: return ::access((a.target + "/.").c_str(), W_OK) == 0;
    case attempt_kind::connect:
    case attempt_kind::call: return descriptor{connected_socket(number_of(a.target))}.get() >= 0;
    case attempt_kind::command_supervisord:
        return connect_by_path(descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}, a.target);
    case attempt_kind::listen: return true;
    case attempt_kind::signal:
    // Not its memory: in many containers not even root may look into that.
    case attempt_kind::read_memory: return ::access(("/proc/" + a.target).c_str(), F_OK) == 0;
    }
    return true;
}

} // namespace

std::string why_untestable(const attempt& a) {
    const bool is_process = a.kind == attempt_kind::signal || a.kind == attempt_kind::read_memory;
    if (is_process && number_of(a.target) <= 0) return no_process;
    return is_there(a) ? std::string{} : std::strerror(errno);
}

void try_it(attempt& a) {
    switch (a.kind) {
    case attempt_kind::read_file: return read_file(a, a.target);
    case attempt_kind::list_folder: return list_folder(a);
    case attempt_kind::write_folder: return write_folder(a);
    case attempt_kind::connect: return connect_to(a);
    case attempt_kind::call: return call_backend(a);
    case attempt_kind::command_supervisord: return command_supervisord(a);
    case attempt_kind::listen: return listen_on(a);
    case attempt_kind::signal: return signal_process(a);
    case attempt_kind::read_memory: return read_file(a, "/proc/" + a.target + "/environ");
    }
}

std::string to_json(const std::vector<attempt>& list) {
    auto all = nlohmann::json::array();
    for (const auto& a : list)
        all.push_back({{"kind", kind_names.at(static_cast<std::size_t>(a.kind))},
                       {"target", a.target},
                       {"extra", a.extra},
                       {"what", a.what},
                       {"outcome", outcome_names.at(static_cast<std::size_t>(a.result))},
                       {"detail", a.detail}});
    return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

namespace {

template <std::size_t N>
std::optional<std::ptrdiff_t> place_in(const std::array<const char*, N>& names, const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? std::nullopt : std::optional{found - names.begin()};
}

} // namespace

result<std::vector<attempt>> attempts_from_json(std::string_view text) {
    try {
        std::vector<attempt> list;
        for (const auto& j : nlohmann::json::parse(text)) {
            attempt a;
            const auto kind = place_in(kind_names, j.at("kind").get<std::string>());
            const auto ending = place_in(outcome_names, j.at("outcome").get<std::string>());
            if (!kind || !ending)
                return error{errc::corrupt, fault::gateway, retry::never, "no such attempt: " + j.dump()};
            a.kind = static_cast<attempt_kind>(*kind);
            a.result = static_cast<outcome>(*ending);
            j.at("target").get_to(a.target);
            j.at("extra").get_to(a.extra);
            j.at("what").get_to(a.what);
            j.at("detail").get_to(a.detail);
            list.push_back(std::move(a));
        }
        return list;
    } catch (const nlohmann::json::exception& e) {
        return error{errc::corrupt, fault::gateway, retry::never,
                     std::string{"the attempts cannot be read: "} + e.what()};
    }
}

int isolation_probe_command() {
    const std::string input{std::istreambuf_iterator<char>{std::cin}, {}};
    auto list = attempts_from_json(input);
    if (!list) {
        std::cerr << "clawgate isolation-probe: " << list.error().detail << '\n';
        return 64; // EX_USAGE
    }
    for (auto& a : *list)
        try_it(a);
    std::cout << to_json(*list) << std::flush;
    return 0;
}

} // namespace clawgate::pod
