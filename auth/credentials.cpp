#include "auth/credentials.hpp"

#include "auth/text.hpp"

#include "core/encoding.hpp"

#include <algorithm>
#include <utility>

namespace clawgate::auth {
namespace {

constexpr std::string_view host_prefix = "__Host-";
constexpr std::string_view own_prefix = "clawgate-";
constexpr std::size_t max_next = 2048;

bool istarts_with(std::string_view text, std::string_view prefix) noexcept {
    return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

bool is_alnum(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_control(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_alnum(c) || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
    });
}

shown_credential parse_basic(std::string_view encoded) {
    if (!is_ascii(encoded)) return {credential_scheme::malformed, {}};
    auto decoded = base64_decode(encoded);
    if (!decoded) return {credential_scheme::malformed, {}};
    const secret user_pass{std::move(*decoded)};
    const auto text = user_pass.reveal();
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || std::ranges::any_of(text, is_control))
        return {credential_scheme::malformed, {}};
    return {credential_scheme::basic, secret{std::string{text.substr(colon + 1)}}};
}

/// RFC 6265 section 4.1.1, cookie-octet; quotes are part of the value and so not of ours.
bool is_cookie_value(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x20 && byte < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
    });
}

/// Takes the next `a=b` off the front of a Cookie field.
std::string_view next_pair(std::string_view& rest) noexcept {
    const auto end = rest.find(';');
    const auto pair = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return pair;
}

std::string_view name_of(std::string_view pair) noexcept {
    return trim(pair.substr(0, pair.find('=')));
}

/// Without regard to case, although ours is exact: what merely resembles it is nothing an agent needs either.
bool is_own_cookie(std::string_view name) noexcept {
    if (istarts_with(name, host_prefix)) name.remove_prefix(host_prefix.size());
    return istarts_with(name, own_prefix);
}

/// One reading of the path, as a browser or a server would take it apart.
bool is_local_path(std::string_view path) {
    if (!path.starts_with('/') || path.find("//") != std::string_view::npos) return false;
    if (std::ranges::any_of(path, [](char c) { return is_control(c) || c == '\\'; })) return false;
    if (istarts_with(path, "/_gateway") && (path.size() == 9 || !is_token(path.substr(9, 1)))) return false;
    for (auto rest = path; !rest.empty();) {
        rest.remove_prefix(1); // the '/'
        const auto segment = rest.substr(0, rest.find('/'));
        if (segment == "." || segment == "..") return false;
        rest.remove_prefix(segment.size());
    }
    return true;
}

/// Every reading of the path must be local: decoded once, twice …, until nothing is left to decode.
bool stays_local(std::string path) {
    for (int round = 0; round < 8; ++round) {
        if (!is_local_path(path)) return false;
        auto decoded = percent_decode(path);
        if (!decoded) return round > 0; // a literal '%' after decoding is just a character of the name
        if (*decoded == path) return true;
        path = std::move(*decoded);
    }
    return false;
}

} // namespace

shown_credential parse_authorization(std::string_view field) {
    field = trim(field);
    if (field.empty()) return {};
    const auto space = field.find(' ');
    const auto scheme = field.substr(0, space);
    if (!is_token(scheme)) return {credential_scheme::malformed, {}};
    const auto value = space == std::string_view::npos ? std::string_view{} : trim(field.substr(space));
    if (iequals(scheme, "basic")) return parse_basic(value);
    if (iequals(scheme, "bearer")) {
        if (value.empty() || std::ranges::any_of(value, is_control))
            return {credential_scheme::malformed, {}};
        return {credential_scheme::bearer, secret{std::string{value}}};
    }
    return {credential_scheme::other, {}};
}

bool looks_like_a_device_token(const secret& bearer) {
    constexpr std::size_t text_length = 43; // of 32 bytes
    return bearer.reveal().size() == text_length && base64url_decode(bearer.reveal()).has_value();
}

void append_cookies(std::string_view cookie_header, std::string_view name,
                    std::vector<std::string_view>& out) {
    while (!cookie_header.empty() && out.size() < max_cookies_of_a_name) {
        const auto pair = next_pair(cookie_header);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
        const auto value = pair.substr(equals + 1);
        if (is_cookie_value(value)) out.push_back(value);
    }
}

std::string session_cookie_name(std::uint16_t port, bool https) {
    std::string name{https ? host_prefix : std::string_view{}};
    name += own_prefix;
    name += std::to_string(port);
    return name;
}

std::string strip_cookies(std::string_view cookie_header) {
    std::string out;
    while (!cookie_header.empty()) {
        const auto pair = next_pair(cookie_header);
        if (pair.empty() || is_own_cookie(name_of(pair))) continue;
        if (!out.empty()) out += "; ";
        out += pair;
    }
    return out;
}

std::string set_cookie_header(std::string_view name, std::string_view value, bool https,
                              std::chrono::seconds max_age) {
    std::string out{name};
    out += '=';
    out += value;
    out += "; Path=/; Max-Age=";
    out += std::to_string(max_age.count());
    out += "; HttpOnly; SameSite=Lax";
    if (https) out += "; Secure";
    return out;
}

std::string clear_cookie_header(std::string_view name, bool https) {
    return set_cookie_header(name, {}, https, std::chrono::seconds{0});
}

std::string safe_next(std::string_view next) {
    static constexpr std::string_view fallback = "/";
    if (next.empty() || next.size() > max_next) return std::string{fallback};
    const auto plain = [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; };
    if (!std::ranges::all_of(next, plain)) return std::string{fallback};

    const auto path_end = next.find_first_of("?#");
    if (!stays_local(std::string{next.substr(0, path_end)})) return std::string{fallback};
    if (path_end != std::string_view::npos) {
        const auto query = percent_decode(next.substr(path_end));
        if (!query || std::ranges::any_of(*query, is_control)) return std::string{fallback};
    }
    return std::string{next};
}

} // namespace clawgate::auth
