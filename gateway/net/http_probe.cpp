#include "net/http_probe.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>

namespace clawgate::net {
namespace {

struct close_socket {
    int fd = -1;
    explicit close_socket(int f)
        : fd{f} {}
    close_socket(const close_socket&) = delete;
    close_socket& operator=(const close_socket&) = delete;
    ~close_socket() {
        if (fd >= 0) ::close(fd);
    }
};

template <auto Function>
struct calls {
    template <class T>
    void operator()(T* p) const noexcept {
        Function(p);
    }
};
using ssl_context = std::unique_ptr<SSL_CTX, calls<SSL_CTX_free>>;
using ssl_stream = std::unique_ptr<SSL, calls<SSL_free>>;

error failure(const http_probe& p, int number) {
    const bool late = number == EAGAIN || number == EINPROGRESS || number == ETIMEDOUT;
    return error{late ? errc::timeout : errc::unreachable, fault::upstream, retry::later,
                 p.address + " port " + std::to_string(p.port) + ": " +
                     (late ? "no answer in time" : std::generic_category().message(number))};
}

// A connected socket whose every call ends in time, or -1 and errno.
int connect_to(const http_probe& p) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(p.address.c_str(), std::to_string(p.port).c_str(), &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    const std::unique_ptr<addrinfo, calls<::freeaddrinfo>> where{found};
    const int fd = ::socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    timeval limit{};
    limit.tv_sec = p.timeout.count() / 1000;
    limit.tv_usec = static_cast<suseconds_t>(p.timeout.count() % 1000 * 1000);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); // connect(2) heeds it too
    if (::connect(fd, where->ai_addr, where->ai_addrlen) == 0) return fd;
    const int number = errno;
    ::close(fd);
    errno = number;
    return -1;
}

// `HTTP/1.x NNN …`
result<int> status_of(const http_probe& p, std::string_view line) {
    const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
    if (line.size() < 12 || !line.starts_with("HTTP/1.") || line[8] != ' ' || !digit(9) || !digit(10) ||
        !digit(11))
        return error{errc::bad_upstream, fault::upstream, retry::later,
                     p.address + " port " + std::to_string(p.port) + ": what answers does not speak " +
                         (p.tls ? "HTTPS" : "HTTP")};
    return (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
}

std::string request_for(const http_probe& p) {
    const bool v6 = p.address.find(':') != std::string::npos;
    return "GET " + p.path + " HTTP/1.1\r\nHost: " + (v6 ? '[' + p.address + ']' : p.address) + ':' +
           std::to_string(p.port) + "\r\nUser-Agent: clawgate-health\r\nConnection: close\r\n\r\n";
}

// The status line is all that counts; 12 bytes hold it.
template <class Read>
std::string read_start(Read&& read) {
    std::array<char, 512> buffer{};
    std::string out;
    while (out.size() < 12) {
        const auto n = read(buffer.data(), static_cast<int>(buffer.size()));
        if (n <= 0) break;
        out.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return out;
}

result<int> probe_tls(const http_probe& p, int fd) {
    const ssl_context context{SSL_CTX_new(TLS_client_method())};
    const ssl_stream stream{context ? SSL_new(context.get()) : nullptr};
    const auto request = request_for(p);
    if (!stream || SSL_set_fd(stream.get(), fd) != 1 || SSL_connect(stream.get()) != 1 ||
        SSL_write(stream.get(), request.data(), static_cast<int>(request.size())) <= 0)
        return error{errc::bad_upstream, fault::upstream, retry::later,
                     p.address + " port " + std::to_string(p.port) + ": the TLS handshake failed"};
    return status_of(p, read_start([&](char* to, int n) { return SSL_read(stream.get(), to, n); }));
}

} // namespace

result<int> probe(const http_probe& p) {
    const close_socket socket{connect_to(p)};
    if (socket.fd < 0) return failure(p, errno);
    if (p.tls) return probe_tls(p, socket.fd);
    const auto request = request_for(p);
    if (::send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) return failure(p, errno);
    errno = 0;
    const auto start =
        read_start([&](char* to, int n) { return static_cast<int>(::recv(socket.fd, to, n, 0)); });
    if (start.empty() && errno != 0) return failure(p, errno);
    return status_of(p, start);
}

} // namespace clawgate::net
