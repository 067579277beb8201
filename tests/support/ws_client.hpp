#pragma once
// A WebSocket client for component tests with every bit of every frame in its hands (RFC 6455, section 5).

#include "support/raw_client.hpp"

#include <array>
#include <optional>

namespace clawgate::support {

enum class ws_op : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct ws_frame {
    ws_op op{ws_op::text};
    std::string payload;
    bool fin{true};
    bool masked{true};
    std::uint8_t rsv{0};          ///< RSV1–3 as the bits 4, 2, 1
    std::uint8_t length_bytes{0}; ///< 0: the shortest form; 2 or 8 forces a longer one than needed
};

/// With a mask of its own for each call.
[[nodiscard]] std::string encode_frame(const ws_frame& frame);

struct ws_message {
    bool text{};
    std::string data;
};

class ws_client {
public:
    /// Sends the upgrade and reads the answer. `headers` come after Host and the WebSocket ones; a Host among
    /// them replaces the default.
    ws_client(raw_client_options options, std::string_view path, const std::vector<header>& headers = {});
    ws_client(std::uint16_t port, std::string_view path, const std::vector<header>& headers = {});

    [[nodiscard]] bool connected() const; ///< 101 with the right Sec-WebSocket-Accept
    [[nodiscard]] const response& handshake() const { return handshake_; }
    [[nodiscard]] raw_client& raw() { return raw_; }

    void send_frame(const ws_frame& frame);
    void send_text(std::string_view data);
    void send_binary(std::string_view data);
    /// One message in that many frames, with a ping between them when `pings`.
    void send_fragmented(std::string_view data, std::size_t frames, bool text = true, bool pings = false);

    /// Nothing at the end of the stream.
    std::optional<ws_frame> read_frame();
    /// The next whole message; pings are answered, pongs counted. Nothing once a close frame (recorded and
    /// answered) or the end of the stream has come.
    std::optional<ws_message> read_message();
    /// As read_message, for when there must be one: throws client_error otherwise.
    ws_message expect_message();

    /// Sends a close frame; read_message() then reads what the peer still sends and its answer.
    void close(std::uint16_t code, std::string_view reason = {});
    /// Reads to the end and returns the peer's close code, 1006 when there was no close frame.
    std::uint16_t wait_closed();

    std::uint16_t close_code{0}; ///< received; 1005 for a close frame without a code, 0 when none has come
    std::string close_reason;
    std::size_t pings{0};
    std::size_t pongs{0};
    bool answer_pings{true};
    bool answer_close{true};

private:
    void answer(ws_op op, std::string payload);

    raw_client raw_;
    response handshake_;
    std::string key_;
    bool close_sent_{false};
};

} // namespace clawgate::support
