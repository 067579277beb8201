#pragma once
// A small HTTP/1.1 server on plain sockets for the fakes: a thread and an io_context of its own, a handler
// that is a coroutine per request and may write whatever bytes it likes, and a record of everything that
// arrived.

#include "support/http_text.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::support {

using boost::asio::awaitable;

/// One request as it arrived; filled in while it arrives.
struct request_record {
    std::uint64_t connection{}; ///< counted from 1 in the order of accept
    std::uint64_t number{}; ///< of the request on its connection, from 0: above 0 the connection was reused
    message_head head;
    std::uint64_t body_bytes{};
    std::string body;        ///< the first MB
    std::string body_sha256; ///< of the whole body, once it is complete
    std::vector<header> trailers;
    bool body_complete{};
    bool peer_left{}; ///< the client was gone before the response ended
    bool finished{};  ///< the handler has returned
};

/// One WebSocket, from its 101 on.
struct socket_record {
    std::uint64_t connection{};
    message_head head;
    std::string first_message; ///< the first one of the client
    bool first_was_text{};
    bool authenticated{}; ///< hello-ok was sent
    std::uint64_t messages{};
    std::uint64_t bytes{}; ///< payload bytes received
    std::uint64_t pings{}; ///< received
    std::uint64_t pongs{}; ///< received
    bool ended{};
    bool sent_close{};       ///< this side closed first
    std::uint16_t code{};    ///< received from the peer; 0 when it sent no close frame
    std::string reason;      ///< received from the peer
    std::string end_problem; ///< why reading ended, when not by a close frame
};

struct traffic {
    std::uint64_t connections{}; ///< accepted
    std::uint64_t open{};        ///< of these still there
    std::uint64_t total_requests{};
    std::uint64_t malformed{};            ///< heads or bodies that were refused
    std::vector<std::string> problems;    ///< why, and exceptions out of handlers
    std::vector<request_record> requests; ///< at most server_options::max_records, the oldest ones
    std::vector<socket_record> sockets;   ///< bounded in the same way
};

struct server_options {
    std::string bind{"127.0.0.1"};
    std::uint16_t port{0};                ///< 0: any free one
    std::chrono::milliseconds idle{5000}; ///< of a kept-alive connection; 0: for ever
    std::string keep_alive_header{
        "Keep-Alive: timeout=5"}; ///< sent with every response that keeps the connection
    std::size_t max_head{64 * 1024};
    std::size_t max_records{10'000};        ///< above it only the counters go on
    std::size_t max_body_copy{1024 * 1024}; ///< what a handler finds in exchange::body at most
};

class server_core;
class connection;

/// One request and the way to answer it. Every awaitable<bool> is false when the peer has left or broke the
/// protocol, or the server stops: the handler should then return.
class exchange {
public:
    explicit exchange(connection& c);

    message_head head;
    std::string path; ///< raw, without the query
    std::map<std::string, std::string> query;

    [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t otherwise) const;
    [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise) const;
    [[nodiscard]] bool is_head() const { return head.method == "HEAD"; }
    /// The request's number on its connection, from 0.
    [[nodiscard]] std::uint64_t on_connection() const;

    /// Reads the body to its end into `body` (up to max_body_copy) and the record; answers Expect:
    /// 100-continue first.
    awaitable<bool> read_body(bool send_continue = true);
    std::string body;
    std::uint64_t body_bytes{};
    std::string body_sha256;
    std::vector<header> trailers;

    /// Raw bytes, as they are.
    awaitable<bool> send(std::string_view bytes);
    /// A whole response with Content-Length. `extra`: header lines, each with CRLF.
    awaitable<bool> respond(int status, std::string_view type, std::string_view body_text,
                            std::string_view extra = {});
    /// Status line, `extra` lines, connection headers and the empty line; the framing is the caller's.
    awaitable<bool> send_head(int status, std::string_view extra);
    awaitable<bool> send_chunk(std::string_view data);
    /// Waits; notices a client that leaves meanwhile.
    awaitable<bool> pause(std::chrono::milliseconds d);
    /// Waits until the client leaves.
    awaitable<void> hang();
    /// Ends a pause early; from another coroutine on the server's thread.
    void wake();

    /// Ends the connection after this exchange, in order or with a TCP reset.
    void close_after();
    void reset_after();
    /// Takes the socket out of the server's hands, for an upgrade; the handler goes on with it.
    boost::asio::ip::tcp::socket take_socket();
    /// Called on the server's thread when it stops; set after take_socket.
    void on_stop(std::function<void()> f);

    /// Changes the record of this request, under its lock.
    void record(const std::function<void(request_record&)>& change);
    [[nodiscard]] server_core& core();
    [[nodiscard]] std::uint64_t connection_id() const;

private:
    awaitable<bool> read_chunked();
    awaitable<bool> take_body(std::uint64_t bytes, void* sum);
    awaitable<bool> read_line(std::string& line);
    [[nodiscard]] std::string connection_lines() const;
    void malformed(const std::string& why);

    connection& connection_;
    bool body_read_{};
    bool continue_sent_{};
    friend class connection;
};

using handler = std::function<awaitable<void>(exchange&)>;

class http_server {
public:
    http_server(server_options options, handler h);
    ~http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    /// Ends every connection (a WebSocket gets its close frame first) and the thread. Idempotent.
    void stop();
    /// A copy of everything so far.
    [[nodiscard]] traffic seen() const;
    /// Blocks until `done` holds for the traffic, or ten seconds have passed: then false.
    bool wait_until(const std::function<bool(const traffic&)>& done) const;
    void forget(); ///< empties the record of requests and sockets; counters go on
    /// Runs `f` on the server's thread and waits for it; on this thread once the server has stopped.
    void run_there(const std::function<void()>& f);

private:
    std::unique_ptr<server_core> core_;
};

} // namespace clawgate::support
