#include "net/stream.hpp"

#include <boost/asio/write.hpp>

#include <utility>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace clawgate::net {

bool write_now(socket& s, gather& g, error_code& ec) {
    // The sockets are non-blocking: this is one sendmsg(2), without the cost of starting an asynchronous
    // operation.
    ec = {};
    const auto n = s.write_some(g, ec);
    if (ec == asio::error::would_block || ec == asio::error::try_again) {
        ec = {};
        return false;
    }
    if (ec) return true;
    g.consume(n);
    return g.empty();
}

awaitable<error_code> write_more(socket& s, gather& g) {
    auto [ec, n] = co_await s.async_write_some(g, tok);
    if (!ec) g.consume(n);
    co_return ec;
}

awaitable<error_code> write_rest(socket& s, gather& g) {
    error_code ec;
    while (!ec && !g.empty())
        ec = co_await write_more(s, g);
    co_return ec;
}

std::size_t unacknowledged(socket& s) noexcept {
    int bytes = 0;
    return ::ioctl(s.native_handle(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

awaitable<error_code> stream::accept_tls(std::shared_ptr<asio::ssl::context> context) {
    context_ = std::move(context);
    tls_ = std::make_unique<asio::ssl::stream<tls_transport>>(tls_transport{socket_}, *context_);
    auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::server, tok);
    may_notify_ = !ec;
    co_return ec;
}

bool stream::write_now(gather& g, error_code& ec) {
    ec = {};
    return !tls_ && net::write_now(socket_, g, ec);
}

awaitable<error_code> stream::write_more(gather& g) {
    return tls_ ? write_record(g) : net::write_more(socket_, g);
}

awaitable<error_code> stream::write_record(gather& g) {
    // A record that went out in part must be completed before another one may begin.
    const bool may_notify = std::exchange(may_notify_, false);
    auto [ec, n] = co_await tls_->async_write_some(g, tok);
    if (ec) co_return ec;
    g.consume(n);
    may_notify_ = may_notify;
    co_return error_code{};
}

awaitable<error_code> stream::write_rest(gather& g) {
    error_code ec;
    while (!ec && !g.empty())
        ec = co_await write_more(g);
    co_return ec;
}

awaitable<error_code> stream::write_all(std::string_view bytes) {
    gather g;
    g.add(bytes);
    error_code ec;
    if (!write_now(g, ec)) ec = co_await write_rest(g);
    co_return ec;
}

void stream::cancel() noexcept {
    error_code ignored;
    socket_.cancel(ignored);
}

void stream::notify_close() noexcept {
    if (!std::exchange(may_notify_, false)) return;
    error_code ignored; // the socket is non-blocking: what it does not take now is not sent
    tls_->shutdown(ignored);
}

void stream::shutdown_send() noexcept {
    error_code ignored;
    notify_close();
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void stream::close(bool abort) noexcept {
    error_code ignored;
    if (abort)
        socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
    else
        notify_close();
    socket_.close(ignored);
}

bool peer_has_left(socket& s) noexcept {
    pollfd p{s.native_handle(), POLLRDHUP, 0};
    return ::poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

bool idle_and_open(socket& s) noexcept {
    char byte = 0;
    return ::recv(s.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace clawgate::net
