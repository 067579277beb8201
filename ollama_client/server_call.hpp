#pragma once
// One request to the model server, answered piece by piece. Belongs to one worker thread.

#include "core/error.hpp"
#include "net/body.hpp"
#include "net/upstream_pool.hpp"

#include <span>
#include <string>
#include <string_view>

namespace clawgate::ollama {

/// Where the server is, and the connections to it.
struct server_link {
    net::upstream_pool& pool;
    net::executor executor;
    net::block_pool& blocks;
    std::string
        host; ///< for the Host field: on a loopback bind Ollama takes local names only (facts/ollama.md)
};

class server_call {
public:
    explicit server_call(server_link link)
        : link_{std::move(link)}
        , in_{link_.blocks} {}
    server_call(const server_call&) = delete;
    server_call& operator=(const server_call&) = delete;

    /// Connects (or takes an idle connection), sends, and reads the head of the answer. The connection is
    /// closed, never half-closed, when this object goes before the answer was read: Ollama then cancels the
    /// generation. A request on an idle connection that the server had closed is sent once more on a new one.
    /// errc::unreachable, errc::closed (no answer), errc::bad_upstream, errc::canceled.
    [[nodiscard]] net::awaitable<result<void>> send(std::string_view method, std::string_view target,
                                                    std::span<const std::string_view> body);

    /// The server has got the request, or part of it.
    [[nodiscard]] bool was_sent() const noexcept { return sent_; }
    [[nodiscard]] int status() const noexcept { return head_.status; }

    /// The next bytes of the answer's body, good until the next call; empty at its end, which gives the
    /// connection back. errc::closed when the server ends it early.
    [[nodiscard]] net::awaitable<result<std::string_view>> read();
    /// The rest of the body, at most `limit` bytes (errc::too_large).
    [[nodiscard]] net::awaitable<result<std::string>> read_all(std::size_t limit);

    /// Wakes whoever waits, with errc::canceled, and closes the connection. From the same thread.
    void abandon() noexcept;
    [[nodiscard]] const net::executor& executor() const noexcept { return link_.executor; }

private:
    [[nodiscard]] net::awaitable<result<void>> attempt(bool may_reuse, std::string_view head,
                                                       std::span<const std::string_view> body);
    [[nodiscard]] net::awaitable<net::error_code> write(std::string_view head,
                                                        std::span<const std::string_view> body);
    [[nodiscard]] error failed(const net::error_code& ec, std::string_view what) const;
    [[nodiscard]] std::string_view in_one_piece(const net::gather& pieces);
    void release();

    server_link link_;
    std::unique_ptr<net::socket> socket_;
    net::socket* connecting_ = nullptr; ///< for a cancellation in the meantime
    bool canceled_ = false;
    bool reused_ = false;
    bool sent_ = false;
    bool answered_ = false; ///< a byte has come
    net::read_buffer in_;
    std::string head_bytes_;
    net::response_head head_;
    net::body_decoder body_;
    std::size_t in_use_ = 0; ///< of in_, still shown to the caller
    std::string joined_;
};

struct server_answer {
    int status = 0;
    std::string body;
};
/// A whole exchange with a small answer (at most `limit` bytes), within `deadline`.
[[nodiscard]] net::awaitable<result<server_answer>> ask_server(server_link link, std::string method,
                                                               std::string target, std::string body,
                                                               std::chrono::milliseconds deadline,
                                                               std::size_t limit = 8u << 20);

} // namespace clawgate::ollama
