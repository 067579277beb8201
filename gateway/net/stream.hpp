#pragma once
// A byte stream to a peer: a TCP socket, with or without TLS on it. Belongs to one worker thread.

#include "net/asio.hpp"
#include "net/buffer.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>

namespace clawgate::net {

class stream {
public:
    explicit stream(socket s)
        : socket_{std::move(s)} {}
    stream(stream&&) = delete; // the TLS layer refers to the socket: hand streams around by unique_ptr

    [[nodiscard]] socket& lowest() noexcept { return socket_; }
    [[nodiscard]] bool is_tls() const noexcept { return tls_ != nullptr; }

    /// Server side. The context must outlive nothing: the stream keeps it.
    [[nodiscard]] awaitable<error_code> accept_tls(std::shared_ptr<asio::ssl::context> context);

    /// Reads at least one byte or fails; end of file is asio::error::eof, also when a TLS peer left without
    /// close_notify (facts/boost.md 10).
    [[nodiscard]] auto read_some(asio::mutable_buffer b) {
        return tls_ ? tls_->async_read_some(b, tok) : socket_.async_read_some(b, tok);
    }

    /// Writes everything. The common case, when the socket takes it all at once, needs no suspension:
    /// `if (!s.write_now(g, ec)) ec = co_await s.write_rest(g);`
    [[nodiscard]] bool write_now(gather& g, error_code& ec);
    [[nodiscard]] awaitable<error_code> write_rest(gather& g);
    /// Both steps in one, for where it is not hot.
    [[nodiscard]] awaitable<error_code> write_all(std::string_view bytes);

    /// Wakes every operation in flight with operation_aborted.
    void cancel() noexcept;
    /// Tells the peer that no more comes (TCP FIN). Harmless when already closed.
    void shutdown_send() noexcept;
    /// Closes with FIN, or with RST when `abort`.
    void close(bool abort = false) noexcept;

private:
    socket socket_;
    std::shared_ptr<asio::ssl::context> context_;
    std::unique_ptr<asio::ssl::stream<socket&>> tls_;
};

/// Is the peer gone (it sent FIN or RST)? One system call, no data is consumed.
[[nodiscard]] bool peer_has_left(socket& s) noexcept;
/// Does an idle connection still look usable: open, and nothing to read on it?
[[nodiscard]] bool idle_and_open(socket& s) noexcept;

/// Writes everything to a plain socket; as stream::write_now.
[[nodiscard]] bool write_now(socket& s, gather& g, error_code& ec);
[[nodiscard]] awaitable<error_code> write_rest(socket& s, gather& g);

} // namespace clawgate::net
