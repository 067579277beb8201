#pragma once
// Names on the network as text: addresses, blocks, origins, URLs. Pure parsers, no sockets and no resolver.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawgate {

/// RFC 6454 / Fetch "serialized origin": scheme://host[:port] with http or https. Lower-cased, default port
/// dropped, IPv6 compressed as browsers write it. Nothing for "null", a path (a final slash too), user info,
/// another scheme, port 0, a port with leading zeros, a host such as 127.1 that a browser would read as an
/// address, or anything else that is not exactly an origin.
[[nodiscard]] std::optional<std::string> normalise_origin(std::string_view text);

/// Nothing (empty string) when it is a valid block, for instance 10.0.0.0/8 or fc00::/7; else what is wrong
/// and what to write. A single address needs its /32 or /128; bits beyond the prefix must be zero.
[[nodiscard]] std::string check_cidr(std::string_view text);

/// An IPv4 or IPv6 literal without brackets, port or zone.
[[nodiscard]] bool is_ip_literal(std::string_view text);

/// The whole of 127.0.0.0/8, ::1, their IPv4-mapped form, or the name localhost.
[[nodiscard]] bool is_loopback_host(std::string_view host);

/// 0.0.0.0 or ::, which stand for every interface.
[[nodiscard]] bool is_unspecified_host(std::string_view host);

/// At which address a program of this machine reaches a port that is served on the interface `host` (an IP
/// literal) and, when that is neither loopback nor every interface, on loopback too: itself when it is loopback,
/// otherwise 127.0.0.1, or ::1 for IPv6.
[[nodiscard]] std::string loopback_for(std::string_view host);

/// A DNS name (letters, digits, '-', '_', '.') or an IP literal.
[[nodiscard]] bool is_host(std::string_view text);

/// 1–65535, decimal, without sign or leading zeros.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text);

struct host_and_port {
    std::string host; ///< lower case; an IPv6 literal without brackets
    std::uint16_t port = 0;
};

/// `http://host[:port]`, optionally with one final slash; port 80 where none is given. Nothing for anything
/// else.
[[nodiscard]] std::optional<host_and_port> parse_http_url(std::string_view text);

} // namespace clawgate
