#include "ollama_client/request.hpp"

#include "ollama_client/json_object.hpp"
#include "ollama_client/json_scan.hpp"
#include "ollama_client/surrogates.hpp"

#include <algorithm>
#include <cstdint>

namespace clawgate::ollama {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// Of native_request::body: the object itself.
constexpr unsigned body_depth = 1;

void append_utf8(std::string& out, std::uint32_t c) {
    const auto byte = [&out](std::uint32_t b) { out += static_cast<char>(b); };
    if (c < 0x80) {
        byte(c);
    } else if (c < 0x800) {
        byte(0xc0 | (c >> 6));
        byte(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        byte(0xe0 | (c >> 12));
        byte(0x80 | ((c >> 6) & 0x3f));
        byte(0x80 | (c & 0x3f));
    } else {
        byte(0xf0 | (c >> 18));
        byte(0x80 | ((c >> 12) & 0x3f));
        byte(0x80 | ((c >> 6) & 0x3f));
        byte(0x80 | (c & 0x3f));
    }
}

// The escape at the beginning of `rest` (of a validated string); its length in bytes.
std::size_t append_escape(std::string& out, std::string_view rest) {
    switch (rest[1]) {
    case 'b': out += '\b'; return 2;
    case 'f': out += '\f'; return 2;
    case 'n': out += '\n'; return 2;
    case 'r': out += '\r'; return 2;
    case 't': out += '\t'; return 2;
    case 'u': break;
    default: out += rest[1]; return 2;
    }
    if (const auto pair = escaped_pair(rest); pair != 0) {
        append_utf8(out, pair);
        return 12;
    }
    const auto unit = escaped_unit(rest);
    append_utf8(out, is_surrogate(unit) ? 0xfffd : unit);
    return 6;
}

const json_member* find_key(const std::vector<json_member>& members, std::string_view key) noexcept {
    const auto found =
        std::find_if(members.begin(), members.end(), [key](const json_member& m) { return m.key == key; });
    return found == members.end() ? nullptr : &*found;
}

} // namespace

result<std::vector<json_member>> scan_object(std::string_view text) {
    json_scanner scanner{text, body_depth};
    if (text.starts_with(byte_order_mark)) {
        (void)scanner.fail("a byte order mark");
        return scanner.failure();
    }
    scanner.skip_space();
    std::vector<json_member> members;
    if (auto read = read_members(scanner, text, 0, members); !read) return read.error();
    scanner.skip_space();
    if (!scanner.at_end()) {
        (void)scanner.fail("something behind the object");
        return scanner.failure();
    }
    return members;
}

std::vector<std::string_view> scan_array(std::string_view text) {
    std::vector<std::string_view> elements;
    json_scanner scanner{text};
    if (!scanner.take('[')) return elements;
    scanner.skip_space();
    if (scanner.take(']')) return elements;
    do {
        scanner.skip_space();
        const auto begin = scanner.position();
        if (!scanner.skip_value()) break;
        elements.push_back(text.substr(begin, scanner.position() - begin));
        scanner.skip_space();
    } while (scanner.take(','));
    return elements;
}

std::optional<std::string> json_string(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::nullopt;
    auto rest = value.substr(1, value.size() - 2);
    std::string out;
    out.reserve(rest.size());
    for (;;) {
        const auto escape = rest.find('\\');
        out.append(rest.substr(0, escape));
        if (escape == rest.npos) return out;
        rest.remove_prefix(escape);
        rest.remove_prefix(append_escape(out, rest));
    }
}

std::string quote_json(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out;
    out.reserve(text.size() + 2);
    out += '"';
    for (const char c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) >= 0x20) {
                out += c;
            } else {
                out += "\\u00";
                out += hex[static_cast<unsigned char>(c) >> 4];
                out += hex[static_cast<unsigned char>(c) & 0xf];
            }
        }
    }
    out += '"';
    return out;
}

const json_member* native_request::find(std::string_view key) const noexcept {
    return find_key(members, key);
}

const json_member* native_request::find_option(std::string_view key) const noexcept {
    return find_key(options, key);
}

} // namespace clawgate::ollama
