#pragma once
// HTTP/1.1 heads as text, for test peers: kept as they came (order, case, repetitions), because the tests ask
// what exactly was on the wire. Strict: what is not well formed is refused, so that a fake notices a proxy
// that sends rubbish.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::support {

struct header {
    std::string name; ///< in the case it was sent in
    std::string value;
};

/// A request or response head. Of the start line only the fields of its kind are filled in.
struct message_head {
    std::string raw;        ///< everything from the start line to the empty line
    std::string start_line; ///< without CRLF
    std::vector<header> headers;

    std::string method;
    std::string target;

    int status{};
    std::string reason;

    std::string version; ///< "HTTP/1.1"

    /// The value of the first header of that name, case-insensitively.
    [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
    [[nodiscard]] std::size_t count(std::string_view name) const;
    /// Whether a comma-separated header holds the token, case-insensitively.
    [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const;
};

/// Head with its final CRLF CRLF. Nothing, and `problem` filled in, when it is not well formed.
[[nodiscard]] std::optional<message_head> parse_request_head(std::string raw, std::string& problem);
[[nodiscard]] std::optional<message_head> parse_response_head(std::string raw, std::string& problem);

/// "Name: value" without CRLF; nothing on a bad name.
[[nodiscard]] std::optional<header> parse_header_line(std::string_view line);

[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
[[nodiscard]] std::string lower(std::string_view text);
/// Nothing when it is not a plain decimal number.
[[nodiscard]] std::optional<std::uint64_t> to_number(std::string_view digits, int base = 10);

/// "/p?a=1&b=%20" → path "/p" and {a: "1", b: " "}; of repeated names the last one counts.
void split_target(std::string_view target, std::string& path, std::map<std::string, std::string>& query);

[[nodiscard]] std::string_view reason_phrase(int status);

/// SHA-256 in lower-case hexadecimal.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
/// Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455, 4.2.2).
[[nodiscard]] std::string websocket_accept(std::string_view key);
[[nodiscard]] std::string hex(std::string_view bytes);
/// Nothing on an odd length or a foreign character.
[[nodiscard]] std::optional<std::string> unhex(std::string_view text);
[[nodiscard]] std::string random_hex(std::size_t bytes);

/// `n` bytes in a fixed pattern that starts at `offset` of an endless stream: both ends can compute it, and a
/// lost, doubled or swapped piece shows.
[[nodiscard]] std::string pattern_bytes(std::uint64_t offset, std::size_t n);

} // namespace clawgate::support
