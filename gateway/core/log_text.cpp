#include "core/log_text.hpp"

#include "core/log.hpp"
#include "core/secret_query.hpp"

#include <algorithm>
#include <array>

namespace clawgate::log {
namespace {

constexpr char hex[] = "0123456789abcdef";

struct character {
    char32_t code = 0;
    std::size_t length = 0; ///< 0 when the bytes are not UTF-8
};

// The character that `text`, which is not empty, begins with (RFC 3629: no surrogates, no overlong forms).
character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
    char32_t code = lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3f);
    }
    static constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
    return {code, length};
}

bool may_steer(char32_t c) noexcept {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void append_byte_escape(std::string& out, unsigned char byte) {
    out += "\\x";
    out += hex[byte >> 4];
    out += hex[byte & 15];
}

void append_unicode_escape(std::string& out, char32_t code) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
        out += hex[code >> shift & 15];
}

// One part between two '&'. Of ';', '?' and '#' one cannot know whether they end a value or belong to it
// (that depends on who reads it): they begin a new key, but from the first secret's value on all the rest is
// masked.
void append_masked_part(std::string& out, std::string_view part) {
    for (std::size_t begin = 0; begin <= part.size();) {
        const auto end = std::min(part.find_first_of(";?#", begin), part.size());
        const auto piece = part.substr(begin, end - begin);
        const auto equals = piece.find('=');
        if (equals != piece.npos &&
            (names_a_secret(piece.substr(0, equals)) || holds_a_secret(piece.substr(equals + 1)))) {
            out += piece.substr(0, equals + 1);
            out += "***";
            return;
        }
        out += piece;
        if (end < part.size()) out += part[end];
        begin = end + 1;
    }
}

} // namespace

void append_escaped(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const auto [code, length] = first_character(text);
        if (length == 0)
            append_byte_escape(out, static_cast<unsigned char>(text.front()));
        else if (code == '\n')
            out += "\\n";
        else if (code == '\r')
            out += "\\r";
        else if (code == '\t')
            out += "\\t";
        else if (code == '\\')
            out += "\\\\";
        else if (may_steer(code) && code < 0x80)
            append_byte_escape(out, static_cast<unsigned char>(code));
        else if (may_steer(code))
            append_unicode_escape(out, code);
        else
            out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
}

void append_word(std::string& out, std::string_view text) {
    if (text.empty()) {
        out += '-';
        return;
    }
    if (text.find_first_of(" \"=") == text.npos) {
        append_escaped(out, text);
        return;
    }
    out += '"';
    for (;;) {
        const auto quote = text.find('"');
        append_escaped(out, text.substr(0, quote));
        if (quote == text.npos) break;
        out += "\\\"";
        text.remove_prefix(quote + 1);
    }
    out += '"';
}

void append_json(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const auto [code, length] = first_character(text);
        if (length == 0)
            out += "\\ufffd";
        else if (code == '"' || code == '\\')
            (out += '\\') += static_cast<char>(code);
        else if (may_steer(code))
            append_unicode_escape(out, code);
        else
            out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    out += '"';
}

std::string mask_target(std::string_view target) {
    std::string out;
    out.reserve(target.size());
    const auto path = std::min(target.find_first_of("?#"), target.size());
    // A query that was encoded once too often is a part of the path to everybody but its author.
    const auto shown = holds_a_secret(target.substr(0, path)) ? target.find_first_of("%;=") : path;
    out += target.substr(0, shown);
    if (shown < path) out += "***";
    for (auto rest = target.substr(path); !rest.empty();) {
        out += rest.front(); // the separator
        rest.remove_prefix(1);
        const auto end = std::min(rest.find('&'), rest.size());
        append_masked_part(out, rest.substr(0, end));
        rest.remove_prefix(end);
    }
    return out;
}

} // namespace clawgate::log
