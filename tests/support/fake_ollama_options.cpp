// What Ollama reads out of a decoded request: durations, options and what of them a load depends on.

#include "support/fake_ollama_decode.hpp"
#include "support/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace clawgate::support {

namespace {

using json = nlohmann::json;
using std::chrono::nanoseconds;

struct unit {
    std::string_view name;
    double nanoseconds;
};
// Longer names first where one begins another.
constexpr std::array<unit, 7> units{
    {{"ns", 1}, {"us", 1e3}, {"\u00b5s", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};

std::string in_quotes(std::string_view text) {
    return "\"" + std::string{text} + "\"";
}

std::string_view take_while(std::string_view& text, bool digits) {
    const auto belongs = [digits](char c) { return ((c >= '0' && c <= '9') || c == '.') == digits; };
    const auto end = std::find_if_not(text.begin(), text.end(), belongs);
    const auto taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(taken.size());
    return taken;
}

enum class option_kind { integer, boolean, real, text, list };

struct option_type {
    std::string_view name;
    option_kind kind;
};
constexpr std::array<option_type, 20> option_types{{{"num_keep", option_kind::integer},
                                                    {"seed", option_kind::integer},
                                                    {"num_predict", option_kind::integer},
                                                    {"top_k", option_kind::integer},
                                                    {"repeat_last_n", option_kind::integer},
                                                    {"num_ctx", option_kind::integer},
                                                    {"num_batch", option_kind::integer},
                                                    {"num_gpu", option_kind::integer},
                                                    {"main_gpu", option_kind::integer},
                                                    {"num_thread", option_kind::integer},
                                                    {"use_mmap", option_kind::boolean},
                                                    {"top_p", option_kind::real},
                                                    {"min_p", option_kind::real},
                                                    {"typical_p", option_kind::real},
                                                    {"temperature", option_kind::real},
                                                    {"repeat_penalty", option_kind::real},
                                                    {"presence_penalty", option_kind::real},
                                                    {"frequency_penalty", option_kind::real},
                                                    {"runner", option_kind::text},
                                                    {"stop", option_kind::list}}};

std::string wanted_type(const json& value, option_kind kind) {
    switch (kind) {
    case option_kind::integer: return value.is_number() ? "" : "of type integer";
    case option_kind::boolean: return value.is_boolean() ? "" : "of type boolean";
    case option_kind::real: return value.is_number() ? "" : "of type float32";
    case option_kind::text: return value.is_string() ? "" : "of type string";
    case option_kind::list: break;
    }
    if (!value.is_array()) return "of type array";
    const bool strings = std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); });
    return strings ? "" : "of an array of strings";
}

std::int64_t integer(const json& options, const char* name, std::int64_t otherwise) {
    const auto& value = member_of(options, name);
    if (value.is_number_float()) return static_cast<std::int64_t>(value.get<double>());
    return value.is_number() ? value.get<std::int64_t>() : otherwise;
}

} // namespace

std::optional<nanoseconds> parse_duration(std::string_view text, std::string& problem) {
    auto rest = text;
    const bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    if (rest == "0") return nanoseconds{0};
    if (rest.empty()) {
        problem = "time: invalid duration " + in_quotes(text);
        return std::nullopt;
    }
    double sum = 0;
    while (!rest.empty()) {
        const auto digits = take_while(rest, true);
        double number = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (digits.empty() || read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) {
            problem = "time: invalid duration " + in_quotes(text);
            return std::nullopt;
        }
        const auto name = take_while(rest, false);
        const auto* u =
            std::find_if(units.begin(), units.end(), [&](const unit& x) { return x.name == name; });
        if (u == units.end()) {
            problem = name.empty()
                          ? "time: missing unit in duration " + in_quotes(text)
                          : "time: unknown unit " + in_quotes(name) + " in duration " + in_quotes(text);
            return std::nullopt;
        }
        sum += number * u->nanoseconds;
    }
    sum = std::min(sum, 9.0e18);
    return nanoseconds{static_cast<std::int64_t>(negative ? -sum : sum)};
}

std::optional<nanoseconds> read_keep_alive(const json& value, std::string& problem) {
    if (value.is_null()) return std::nullopt;
    if (value.is_number()) {
        const auto seconds = value.get<double>();
        if (seconds < 0 || seconds > 9.0e9) return for_ever;
        return nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
    }
    if (value.is_string()) {
        const auto d = parse_duration(value.get<std::string>(), problem);
        return d && d->count() < 0 ? for_ever : d;
    }
    problem = std::string{"Unsupported type: '"} + value.type_name() + "'";
    return std::nullopt;
}

std::string option_problem(const json& options) {
    if (!options.is_object()) return {};
    for (const auto& [name, value] : options.items()) {
        const auto* type = std::find_if(option_types.begin(), option_types.end(),
                                        [&name = name](const option_type& t) { return t.name == name; });
        if (type == option_types.end() || value.is_null()) continue; // unknown ones are ignored
        const auto wanted = wanted_type(value, type->kind);
        if (!wanted.empty()) return "option " + in_quotes(name) + " must be " + wanted;
    }
    return {};
}

runner_settings read_settings(const json& request, std::int64_t context, std::int64_t trained) {
    const auto& options = member_of(request, "options");
    runner_settings s;
    s.num_ctx_given = !member_of(options, "num_ctx").is_null();
    s.num_ctx = std::min(std::max<std::int64_t>(4, integer(options, "num_ctx", context)), trained);
    s.num_batch = integer(options, "num_batch", 0);
    s.num_gpu = integer(options, "num_gpu", -1);
    s.main_gpu = integer(options, "main_gpu", 0);
    s.num_thread = integer(options, "num_thread", 0);
    const auto& use_mmap = member_of(options, "use_mmap");
    if (use_mmap.is_boolean()) s.use_mmap = use_mmap.get<bool>();
    const auto& shift = member_of(request, "shift");
    s.shift = !shift.is_boolean() || shift.get<bool>();
    return s;
}

} // namespace clawgate::support
