#pragma once
// WebSocket framing (RFC 6455 section 5) as far as a tunnel needs it: following the frames of a byte stream
// that passes untouched, taking the first message of a client apart, and making frames of our own. No I/O.

#include "core/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawgate::net::websocket {

enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Close codes that the gateway itself sends (RFC 6455 section 7.4, IANA registry).
enum close_code : std::uint16_t {
    going_away = 1001,
    protocol_error = 1002,
    policy_violation = 1008,
    message_too_big = 1009,
    service_restart = 1012,
    try_again_later = 1013,
    session_ended = 4401, ///< ours: log in again
};

struct frame_header {
    bool fin = true;
    opcode op = opcode::text;
    bool masked = false;
    std::array<std::uint8_t, 4> mask{};
    std::uint64_t length = 0;
    std::size_t header_bytes = 0;
};

/// The header at the front of `bytes`; nothing while it is incomplete. An error (close code 1002 is due) for
/// reserved bits or opcodes, a fragmented or long control frame, or a length that is not in its shortest
/// form.
[[nodiscard]] result<std::optional<frame_header>> parse_frame_header(std::string_view bytes);

void apply_mask(std::string& payload, const std::array<std::uint8_t, 4>& mask) noexcept;

/// A whole frame. With `mask` (clients must) the payload is masked.
[[nodiscard]] std::string encode_frame(opcode op, std::string_view payload,
                                       const std::array<std::uint8_t, 4>* mask = nullptr);
/// A close frame; the reason is cut to what fits (123 bytes), at a character's border.
[[nodiscard]] std::string encode_close(std::uint16_t code, std::string_view reason,
                                       const std::array<std::uint8_t, 4>* mask = nullptr);
/// Four unpredictable bytes (RFC 6455 section 5.3).
[[nodiscard]] std::array<std::uint8_t, 4> fresh_mask();

/// Follows the frames of one direction. It reads headers and a close frame's payload and nothing else, and
/// changes nothing. After a malformed header it stops following: at_boundary() is then false for good.
class frame_follower {
public:
    void follow(std::string_view bytes) noexcept;

    /// Between two frames: one of ours may be put in here.
    [[nodiscard]] bool at_boundary() const noexcept { return !lost_ && have_ == 0 && left_ == 0; }
    [[nodiscard]] bool saw_close() const noexcept { return close_seen_; }
    /// 1005 (none given) when the frame was empty; 0 before a close frame.
    [[nodiscard]] std::uint16_t close_code() const noexcept;
    [[nodiscard]] std::string_view close_reason() const noexcept;

private:
    void finish_header() noexcept;

    std::array<char, 14> header_{};
    std::uint8_t have_ = 0;  // bytes of an incomplete header
    std::uint64_t left_ = 0; // payload bytes of the current frame still to come
    bool in_close_ = false;
    bool close_seen_ = false;
    bool lost_ = false;
    std::array<std::uint8_t, 4> mask_{};
    bool masked_ = false;
    std::array<char, 125> close_{};
    std::uint8_t close_size_ = 0;
};

/// Collects the first complete message of a client: fragments are joined, control frames in between are let
/// through.
class first_message {
public:
    explicit first_message(std::size_t limit)
        : limit_{limit} {}

    struct progress {
        std::size_t consumed = 0; ///< bytes of the input that were used
        std::string pass_on;      ///< whole control frames to forward as they came
        bool complete = false;    ///< message() is there; bytes behind `consumed` are untouched
    };
    /// Needs whole frames of at most `limit` bytes; consumes none of an incomplete frame (call again with
    /// more behind it). The error's detail is the close reason; errc::too_large → 1009, errc::bad_request →
    /// 1002.
    [[nodiscard]] result<progress> feed(std::string_view bytes);

    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] opcode kind() const noexcept { return kind_; }

private:
    std::size_t limit_;
    std::string message_;
    opcode kind_ = opcode::text;
    bool started_ = false;
};

} // namespace clawgate::net::websocket
