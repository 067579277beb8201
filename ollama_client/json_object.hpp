#pragma once
// The members of an object at a scanner's position, with the rules for keys that request.hpp states.

#include "ollama_client/json_scan.hpp"
#include "ollama_client/request.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama {

/// Fills `out` with the members of the object that `text` has at the scanner's position, and goes behind it.
/// `base`: where `text` begins in the body. The scanner's depth must count the object itself.
[[nodiscard]] result<void> read_members(json_scanner& scanner, std::string_view text, std::size_t base,
                                        std::vector<json_member>& out);

/// The key as Go's decoder compares it, as far as keys of ASCII letters can meet it: ASCII in lower case,
/// U+017F as s, U+212A as k.
[[nodiscard]] std::string fold_key(std::string_view key);

/// A caller's key for an error text: in quotes, and cut when it is long.
[[nodiscard]] std::string shown_key(std::string_view key);

/// errc::bad_request, the client's fault.
[[nodiscard]] error bad_request(std::string sentence);

} // namespace clawgate::ollama
