#include "support/raw_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace clawgate::support {

namespace {

using steady = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
    throw client_error{what};
}

[[noreturn]] void fail_errno(const std::string& what) {
    fail(what + ": " + std::strerror(errno));
}

sockaddr_in address_of(const std::string& text, std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    if (inet_pton(AF_INET, text.c_str(), &a.sin_addr) != 1) fail("not an IPv4 address: " + text);
    return a;
}

} // namespace

struct raw_client::impl {
    raw_client_options options;
    int fd{-1};
    SSL_CTX* context{nullptr};
    SSL* ssl{nullptr};
    std::string in;
    bool at_end{false};
    bool was_reset{false};

    ~impl() {
        if (ssl != nullptr) SSL_free(ssl);
        if (context != nullptr) SSL_CTX_free(context);
        if (fd >= 0) ::close(fd);
    }

    /// False when the deadline passes first.
    [[nodiscard]] bool wait(short events, steady::time_point until) const {
        while (true) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady::now()).count();
            if (left <= 0) return false;
            pollfd p{fd, events, 0};
            const int n = ::poll(&p, 1, static_cast<int>(left));
            if (n > 0) return true;
            if (n < 0 && errno != EINTR) fail_errno("poll");
        }
    }

    [[nodiscard]] steady::time_point deadline() const { return steady::now() + options.deadline; }

    void connect() {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) fail_errno("socket");
        if (options.receive_buffer > 0) {
            ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
        }
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!options.source.empty()) {
            const auto from = address_of(options.source, 0);
            if (::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) fail_errno("bind");
        }
        const auto to = address_of(options.address, options.port);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail_errno("connect");
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        if (options.tls) start_tls();
    }

    void start_tls() {
        context = SSL_CTX_new(TLS_client_method());
        ssl = context != nullptr ? SSL_new(context) : nullptr;
        if (ssl == nullptr) fail("SSL_new failed");
        SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_set_fd(ssl, fd);
        if (!options.alpn.empty()) {
            const auto list = static_cast<char>(options.alpn.size()) + options.alpn;
            SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(list.data()),
                                static_cast<unsigned>(list.size()));
        }
        const auto until = deadline();
        while (true) {
            ERR_clear_error();
            const int n = SSL_connect(ssl);
            if (n == 1) return;
            if (!wait_tls(n, until)) fail("TLS handshake failed");
        }
    }

    /// Waits for what OpenSSL wants; false when it was an error and not a wish.
    [[nodiscard]] bool wait_tls(int result, steady::time_point until) const {
        const int why = SSL_get_error(ssl, result);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return false;
        if (!wait(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until))
            fail("no progress before the deadline (TLS)");
        return true;
    }
};

raw_client::raw_client(std::uint16_t port)
    : impl_{std::make_unique<impl>()} {
    impl_->options.port = port;
    impl_->connect();
}

raw_client::raw_client(raw_client_options options)
    : impl_{std::make_unique<impl>()} {
    impl_->options = std::move(options);
    impl_->connect();
}

raw_client::~raw_client() = default;
raw_client::raw_client(raw_client&&) noexcept = default;
raw_client& raw_client::operator=(raw_client&&) noexcept = default;

