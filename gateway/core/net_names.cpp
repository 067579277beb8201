#include "core/net_names.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace clawgate {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

using v4_bytes = std::array<unsigned char, 4>;
using v6_bytes = std::array<unsigned char, 16>;

// inet_pton stops at NUL, so one inside would hide what follows it.
bool fits_c_string(std::string_view text) noexcept {
    return text.size() < INET6_ADDRSTRLEN && text.find('\0') == text.npos;
}

std::optional<v4_bytes> parse_v4(std::string_view text) {
    v4_bytes out{};
    if (!fits_c_string(text) || inet_pton(AF_INET, std::string{text}.c_str(), out.data()) != 1)
        return std::nullopt;
    return out;
}

std::optional<v6_bytes> parse_v6(std::string_view text) {
    v6_bytes out{};
    if (!fits_c_string(text) || inet_pton(AF_INET6, std::string{text}.c_str(), out.data()) != 1)
        return std::nullopt;
    return out;
}

// WHATWG URL, "IPv6 serializer": the first longest run of at least two zero groups becomes "::". Not
// inet_ntop, which writes mapped addresses with dots, as no browser does.
std::string format_v6(const v6_bytes& bytes) {
    std::array<unsigned, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i)
        groups[i] = bytes[2 * i] * 256u + bytes[2 * i + 1];
    std::size_t best = 8;
    std::size_t best_length = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t end = i;
        while (end < 8 && groups[end] == 0)
            ++end;
        if (end - i > best_length) {
            best = i;
            best_length = end - i;
        }
    }
    std::string out;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == best) {
            out += i == 0 ? "::" : ":";
            i += best_length - 1;
            continue;
        }
        std::array<char, 8> hex{};
        std::snprintf(hex.data(), hex.size(), "%x", groups[i]);
        out += hex.data();
        if (i != 7) out += ':';
    }
    return out;
}

// Letters, digits, '-' and '_' in labels that are not empty (one final dot may stand); not what the WHATWG
// host parser reads as a number, for instance 127.1 or 0x7f000001.
bool is_dns_name(std::string_view text) {
    if (text.size() > 253) return false;
    if (text.ends_with('.')) text.remove_suffix(1);
    std::string_view last;
    for (std::string_view rest = text;;) {
        const auto dot = rest.find('.');
        last = rest.substr(0, dot);
        if (last.empty() || last.size() > 63) return false;
        for (const char c : last) {
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (!letter && !is_digit(c) && c != '-' && c != '_') return false;
        }
        if (dot == rest.npos) break;
        rest.remove_prefix(dot + 1);
    }
    if (std::all_of(last.begin(), last.end(), is_digit)) return false;
    const bool hexadecimal = last.starts_with("0x") || last.starts_with("0X");
    return !hexadecimal || last.find_first_not_of("0123456789abcdefABCDEF", 2) != last.npos;
}

struct authority {
    std::string host; ///< normalised, an IPv6 literal without brackets
    bool v6 = false;
    std::optional<std::uint16_t> port; ///< nothing when none was written
};

// RFC 3986 section 3.2 without user info.
std::optional<authority> parse_authority(std::string_view text) {
    authority out;
    std::string_view after;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos) return std::nullopt;
        const auto address = parse_v6(text.substr(1, close - 1));
        if (!address) return std::nullopt;
        out.host = format_v6(*address);
        out.v6 = true;
        after = text.substr(close + 1);
    } else {
        const auto colon = text.find(':');
        const auto host = text.substr(0, colon);
        if (!parse_v4(host) && !is_dns_name(host)) return std::nullopt;
        out.host = lower(host);
        after = colon == text.npos ? std::string_view{} : text.substr(colon);
    }
    if (after.empty()) return out;
    if (!after.starts_with(':')) return std::nullopt;
    out.port = parse_port(after.substr(1));
    if (!out.port) return std::nullopt;
    return out;
}

