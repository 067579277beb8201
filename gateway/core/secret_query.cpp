#include "core/secret_query.hpp"

#include "core/encoding.hpp"

#include <algorithm>
#include <array>

namespace clawgate {
namespace {

constexpr std::array<std::string_view, 8> suspicious{"token", "password", "passwd", "secret",
                                                     "key",   "auth",     "ticket", "signature"};
constexpr std::array<std::string_view, 6> always{"token", "password", "passwd", "secret", "ticket", "signature"};
constexpr std::array<std::string_view, 5> alone{"key", "apikey", "api_key", "api-key", "auth"};
constexpr std::string_view separators = "&;?#";

std::string lower_case_name(std::string_view raw) {
    auto name = percent_decode(raw, true).value_or(std::string{raw});
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name;
}

template <std::size_t n>
bool has_any(std::string_view text, const std::array<std::string_view, n>& words) {
    return std::ranges::any_of(words, [text](std::string_view w) { return text.find(w) != text.npos; });
}

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// As somebody would who takes a broken escape for what it is: a secret beside one is no less a secret.
std::string decode_what_can_be(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
                            digit(text[i + 2]) >= 0;
        out += escape ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
        if (escape) i += 2;
    }
    return out;
}

bool has_secret_pair(std::string_view text) {
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find_first_of(separators, begin), text.size());
        const auto piece = text.substr(begin, end - begin);
        if (const auto equals = piece.find('=');
            equals != piece.npos && names_a_secret(piece.substr(0, equals)))
            return true;
        begin = end + 1;
    }
    return false;
}

bool is_secret(std::string_view parameter) {
    const auto name = lower_case_name(parameter.substr(0, parameter.find('=')));
    return has_any(name, always) || std::ranges::find(alone, name) != alone.end();
}

} // namespace

bool names_a_secret(std::string_view raw_name) {
    return has_any(lower_case_name(raw_name), suspicious);
}

bool holds_a_secret(std::string_view raw_value) {
    if (has_secret_pair(raw_value)) return true;
    std::string value{raw_value};
    for (int times = 0; times < 3 && value.find('%') != value.npos; ++times) {
        value = decode_what_can_be(value);
        if (has_secret_pair(value)) return true;
    }
    return false;
}

std::string without_secrets(std::string_view target) {
    const auto query = target.find('?');
    if (query == target.npos) return std::string{target};
    std::string out{target.substr(0, query)};
    for (auto at = query; at != target.npos;) {
        const auto end = target.find_first_of("&;", at + 1);
        const auto parameter = target.substr(at + 1, end == target.npos ? end : end - at - 1);
        const auto value = std::min(parameter.find('='), parameter.size());
        if (!is_secret(parameter) && !holds_a_secret(parameter.substr(value))) {
            out += out.size() == query ? '?' : target[at];
            out += parameter;
        }
        at = end;
    }
    return out;
}

} // namespace clawgate
