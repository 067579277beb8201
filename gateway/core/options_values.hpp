#pragma once
// The kinds of values that the option table is made of: how each is checked, stored and shown. Only for
// options_table.cpp. `at` is a generic lambda (config&, agent_options*) -> field&; it also takes const
// arguments.

#include "core/config.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace clawgate::values {

struct kind {
    std::string type;
    std::string range;
    std::function<std::string(config&, agent_options*, std::string_view)> apply;
    std::function<std::string(const config&, const agent_options*)> show;
};

// Parsers: the whole text or nothing.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);
[[nodiscard]] std::optional<double> parse_decimal(std::string_view text); ///< finite, without exponent
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);   ///< true/false/1/0/yes/no/on/off
/// Comma-separated, trimmed, empty entries dropped.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);
[[nodiscard]] std::string join_list(const std::vector<std::string>& entries);
/// 0.7, 1.0, 0.95: the shortest text that reads back as the same number.
[[nodiscard]] std::string format_decimal(double value);

// Checks; each returns what is wrong, or an empty string.
[[nodiscard]] std::string check_password(std::string_view text);
[[nodiscard]] std::string check_password_hash(std::string_view text);
[[nodiscard]] std::string check_agent_prefix(std::string_view text);
[[nodiscard]] std::string check_model_name(std::string_view text);
[[nodiscard]] std::string check_keep_alive(std::string_view text);
[[nodiscard]] std::string check_absolute_path(std::string_view text);
[[nodiscard]] std::string check_ip_literal(std::string_view text);
[[nodiscard]] std::string check_http_url(std::string_view text);

inline constexpr std::string_view out_of_range = "is out of range";

template <class At>
using field_type = std::remove_cvref_t<std::invoke_result_t<At, config&, agent_options*>>;

template <class At>
kind integer(At at, std::int64_t min, std::int64_t max, std::string type = "integer", std::string note = {}) {
    return {std::move(type), std::to_string(min) + "–" + std::to_string(max) + note,
            [=](config& c, agent_options* a, std::string_view text) -> std::string {
                const auto value = parse_integer(text);
                if (!value) return "is not a whole number";
                if (*value < min || *value > max) return std::string{out_of_range};
                at(c, a) = field_type<At>(*value);
                return {};
            },
            [=](const config& c, const agent_options* a) {
                if constexpr (std::is_arithmetic_v<field_type<At>>)
                    return std::to_string(at(c, a));
                else
                    return std::to_string(at(c, a).count());
            }};
}

template <class At>
kind port(At at) {
    return integer(at, 1, 65535, "port");
}

template <class At>
kind decimal(At at, double min, double max) {
    return {"decimal", format_decimal(min) + "–" + format_decimal(max),
            [=](config& c, agent_options* a, std::string_view text) -> std::string {
                const auto value = parse_decimal(text);
                if (!value) return "is not a number";
                if (*value < min || *value > max) return std::string{out_of_range};
                at(c, a) = *value;
                return {};
            },
            [=](const config& c, const agent_options* a) { return format_decimal(at(c, a)); }};
}

/// Decimal hours, stored as whole seconds.
template <class At>
kind hours(At at, double min, double max) {
    return {"hours", format_decimal(min) + "–" + format_decimal(max),
            [=](config& c, agent_options* a, std::string_view text) -> std::string {
                const auto value = parse_decimal(text);
                if (!value) return "is not a number of hours";
                if (*value < min || *value > max) return std::string{out_of_range};
                at(c, a) = std::chrono::seconds{std::llround(*value * 3600)};
                return {};
            },
            [=](const config& c, const agent_options* a) {
                // A whole second is 0.00028 h: four digits lose it, six do not.
                return format_decimal(std::round(static_cast<double>(at(c, a).count()) / 3600 * 1e6) / 1e6);
            }};
}

template <class At>
kind boolean(At at, std::string yes = "true", std::string no = "false") {
    return {yes + " / " + no, "",
            [=](config& c, agent_options* a, std::string_view text) -> std::string {
                const auto value = parse_boolean(text);
                if (!value) return "is neither " + yes + " nor " + no;
                at(c, a) = *value;
                return {};
            },
            [=](const config& c, const agent_options* a) { return at(c, a) ? yes : no; }};
}

/// One of a few words; the order is the documentation's.
template <class At>
kind choice(At at, std::vector<std::pair<std::string, field_type<At>>> words) {
    std::string type;
    for (const auto& [word, value] : words)
        type += (type.empty() ? "" : " / ") + word;
    return {type, "",
            [=](config& c, agent_options* a, std::string_view text) -> std::string {
                for (const auto& [word, value] : words) {
                    if (word != text) continue;
                    at(c, a) = value;
                    return {};
                }
                return "is not one of " + type;
            },
            [=](const config& c, const agent_options* a) {
                for (const auto& [word, value] : words)
                    if (value == at(c, a)) return word;
                return std::string{};
            }};
}

using check_function = std::string (*)(std::string_view);

template <class At>
kind text(At at, std::string type, check_function check) {
    return {std::move(type), "",
            [=](config& c, agent_options* a, std::string_view value) -> std::string {
                if (auto wrong = check(value); !wrong.empty()) return wrong;
                at(c, a) = std::string{value};
                return {};
            },
            [=](const config& c, const agent_options* a) { return at(c, a); }};
}

template <class At>
kind secret_text(At at, std::string type, check_function check) {
    return {std::move(type), "",
            [=](config& c, agent_options* a, std::string_view value) -> std::string {
                if (auto wrong = check(value); !wrong.empty()) return wrong;
                at(c, a) = secret{std::string{value}};
                return {};
            },
            [=](const config& c, const agent_options* a) { return std::string{at(c, a).masked()}; }};
}

/// A list in which `normalise` turns each entry into its stored form or says what is wrong with it.
struct entry {
    std::string value;
    std::string wrong;
};
using entry_function = entry (*)(std::string_view);
[[nodiscard]] entry origin_entry(std::string_view text);
[[nodiscard]] entry cidr_entry(std::string_view text);
[[nodiscard]] entry backend_entry(std::string_view text);
[[nodiscard]] entry volume_note_entry(std::string_view text);

/// `none` is the word for an empty list where the default is another one; empty where there is no such word.
template <class At>
kind list(At at, std::string type, entry_function normalise, std::string none = {}) {
    return {std::move(type), "",
            [=](config& c, agent_options* a, std::string_view value) -> std::string {
                std::vector<std::string> entries;
                std::string wrong;
                for (const auto& item : split_list(value == none ? "" : value)) {
                    auto e = normalise(item);
                    if (!e.wrong.empty()) wrong += (wrong.empty() ? "" : "; ") + e.wrong;
                    entries.push_back(std::move(e.value));
                }
                if (!wrong.empty()) return wrong;
                at(c, a) = std::move(entries);
                return {};
            },
            [=](const config& c, const agent_options* a) {
                return at(c, a).empty() ? none : join_list(at(c, a));
            }};
}

} // namespace clawgate::values
