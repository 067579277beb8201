#pragma once
// The few operations on header text that this box needs. ASCII only, whatever the locale.

#include <algorithm>
#include <string_view>

namespace clawgate::auth {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline bool iequals(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

/// libsodium 1.0.18's base64 decoder takes bytes from 0x80 on for characters of its alphabet: what must have
/// one spelling only is checked with this first.
[[nodiscard]] inline bool is_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Without optional white space (RFC 9110 section 5.6.3) at either end.
[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

} // namespace clawgate::auth