// Clears the bits beyond `prefix`; true when one was set.
template <std::size_t N>
bool clear_host_bits(std::array<unsigned char, N>& bytes, unsigned prefix) {
    bool any = false;
    for (std::size_t i = 0; i < N; ++i) {
        const unsigned first_bit = static_cast<unsigned>(i) * 8;
        const unsigned kept = prefix <= first_bit ? 0 : std::min(prefix - first_bit, 8u);
        const auto mask = static_cast<unsigned char>(0xff00u >> kept);
        any = any || (bytes[i] & ~mask & 0xff) != 0;
        bytes[i] &= mask;
    }
    return any;
}

std::string format_v4(const v4_bytes& b) {
    return std::to_string(b[0]) + '.' + std::to_string(b[1]) + '.' + std::to_string(b[2]) + '.' +
           std::to_string(b[3]);
}

} // namespace

std::optional<std::uint16_t> parse_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || text.front() == '0') return std::nullopt;
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(value);
}

bool is_ip_literal(std::string_view text) {
    return parse_v4(text) || parse_v6(text);
}

bool is_host(std::string_view text) {
    return is_ip_literal(text) || is_dns_name(text);
}

bool is_loopback_host(std::string_view host) {
    if (const auto v4 = parse_v4(host)) return (*v4)[0] == 127;
    if (const auto v6 = parse_v6(host)) {
        static constexpr v6_bytes loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        static constexpr std::array<unsigned char, 13> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
        return *v6 == loopback || std::equal(mapped.begin(), mapped.end(), v6->begin());
    }
    const auto name = lower(host);
    return name == "localhost" || name == "localhost.";
}

std::string loopback_for(std::string_view host) {
    if (is_loopback_host(host) && is_ip_literal(host)) return std::string{host};
    return parse_v6(host) ? "::1" : "127.0.0.1";
}

bool is_unspecified_host(std::string_view host) {
    if (const auto v4 = parse_v4(host)) return *v4 == v4_bytes{};
    if (const auto v6 = parse_v6(host)) return *v6 == v6_bytes{};
    return false;
}

std::optional<std::string> normalise_origin(std::string_view text) {
    const auto separator = text.find("://");
    if (separator == text.npos) return std::nullopt;
    const auto scheme = lower(text.substr(0, separator));
    if (scheme != "http" && scheme != "https") return std::nullopt;
    const auto where = parse_authority(text.substr(separator + 3));
    if (!where) return std::nullopt;
    std::string out = scheme + "://" + (where->v6 ? '[' + where->host + ']' : where->host);
    const std::uint16_t default_port = scheme == "https" ? 443 : 80;
    if (where->port && *where->port != default_port) out += ':' + std::to_string(*where->port);
    return out;
}

std::string check_cidr(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    auto v4 = parse_v4(address);
    auto v6 = parse_v6(address);
    if (!v4 && !v6) return "is not an address block; write for instance 10.0.0.0/8 or fc00::/7";
    const unsigned longest = v4 ? 32 : 128;
    if (slash == text.npos)
        return "lacks the length of its prefix; for this one address write " + std::string{address} + '/' +
               std::to_string(longest);
    const auto digits = text.substr(slash + 1);
    unsigned prefix = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    const bool leading_zero = digits.size() > 1 && digits.front() == '0';
    if (ec != std::errc{} || end != digits.data() + digits.size() || leading_zero || prefix > longest)
        return "needs a prefix length of 0–" + std::to_string(longest) + " after the slash";
    const bool host_bits = v4 ? clear_host_bits(*v4, prefix) : clear_host_bits(*v6, prefix);
    if (host_bits)
        return "has bits set beyond its prefix; the block is " + (v4 ? format_v4(*v4) : format_v6(*v6)) +
               '/' + std::to_string(prefix);
    return {};
}

std::optional<host_and_port> parse_http_url(std::string_view text) {
    static constexpr std::string_view scheme = "http://";
    if (text.size() < scheme.size() || lower(text.substr(0, scheme.size())) != scheme) return std::nullopt;
    text.remove_prefix(scheme.size());
    if (text.ends_with('/')) text.remove_suffix(1);
    auto where = parse_authority(text);
    if (!where) return std::nullopt;
    return host_and_port{std::move(where->host), where->port.value_or(80)};
}

} // namespace clawgate
