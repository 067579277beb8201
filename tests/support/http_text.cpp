#include "support/http_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/rand.h>

namespace clawgate::support {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool token_char(char c) {
    constexpr std::string_view others{"!#$%&'*+-.^_`|~"};
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           others.find(c) != std::string_view::npos;
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Start line and header lines; false with the problem when a line is not well formed.
bool parse_lines(message_head& head, std::string& problem) {
    std::string_view rest{head.raw};
    bool first = true;
    while (true) {
        const auto end = rest.find("\r\n");
        if (end == std::string_view::npos) return problem = "head without its empty line", false;
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end + 2);
        if (line.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos) {
            return problem = "bare CR, LF or NUL in the head", false;
        }
        if (first) {
            head.start_line = line;
            first = false;
            continue;
        }
        if (line.empty()) {
            if (!rest.empty()) return problem = "bytes after the head", false;
            return true;
        }
        auto parsed = parse_header_line(line);
        if (!parsed) return problem = "bad header line: " + std::string{line.substr(0, 80)}, false;
        head.headers.push_back(std::move(*parsed));
    }
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string digest(const EVP_MD* kind, std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, kind, nullptr) != 1) {
        throw std::runtime_error{"EVP_Digest failed"};
    }
    return {reinterpret_cast<const char*>(out.data()), size};
}

} // namespace

std::optional<std::string> message_head::get(std::string_view name) const {
    for (const auto& h : headers) {
        if (iequals(h.name, name)) return h.value;
    }
    return std::nullopt;
}

std::size_t message_head::count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(headers.begin(), headers.end(),
                                                  [&](const header& h) { return iequals(h.name, name); }));
}

bool message_head::has_token(std::string_view name, std::string_view token) const {
    for (const auto& h : headers) {
        if (!iequals(h.name, name)) continue;
        std::string_view rest{h.value};
        while (true) {
            const auto comma = rest.find(',');
            if (iequals(trim(rest.substr(0, comma)), token)) return true;
            if (comma == std::string_view::npos) break;
            rest.remove_prefix(comma + 1);
        }
    }
    return false;
}

std::optional<header> parse_header_line(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
    const auto name = line.substr(0, colon);
    if (!std::all_of(name.begin(), name.end(), token_char)) return std::nullopt;
    return header{std::string{name}, std::string{trim(line.substr(colon + 1))}};
}

std::optional<message_head> parse_request_head(std::string raw, std::string& problem) {
    message_head head;
    head.raw = std::move(raw);
    if (!parse_lines(head, problem)) return std::nullopt;
    const std::string_view line{head.start_line};
    const auto a = line.find(' ');
    const auto b = line.rfind(' ');
    if (a == std::string_view::npos || a == b || a == 0) return problem = "bad request line", std::nullopt;
    head.method = line.substr(0, a);
    head.target = line.substr(a + 1, b - a - 1);
    head.version = line.substr(b + 1);
    if (head.target.empty() || head.target.find(' ') != std::string::npos) {
        return problem = "bad request target", std::nullopt;
    }
    if (head.version != "HTTP/1.1" && head.version != "HTTP/1.0")
        return problem = "bad version", std::nullopt;
    if (head.version == "HTTP/1.1" && head.count("host") != 1)
        return problem = "not exactly one Host", std::nullopt;
    return head;
}

std::optional<message_head> parse_response_head(std::string raw, std::string& problem) {
    message_head head;
    head.raw = std::move(raw);
    if (!parse_lines(head, problem)) return std::nullopt;
    const std::string_view line{head.start_line};
    const auto space = line.find(' ');
    if (space == std::string_view::npos || line.size() < space + 4)
        return problem = "bad status line", std::nullopt;
    head.version = line.substr(0, space);
    const auto status = to_number(line.substr(space + 1, 3));
    if (!status || *status < 100 || !head.version.starts_with("HTTP/1.")) {
        return problem = "bad status line", std::nullopt;
    }
    head.status = static_cast<int>(*status);
    head.reason = line.substr(std::min(line.size(), space + 5));
    return head;
}

bool iequals(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
    return out;
}

std::optional<std::uint64_t> to_number(std::string_view digits, int base) {
    std::uint64_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, ec] = std::from_chars(digits.data(), end, value, base);
    if (digits.empty() || ec != std::errc{} || stop != end) return std::nullopt;
    return value;
}

void split_target(std::string_view target, std::string& path, std::map<std::string, std::string>& query) {
    const auto mark = target.find('?');
    path = target.substr(0, mark);
    query.clear();
    if (mark == std::string_view::npos) return;
    auto rest = target.substr(mark + 1);
    while (!rest.empty()) {
        const auto end = rest.find('&');
        const auto pair = rest.substr(0, end);
        const auto equals = pair.find('=');
        const auto value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
        query[percent_decoded(pair.substr(0, equals))] = percent_decoded(value);
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
}

std::string_view reason_phrase(int status) {
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Payload Too Large";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    default: return "Status";
    }
}

std::string sha256_hex(std::string_view bytes) {
    return hex(digest(EVP_sha256(), bytes));
}

std::string websocket_accept(std::string_view key) {
    const auto sum = digest(EVP_sha1(), std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    std::array<unsigned char, 64> out{};
    const int size = EVP_EncodeBlock(out.data(), reinterpret_cast<const unsigned char*>(sum.data()),
                                     static_cast<int>(sum.size()));
    return {reinterpret_cast<const char*>(out.data()), static_cast<std::size_t>(size)};
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits{"0123456789abcdef"};
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        out += digits[value >> 4];
        out += digits[value & 15];
    }
    return out;
}

std::optional<std::string> unhex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
    }
    return out;
}

std::string random_hex(std::size_t bytes) {
    std::string out(bytes, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(bytes)) != 1) {
        throw std::runtime_error{"RAND_bytes failed"};
    }
    return hex(out);
}

std::string pattern_bytes(std::uint64_t offset, std::size_t n) {
    // 251 is prime, so no power-of-two buffer size lines up with the period; the block number breaks the
    // rest.
    std::string out(n, '\0');
    for (std::size_t i = 0; i < n; ++i) {
        const auto at = offset + i;
        out[i] = static_cast<char>((at % 251) ^ ((at / 4096) & 255));
    }
    return out;
}

} // namespace clawgate::support
