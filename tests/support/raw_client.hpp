#pragma once
// A blocking client on a raw TCP (or TLS) socket for component tests: sends exactly the bytes it is given and
// hands out exactly those that come. Every wait has a deadline of ten seconds; a wait that fails throws
// client_error, so that a test fails with a sentence and never hangs.

#include "support/http_text.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::support {

class client_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct raw_client_options {
    std::string address{"127.0.0.1"};
    std::uint16_t port{};
    std::string source;   ///< local address to come from, e.g. 127.0.0.9; empty: any
    bool tls{false};      ///< without verification
    std::string alpn;     ///< of TLS: the one protocol that is offered; empty: none
    int receive_buffer{}; ///< SO_RCVBUF in bytes, for back-pressure tests; 0: the system's
    std::chrono::milliseconds deadline{10'000};
};

struct response {
    message_head head;
    std::string body;
    std::vector<header> trailers;
    std::vector<message_head> informational; ///< 1xx heads that came before

    [[nodiscard]] int status() const { return head.status; }
    [[nodiscard]] std::string get(std::string_view name) const { return head.get(name).value_or(""); }
};

class raw_client {
public:
    explicit raw_client(std::uint16_t port);
    explicit raw_client(raw_client_options options);
    ~raw_client();
    raw_client(raw_client&&) noexcept;
    raw_client& operator=(raw_client&&) noexcept;

    void send(std::string_view bytes);
    /// As much as the socket takes without waiting; the number of bytes taken.
    std::size_t send_some(std::string_view bytes);

    std::string read_exactly(std::size_t n);
    /// Including the delimiter.
    std::string read_until(std::string_view delimiter);
    /// What is there, at least one byte; empty at the end of the stream.
    std::string read_some();
    std::string read_to_end();
    /// Whether the peer has ended the stream (waits for it) without sending anything more.
    bool ended();
    /// Whether anything, bytes or the end, is there to read within `d`. For "nothing comes" use it sparingly.
    bool readable_within(std::chrono::milliseconds d);

    message_head read_head();
    /// The next final response with its body; 1xx ones are collected. `to_head`: the request was a HEAD.
    response read_response(bool to_head = false);
    /// One chunk of a chunked body, empty for the last one (trailers are then read and dropped).
    std::string read_chunk();

    /// Sends a request and reads the answer. Host, and Content-Length with a body, are added when missing.
    response request(std::string_view method, std::string_view target,
                     const std::vector<header>& headers = {}, std::string_view body = {});

    void half_close();
    void close();
    void reset();                             ///< TCP reset
    [[nodiscard]] bool reset_by_peer() const; ///< the last read ended in ECONNRESET

    [[nodiscard]] std::string_view leftover() const; ///< received, not handed out
    [[nodiscard]] std::uint16_t local_port() const;
    [[nodiscard]] std::string tls_version() const; ///< of TLS: "TLSv1.3"
    [[nodiscard]] std::string chosen_alpn() const; ///< of TLS: what the peer chose
    [[nodiscard]] bool close_notified() const;     ///< of TLS: the peer ended it in an orderly way

private:
    struct impl;
    bool fill(); ///< more bytes; false at the end of the stream
    std::string take(std::size_t n);

    std::unique_ptr<impl> impl_;
};

/// The text of a request, as raw_client::request sends it.
[[nodiscard]] std::string request_text(std::string_view method, std::string_view target,
                                       const std::vector<header>& headers = {}, std::string_view body = {});

} // namespace clawgate::support
