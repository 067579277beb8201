#include "ollama_client/option_types.hpp"

#include "ollama_client/json_object.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace clawgate::ollama {
namespace {

constexpr std::array rules{
    option_rule{"num_keep", option_type::integer},
    option_rule{"seed", option_type::integer},
    option_rule{"num_predict", option_type::integer},
    option_rule{"top_k", option_type::integer},
    option_rule{"top_p", option_type::decimal},
    option_rule{"min_p", option_type::decimal},
    option_rule{"typical_p", option_type::decimal},
    option_rule{"repeat_last_n", option_type::integer},
    option_rule{"temperature", option_type::decimal},
    option_rule{"repeat_penalty", option_type::decimal},
    option_rule{"presence_penalty", option_type::decimal},
    option_rule{"frequency_penalty", option_type::decimal},
    option_rule{"stop", option_type::strings},
    option_rule{"num_ctx", option_type::integer, true},
    option_rule{"num_batch", option_type::integer, true},
    option_rule{"num_gpu", option_type::integer, true},
    option_rule{"main_gpu", option_type::integer, true},
    option_rule{"use_mmap", option_type::boolean, true},
    option_rule{"num_thread", option_type::integer, true},
    // Of older servers, which reload for them as well.
    option_rule{"use_mlock", option_type::boolean, true},
    option_rule{"low_vram", option_type::boolean, true},
    option_rule{"f16_kv", option_type::boolean, true},
    option_rule{"vocab_only", option_type::boolean, true},
    option_rule{"logits_all", option_type::boolean, true},
    option_rule{"numa", option_type::boolean, true},
};

error wrong_type(std::string_view name, std::string_view expected) {
    return bad_request("option \"" + std::string{name} + "\" must be of " + std::string{expected});
}

result<void> check_number(const option_rule& rule, const json_member& m) {
    const bool integer = rule.type == option_type::integer;
    if (m.kind != json_kind::number) return wrong_type(rule.name, integer ? "type integer" : "type float32");
    const auto value = finite_number(m.value);
    const double most = integer ? double{std::numeric_limits<std::int32_t>::max()}
                                : double{std::numeric_limits<float>::max()};
    // A seed may be any number that Ollama's integer holds, and clients take them from clocks.
    const double limit = rule.name == "seed" ? 9007199254740992.0 : most;
    if (!value || std::abs(*value) > limit)
        return bad_request("option \"" + std::string{rule.name} + "\" is out of range");
    return {};
}

result<void> check_option(const option_rule& rule, const json_member& m) {
    if (m.kind == json_kind::null) return {};
    switch (rule.type) {
    case option_type::integer:
    case option_type::decimal: return check_number(rule, m);
    case option_type::boolean:
        if (m.kind != json_kind::boolean) return wrong_type(rule.name, "type boolean");
        return {};
    case option_type::strings: break;
    }
    if (m.kind != json_kind::array) return wrong_type(rule.name, "type array");
    const auto elements = scan_array(m.value);
    if (!std::all_of(elements.begin(), elements.end(), [](auto e) { return e.front() == '"'; }))
        return wrong_type(rule.name, "an array of strings");
    return {};
}

} // namespace

std::span<const option_rule> option_rules() noexcept {
    return rules;
}

result<void> check_options(std::span<const json_member> options) {
    for (const auto& m : options) {
        const auto folded = fold_key(m.key);
        const auto rule =
            std::find_if(rules.begin(), rules.end(), [&](const option_rule& r) { return r.name == folded; });
        if (rule == rules.end()) continue;
        if (folded != m.key) return bad_request("write \"" + folded + "\", not " + shown_key(m.key));
        if (auto checked = check_option(*rule, m); !checked) return checked;
    }
    return {};
}

std::optional<double> finite_number(std::string_view text) noexcept {
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

} // namespace clawgate::ollama
