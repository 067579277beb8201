#pragma once
// How values become text in a log line. Pure; only for log.cpp and its tests.

#include <string>
#include <string_view>

namespace clawgate::log {

/// Appends `text` so that it stays on its line and cannot steer a terminal: control characters (C0, DEL, C1),
/// line and paragraph separators, bidirectional overrides and bytes that are not UTF-8 are escaped as \n,
/// \x1b or \u202e. A backslash is doubled, so that an escape cannot be forged.
void append_escaped(std::string& out, std::string_view text);

/// As append_escaped, as one word: "-" when empty, in double quotes where a space, a quote or '=' would make
/// it ambiguous.
void append_word(std::string& out, std::string_view text);

/// Appends a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void append_json(std::string& out, std::string_view text);

} // namespace clawgate::log
