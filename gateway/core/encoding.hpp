#pragma once
// Text encodings. Decoders are canonical: exactly one spelling of every value is accepted, so that a decoded
// value cannot arrive in two forms.

#include <optional>
#include <string>
#include <string_view>

namespace clawgate {

/// RFC 4648 section 5, without padding.
[[nodiscard]] std::string base64url_encode(std::string_view bytes);
/// Nothing on a foreign character, padding, an impossible length or non-zero trailing bits.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

/// RFC 4648 section 4, with padding, as HTTP Basic uses it. Padding is required; trailing bits must be zero.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);
[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// RFC 3986 section 2.1. Nothing on a '%' that is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
/// Everything but unreserved characters is encoded.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// &, <, >, " and ' become character references: safe in HTML text and in quoted attributes.
[[nodiscard]] std::string html_escape(std::string_view text);

} // namespace clawgate
