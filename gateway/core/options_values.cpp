#include "core/options_values.hpp"

#include "core/net_names.hpp"
#include "core/volume_notes.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

namespace clawgate::values {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    });
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Memory cost (KiB) of an argon2 PHC string, `$argon2id$v=19$m=65536,t=2,p=1$…`.
std::optional<std::int64_t> memory_cost(std::string_view phc) {
    const auto begin = phc.find("$m=");
    if (begin == phc.npos) return std::nullopt;
    const auto digits = phc.substr(begin + 3, phc.find(',', begin) - begin - 3);
    return parse_integer(digits);
}

} // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
    if (text.starts_with('+')) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<double> parse_decimal(std::string_view text) {
    double value = 0;
    // chars_format::fixed also reads "inf" and "nan".
    const auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (ec != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
    std::string word{text};
    std::transform(word.begin(), word.end(), word.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    for (const auto* yes : {"true", "1", "yes", "on"})
        if (word == yes) return true;
    for (const auto* no : {"false", "0", "no", "off"})
        if (word == no) return false;
    return std::nullopt;
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto comma = text.find(',');
        if (const auto item = trim(text.substr(0, comma)); !item.empty()) out.emplace_back(item);
        text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    }
    return out;
}

std::string join_list(const std::vector<std::string>& entries) {
    std::string out;
    for (const auto& e : entries)
        out += (out.empty() ? "" : ",") + e;
    return out;
}

std::string format_decimal(double value) {
    std::array<char, 32> buffer{};
    const auto [end, ec] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
    std::string out{buffer.data(), ec == std::errc{} ? end : buffer.data()};
    if (out.find('.') == out.npos && std::abs(value) < 10) out += ".0";
    return out;
}

std::string check_password(std::string_view text) {
    if (has_control_character(text)) return "contains a control character (a line break at its end?)";
    if (text.starts_with("{{ RUNPOD_SECRET_"))
        return "is still the reference to a RunPod secret: no secret of that name exists in the account";
    if (text.size() > 1024) return "is longer than 1024 bytes";
    return {};
}

std::string check_password_hash(std::string_view text) {
    static constexpr std::int64_t most_memory = 1 << 20; // KiB: 1 GiB for one login
    const std::string hash{text};
    if (!hash.starts_with("$argon2id$v=19$") || has_control_character(hash) ||
        crypto_pwhash_str_needs_rehash(hash.c_str(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                       crypto_pwhash_MEMLIMIT_INTERACTIVE) < 0)
        return "is not an argon2id hash ($argon2id$v=19$…); make one with 'clawgate hash-password' and keep "
               "the shell "
               "from expanding its $ with single quotes";
    const auto memory = memory_cost(hash);
    if (!memory || *memory > most_memory) return "needs more than 1 GiB of memory for every login (m=…)";
    return {};
}

std::string check_agent_prefix(std::string_view text) {
    const bool valid = text.size() <= 24 && !text.empty() && is_letter(text.front()) &&
                       std::all_of(text.begin(), text.end(), [](char c) {
                           return is_letter(c) || is_digit(c) || c == '-' || c == '_';
                       });
    return valid ? "" : "is not a name of up to 24 letters, digits, '-' and '_' that begins with a letter";
}

std::string check_model_name(std::string_view text) {
    // [host[:port]/][namespace/]name[:tag]
    const bool characters = std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || std::string_view{"._-:/"}.find(c) != std::string_view::npos;
    });
    const auto name = text.substr(text.rfind('/') + 1); // npos + 1 is 0
    const bool shape = !name.empty() && name.front() != ':' && name.back() != ':' &&
                       std::count(name.begin(), name.end(), ':') <= 1 && !text.starts_with('/') &&
                       text.find("//") == text.npos && text.find("..") == text.npos;
    return characters && shape && text.size() <= 255 ? "" : "is not the name of an Ollama model";
}

std::string check_keep_alive(std::string_view text) {
    if (parse_integer(text)) return {};
    // Go's time.ParseDuration: [-+](number unit)+
    auto rest = text;
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    bool valid = !rest.empty();
    while (valid && !rest.empty()) {
        const auto number = rest.find_first_not_of("0123456789.");
        const auto digits = rest.substr(0, number);
        valid = number != rest.npos && std::any_of(digits.begin(), digits.end(), is_digit) &&
                std::count(digits.begin(), digits.end(), '.') <= 1;
        if (!valid) break;
        rest.remove_prefix(number);
        valid = false;
        // Longer units first: "ms" is not "m" followed by "s".
        for (const std::string_view unit : {"ns", "us", "µs", "ms", "s", "m", "h"}) {
            if (!rest.starts_with(unit)) continue;
            rest.remove_prefix(unit.size());
            valid = true;
            break;
        }
    }
    return valid ? "" : "is neither a number of seconds nor a duration such as 30m or 1h30m";
}

std::string check_absolute_path(std::string_view text) {
    if (!text.starts_with('/')) return "is not an absolute path";
    if (has_control_character(text)) return "contains a control character";
    return {};
}

std::string check_ip_literal(std::string_view text) {
    return is_ip_literal(text) ? "" : "is not an IP address (an interface is named by its address)";
}

std::string check_http_url(std::string_view text) {
    return parse_http_url(text) ? "" : "is not of the form http://host:port";
}

entry origin_entry(std::string_view text) {
    if (auto origin = normalise_origin(text)) return {std::move(*origin), {}};
    auto wrong = '\'' + std::string{text} + "' is not an origin";
    // The commonest slip has a simple cure.
    const auto end = text.find('/', std::min(text.find("://"), text.size() - 1) + 3);
    const auto shorter = end == text.npos ? std::nullopt : normalise_origin(text.substr(0, end));
    return {{},
            shorter ? wrong + ": leave out the path, write " + *shorter : wrong + " (scheme://host[:port])"};
}

entry cidr_entry(std::string_view text) {
    auto wrong = check_cidr(text);
    return {std::string{text}, wrong.empty() ? "" : '\'' + std::string{text} + "' " + wrong};
}

entry backend_entry(std::string_view text) {
    const auto url = parse_http_url(text);
    // Without a port the URL would mean 80, which is never an agent's.
    const auto colon = text.rfind(':');
    const bool has_port = colon != text.npos && colon + 1 < text.size() && is_digit(text[colon + 1]) &&
                          text.find(']', colon) == text.npos;
    if (!url || !has_port) return {{}, '\'' + std::string{text} + "' is not of the form http://host:port"};
    const bool v6 = url->host.find(':') != std::string::npos;
    return {"http://" + (v6 ? '[' + url->host + ']' : url->host) + ':' + std::to_string(url->port), {}};
}

entry volume_note_entry(std::string_view text) {
    if (std::find(volume_note_words.begin(), volume_note_words.end(), text) != volume_note_words.end())
        return {std::string{text}, {}};
    return {{}, '\'' + std::string{text} + "' is none of the words that `clawgate prepare` writes"};
}

} // namespace clawgate::values
