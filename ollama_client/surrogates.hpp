#pragma once
// Halves of surrogate pairs in JSON escapes (RFC 8259 section 8.2). A JavaScript client that cuts a text in the
// middle of an emoji sends one (`\ud83d` alone), and then in every later turn of that conversation. Ollama's
// decoder reads a half as U+FFFD, and so does the door.

#include <cstdint>
#include <string>
#include <string_view>

namespace clawgate::ollama {

/// The code unit of the escape `\uXXXX` that `rest` begins with; 0 when it begins with something else. Never a
/// surrogate for what is no four hexadecimal digits.
[[nodiscard]] std::uint32_t escaped_unit(std::string_view rest) noexcept;

/// The character of the two escapes that `rest` begins with, when they are a pair; 0 otherwise.
[[nodiscard]] std::uint32_t escaped_pair(std::string_view rest) noexcept;

[[nodiscard]] constexpr bool is_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xd800 && unit <= 0xdfff;
}

/// Whether the text may hold a surrogate at all: a quick look.
[[nodiscard]] bool may_have_surrogates(std::string_view json) noexcept;

/// JSON text with every half as `\ufffd`: of the same length, for parsers that refuse halves.
[[nodiscard]] std::string with_halves_replaced(std::string_view json);

} // namespace clawgate::ollama
