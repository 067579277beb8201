#pragma once
// A byte stream to a peer: a TCP socket, with or without TLS on it. Belongs to one worker thread.

#include "net/asio.hpp"
#include "net/buffer.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>

namespace clawgate::net {

/// What the TLS layer stands on: the socket, but for blocking reads, which find nothing. Only the TLS
/// shutdown makes them; so it sends close_notify and does not wait for the peer's.
class tls_transport {
public:
    using executor_type = executor;
    using lowest_layer_type = socket::lowest_layer_type;

    explicit tls_transport(socket& s) noexcept
        : socket_{s} {}
    [[nodiscard]] executor_type get_executor() noexcept { return socket_.get_executor(); }
    [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return socket_.lowest_layer(); }

    template <class Buffers>
    std::size_t read_some(const Buffers&, error_code& ec) {
        ec = asio::error::would_block;
        return 0;
    }
    template <class Buffers>
    std::size_t write_some(const Buffers& b, error_code& ec) {
        return socket_.write_some(b, ec);
    }
    template <class Buffers, class Token>
    auto async_read_some(const Buffers& b, Token&& token) {
        return socket_.async_read_some(b, std::forward<Token>(token));
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& b, Token&& token) {
        return socket_.async_write_some(b, std::forward<Token>(token));
    }

private:
    socket& socket_;
};

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
    /// One step of write_rest(): returns as soon as the socket has taken some of it, for who watches progress.
    [[nodiscard]] awaitable<error_code> write_more(gather& g);
    /// Both steps in one, for where it is not hot.
    [[nodiscard]] awaitable<error_code> write_all(std::string_view bytes);

    /// Wakes every operation in flight with operation_aborted.
    void cancel() noexcept;
    /// Tells the peer that no more comes: TLS close_notify (RFC 8446 section 6.1), then FIN. Never waits: a
    /// peer that does not read gets no close_notify. Harmless when already closed. Afterwards what the peer
    /// still sends may be read from lowest(), undecrypted, to be thrown away.
    void shutdown_send() noexcept;
    /// Closes as shutdown_send(), or with RST when `abort`.
    void close(bool abort = false) noexcept;

private:
    socket socket_;
    std::shared_ptr<asio::ssl::context> context_;
    std::unique_ptr<asio::ssl::stream<tls_transport>> tls_;
    bool may_notify_ = false; // the handshake is done, and neither is a write under way nor the end announced

    void notify_close() noexcept;
    [[nodiscard]] awaitable<error_code> write_record(gather& g); ///< write_more() with TLS
};

/// Is the peer gone (it sent FIN or RST)? One system call, no data is consumed.
[[nodiscard]] bool peer_has_left(socket& s) noexcept;
/// Does an idle connection still look usable: open, and nothing to read on it?
[[nodiscard]] bool idle_and_open(socket& s) noexcept;

/// Writes everything to a plain socket; as stream::write_now.
[[nodiscard]] bool write_now(socket& s, gather& g, error_code& ec);
[[nodiscard]] awaitable<error_code> write_rest(socket& s, gather& g);
[[nodiscard]] awaitable<error_code> write_more(socket& s, gather& g);

/// Bytes that were written and that the peer has not acknowledged yet. One system call. When it sinks, the peer
/// takes bytes, though perhaps too few for the socket to become writable: the kernel says so only when a third
/// of its buffer is free, and of some megabytes that can take a slow reader minutes.
[[nodiscard]] std::size_t unacknowledged(socket& s) noexcept;

} // namespace clawgate::net