std::size_t raw_client::send_some(std::string_view bytes) {
    auto& c = *impl_;
    if (c.ssl != nullptr) {
        ERR_clear_error();
        const int n = SSL_write(c.ssl, bytes.data(), static_cast<int>(bytes.size()));
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    const auto n = ::send(c.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) fail_errno("send");
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

void raw_client::send(std::string_view bytes) {
    auto& c = *impl_;
    const auto until = c.deadline();
    while (!bytes.empty()) {
        if (c.ssl != nullptr) {
            ERR_clear_error();
            const int n = SSL_write(c.ssl, bytes.data(),
                                    static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
            if (n > 0) {
                bytes.remove_prefix(static_cast<std::size_t>(n));
            } else if (!c.wait_tls(n, until)) {
                fail("TLS write failed");
            }
            continue;
        }
        bytes.remove_prefix(send_some(bytes));
        if (!bytes.empty() && !c.wait(POLLOUT, until)) fail("the peer took no bytes before the deadline");
    }
}

bool raw_client::fill() {
    auto& c = *impl_;
    if (c.at_end) return false;
    char piece[64 * 1024];
    const auto until = c.deadline();
    while (true) {
        if (c.ssl != nullptr) {
            ERR_clear_error(); // SSL_get_error() looks at the thread's whole queue
            const int n = SSL_read(c.ssl, piece, sizeof piece);
            if (n > 0) return c.in.append(piece, static_cast<std::size_t>(n)), true;
            if (!c.wait_tls(n, until)) return !(c.at_end = true); // with or without close_notify
            continue;
        }
        const auto n = ::recv(c.fd, piece, sizeof piece, 0);
        if (n > 0) return c.in.append(piece, static_cast<std::size_t>(n)), true;
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            c.was_reset = n < 0 && errno == ECONNRESET;
            return !(c.at_end = true);
        }
        if (!c.wait(POLLIN, until)) {
            fail("nothing came before the deadline; unread so far: \"" + c.in.substr(0, 200) + "\"");
        }
    }
}

std::string raw_client::take(std::size_t n) {
    auto out = impl_->in.substr(0, n);
    impl_->in.erase(0, n);
    return out;
}

std::string raw_client::read_exactly(std::size_t n) {
    while (impl_->in.size() < n) {
        if (!fill()) {
            fail("stream ended after " + std::to_string(impl_->in.size()) + " of " + std::to_string(n) +
                 " bytes");
        }
    }
    return take(n);
}

std::string raw_client::read_until(std::string_view delimiter) {
    std::size_t from = 0;
    while (true) {
        const auto at = impl_->in.find(delimiter, from);
        if (at != std::string::npos) return take(at + delimiter.size());
        from = impl_->in.size() < delimiter.size() ? 0 : impl_->in.size() - delimiter.size() + 1;
        if (!fill()) fail("stream ended before the delimiter; got \"" + impl_->in.substr(0, 400) + "\"");
    }
}

std::string raw_client::read_some() {
    if (impl_->in.empty()) fill();
    return take(impl_->in.size());
}

std::string raw_client::read_to_end() {
    while (fill()) {
    }
    return take(impl_->in.size());
}

bool raw_client::ended() {
    return impl_->in.empty() && !fill();
}

bool raw_client::readable_within(std::chrono::milliseconds d) {
    auto& c = *impl_;
    if (!c.in.empty() || c.at_end || (c.ssl != nullptr && SSL_pending(c.ssl) > 0)) return true;
    return c.wait(POLLIN, steady::now() + d);
}

message_head raw_client::read_head() {
    auto raw = read_until("\r\n\r\n");
    std::string problem;
    auto head = parse_response_head(raw, problem);
    if (!head) fail(problem + " in: " + raw.substr(0, 400));
    return std::move(*head);
}

std::string raw_client::read_chunk() {
    const auto line = read_until("\r\n");
    const auto size = to_number(std::string_view{line}.substr(0, line.find_first_of(";\r")), 16);
    if (!size) fail("bad chunk size: " + line.substr(0, 40));
    if (*size == 0) {
        while (read_until("\r\n") != "\r\n") {
        }
        return {};
    }
    auto data = read_exactly(*size);
    if (read_exactly(2) != "\r\n") fail("chunk without its CRLF");
    return data;
}

response raw_client::read_response(bool to_head) {
    response r;
    r.head = read_head();
    while (r.head.status < 200 && r.head.status != 101) {
        r.informational.push_back(std::move(r.head));
        r.head = read_head();
    }
    if (to_head || r.head.status == 101 || r.head.status == 204 || r.head.status == 304) return r;
    if (r.head.has_token("transfer-encoding", "chunked")) {
        while (true) {
            const auto line = read_until("\r\n");
            const auto size = to_number(std::string_view{line}.substr(0, line.find_first_of(";\r")), 16);
            if (!size) fail("bad chunk size: " + line.substr(0, 40));
            if (*size == 0) break;
            r.body += read_exactly(*size);
            if (read_exactly(2) != "\r\n") fail("chunk without its CRLF");
        }
        for (auto line = read_until("\r\n"); line != "\r\n"; line = read_until("\r\n")) {
            auto parsed = parse_header_line(std::string_view{line}.substr(0, line.size() - 2));
            if (!parsed) fail("bad trailer: " + line);
            r.trailers.push_back(std::move(*parsed));
        }
    } else if (const auto length = r.head.get("content-length")) {
        const auto size = to_number(*length);
        if (!size) fail("bad Content-Length: " + *length);
        r.body = read_exactly(*size);
    } else {
        r.body = read_to_end();
    }
    return r;
}

response raw_client::request(std::string_view method, std::string_view target,
                             const std::vector<header>& headers, std::string_view body) {
    send(request_text(method, target, headers, body));
    return read_response(method == "HEAD");
}

void raw_client::half_close() {
    ::shutdown(impl_->fd, SHUT_WR);
}

void raw_client::close() {
    if (impl_->ssl != nullptr) SSL_shutdown(impl_->ssl);
    if (impl_->fd >= 0) ::close(impl_->fd);
    impl_->fd = -1;
    impl_->at_end = true;
}

void raw_client::reset() {
    const linger now{1, 0};
    ::setsockopt(impl_->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (impl_->fd >= 0) ::close(impl_->fd);
    impl_->fd = -1;
    impl_->at_end = true;
}

bool raw_client::reset_by_peer() const {
    return impl_->was_reset;
}

std::string_view raw_client::leftover() const {
    return impl_->in;
}

std::uint16_t raw_client::local_port() const {
    sockaddr_in a{};
    socklen_t size = sizeof a;
    ::getsockname(impl_->fd, reinterpret_cast<sockaddr*>(&a), &size);
    return ntohs(a.sin_port);
}

std::string raw_client::tls_version() const {
    return impl_->ssl != nullptr ? SSL_get_version(impl_->ssl) : "";
}

std::string raw_client::chosen_alpn() const {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    if (impl_->ssl != nullptr) SSL_get0_alpn_selected(impl_->ssl, &chosen, &size);
    return {reinterpret_cast<const char*>(chosen), size};
}

bool raw_client::close_notified() const {
    return impl_->ssl != nullptr && (SSL_get_shutdown(impl_->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

std::string request_text(std::string_view method, std::string_view target, const std::vector<header>& headers,
                         std::string_view body) {
    std::string out;
    out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
    bool host = false;
    bool framed = body.empty();
    for (const auto& h : headers) {
        out.append(h.name).append(": ").append(h.value).append("\r\n");
        host = host || iequals(h.name, "host");
        framed = framed || iequals(h.name, "content-length") || iequals(h.name, "transfer-encoding");
    }
    if (!host) out += "Host: localhost\r\n";
    if (!framed) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    out.append("\r\n").append(body);
    return out;
}

} // namespace clawgate::support
