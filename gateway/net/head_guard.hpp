#pragma once
// Reads the head of an HTTP/1.1 message, strictly, in one pass and without copying. It stands where a lenient
// parser would be a way in: everything that two parsers could read differently (request smuggling) is an
// error here and is never forwarded. Pure: bytes in, views out. Sources: RFC 9112 (framing), RFC 9110
// (fields), facts/boost.md 5.

#include "core/error.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace clawgate::net {

inline constexpr std::size_t max_head_bytes = 32 * 1024; ///< RunPod's edge allows 32 KB of fields
inline constexpr std::size_t max_fields = 128;

/// The fields that the gateway itself looks at or changes; all others are `other`.
enum class field_name : std::uint8_t {
    other,
    accept,
    accept_language,
    access_control, ///< Access-Control-*, in answers
    access_control_request_headers,
    access_control_request_method,
    authorization,
    cf_connecting_ip,
    clear_site_data,
    connection,
    content_encoding,
    content_length,
    content_type,
    cookie,
    date,
    expect,
    forwarding, ///< every other header that says where a request came from: see is_forwarding_header()
    host,
    keep_alive,
    location,
    origin,
    proxy_authenticate,
    proxy_authorization,
    proxy_connection,
    referer,
    sec_fetch_dest,
    sec_fetch_mode,
    sec_fetch_site,
    sec_websocket_accept,
    sec_websocket_extensions,
    sec_websocket_key,
    sec_websocket_protocol,
    sec_websocket_version,
    set_cookie,
    te,
    trailer,
    transfer_encoding,
    upgrade,
    vary,
    www_authenticate,
    x_forwarded_for,
    x_forwarded_proto,
};

[[nodiscard]] field_name classify(std::string_view name) noexcept;

/// Forwarded, Via-like and client-address headers of any maker: X-Forwarded-*, Forwarded, X-Real-IP, CF-*,
/// True-Client-IP, Tailscale-* … The agent answers 403 to some of them, and none of them is its business.
[[nodiscard]] bool is_forwarding_header(std::string_view name) noexcept;

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// RFC 9110 section 5.6.1: is `token` an element of the comma-separated list `value`? Case-insensitive.
[[nodiscard]] bool list_contains(std::string_view value, std::string_view token) noexcept;

struct field {
    std::string_view name;
    std::string_view value; ///< without surrounding white space
    field_name id = field_name::other;
};

/// The fields of a head, in order. Views into the buffer that was parsed.
class field_list {
public:
    /// The value of the first field of this kind, or nothing (an empty view; see has()).
    [[nodiscard]] std::string_view get(field_name id) const noexcept;
    [[nodiscard]] bool has(field_name id) const noexcept;
    [[nodiscard]] std::size_t count(field_name id) const noexcept;
    /// True when any field of this kind has `token` in its list.
    [[nodiscard]] bool list_contains(field_name id, std::string_view token) const noexcept;

    [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
    [[nodiscard]] auto end() const noexcept { return fields_.end(); }
    [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
    void clear() noexcept { fields_.clear(); }
    void push_back(const field& f) { fields_.push_back(f); }

private:
    std::vector<field> fields_; // keeps its capacity from request to request
};

enum class body_kind : std::uint8_t { none, length, chunked, until_close };

enum class verb : std::uint8_t { get, head, post, put, patch, del, options, other };

struct request_head {
    std::string_view method;
    verb method_id = verb::other;
    std::string_view target; ///< origin-form, as received
    std::string_view path;   ///< of target, before '?'
    std::string_view query;  ///< after '?', or empty
    int minor_version = 1;   ///< HTTP/1.<minor>
    field_list fields;
    body_kind body = body_kind::none;
    std::uint64_t content_length = 0;
    bool keep_alive = true;       ///< the client wants the connection kept (version and Connection)
    bool expect_continue = false; ///< and there is a body
    bool websocket = false;       ///< a well-formed upgrade to WebSocket (RFC 6455 section 4.1)

    /// RFC 9110 section 9.2.1.
    [[nodiscard]] bool is_safe() const noexcept {
        return method_id == verb::get || method_id == verb::head || method_id == verb::options;
    }
    /// RFC 9110 section 9.2.2.
    [[nodiscard]] bool is_idempotent() const noexcept {
        return is_safe() || method_id == verb::put || method_id == verb::del;
    }
};

struct response_head {
    int status = 0;
    std::string_view reason;
    int minor_version = 1;
    field_list fields;
    body_kind body = body_kind::none; ///< already considers the request method and the status
    std::uint64_t content_length = 0;
    bool keep_alive = true;
};

/// Where the head ends: the offset just behind the empty line, or 0 while it is not complete. `searched` is
/// how far an earlier call has looked (kept by the caller so that a slow head is not scanned again and
/// again).
[[nodiscard]] std::size_t find_head_end(std::string_view bytes, std::size_t& searched) noexcept;

/// `head` ends with the empty line. On an error, `detail` says in plain words what was wrong with it.
/// errc::bad_request (400), errc::too_large (431: too many fields) or errc::not_found for a version that is
/// not HTTP/1.x (505).
[[nodiscard]] result<void> parse_request(std::string_view head, request_head& out);

/// `to_head`: the request was HEAD. Errors are errc::bad_upstream.
[[nodiscard]] result<void> parse_response(std::string_view head, bool to_head, response_head& out);

/// One field line of a trailer section, without its CRLF; the same rules as in a head.
[[nodiscard]] result<field> parse_field_line(std::string_view line);

/// The path with unreserved characters percent-decoded, empty and dot segments resolved (RFC 3986
/// section 6.2.2): what routes are matched against. Nothing when it climbs above the root, or has an encoded
/// NUL or a bad escape.
[[nodiscard]] result<std::string> normalise_path(std::string_view path);

} // namespace clawgate::net
