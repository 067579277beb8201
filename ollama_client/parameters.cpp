#include "ollama_client/parameters.hpp"

#include "ollama_client/object_edits.hpp"
#include "ollama_client/option_types.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace clawgate::ollama {
namespace {

bool is_absent(const json_member* m) noexcept {
    return m == nullptr || m->kind == json_kind::null;
}

// The shortest text that reads as the same number.
std::string number_json(double value) {
    char text[32];
    const auto [end, code] = std::to_chars(text, text + sizeof text, value);
    return code == std::errc{} ? std::string(text, end) : "0";
}

// OLLAMA_KEEP_ALIVE as a request must say it: Ollama takes seconds as a number only, and a string as a Go
// duration.
std::string keep_alive_json(std::string_view text) {
    auto digits = text;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    std::int64_t seconds = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (code == std::errc{} && end == digits.data() + digits.size()) return std::to_string(seconds);
    return quote_json(text);
}

std::string with_tag(const std::string& model) {
    const auto name = model.rfind('/') + 1; // npos + 1 is 0
    return model.empty() || model.find(':', name) != model.npos ? model : model + ":latest";
}

const model_profile& profile_when(std::string_view model, bool thinks) noexcept {
    const auto& profile = profile_of(model);
    return !thinks && profile.without_thinking != nullptr ? *profile.without_thinking : profile;
}

// `from` with the recommendations of `profile` in the place of what the user did not set.
sampling_options resolve(sampling_options from, const model_profile& profile,
                         const std::set<std::string, std::less<>>& given) {
    if (profile.temperature && !given.contains("TEMPERATURE")) from.temperature = *profile.temperature;
    if (profile.top_p && !given.contains("TOP_P")) from.top_p = *profile.top_p;
    if (profile.repeat_penalty && (profile.force_repeat_penalty || !given.contains("REPEAT_PENALTY")))
        from.repeat_penalty = *profile.repeat_penalty;
    return from;
}

// What "think" becomes, as JSON; nothing: it stays as it is, or stays absent.
std::optional<std::string_view> think_to_set(const native_request& r, const call_policy& p) noexcept {
    const auto* think = r.find("think");
    const bool cannot = p.facts.known && !p.facts.thinking;
    if (!is_absent(think)) {
        if (cannot) return "false";
        return std::nullopt;
    }
    if (cannot || !p.thinking) return "false";
    if (!p.facts.known) return std::nullopt;
    return "true";
}

bool will_think(const native_request& r, const call_policy& p) noexcept {
    if (const auto set = think_to_set(r, p)) return *set == "true";
    const auto* think = r.find("think");
    return is_absent(think) ? p.thinking : think->value != "false";
}

int longest_answer(const call_policy& p) noexcept {
    int most = std::min({p.sampling.max_tokens, p.max_context_tokens, p.runner.num_ctx});
    if (p.facts.context_length > 0) most = std::min(most, p.facts.context_length);
    return std::max(most, 1);
}

// What a caller's num_predict becomes under fill_in; nothing: it stays.
std::optional<int> num_predict_to_set(const json_member* given, int most) noexcept {
    if (is_absent(given)) return most;
    const auto number = finite_number(given->value);
    const double tokens = number ? std::trunc(*number) : -1; // as Ollama converts it
    if (tokens < 0 || tokens > most) return most;
    if (tokens == 0) return 1;
    return std::nullopt;
}

void set_sampling(const native_request& r, const call_policy& p, object_edits& options) {
    const auto& profile = profile_when(p.model, will_think(r, p));
    const auto sampling = resolve(p.sampling, profile, p.given);
    const bool force = p.parameters == param_policy::force;
    const auto decide = [&](std::string_view name, std::optional<double> value, bool always) {
        if (value && (always || is_absent(r.find_option(name)))) options.set(name, number_json(*value));
    };
    decide("temperature", sampling.temperature, force);
    decide("top_p", sampling.top_p, force);
    decide("top_k", profile.top_k ? std::optional<double>{*profile.top_k} : std::nullopt, force);
    decide("min_p", profile.min_p, force);
    decide("repeat_penalty", sampling.repeat_penalty, force || profile.force_repeat_penalty);
    const int most = longest_answer(p);
    if (const auto tokens = force ? most : num_predict_to_set(r.find_option("num_predict"), most))
        options.set("num_predict", std::to_string(*tokens));
}

// The runner options that are pinned, with their values; every other one is removed.
std::vector<std::pair<std::string_view, int>> pinned(const runner_options& r, bool with_context) {
    std::vector<std::pair<std::string_view, int>> out;
    if (with_context) out.emplace_back("num_ctx", r.num_ctx);
    out.emplace_back("num_gpu", r.num_gpu);
    if (r.num_batch) out.emplace_back("num_batch", *r.num_batch);
    return out;
}

void set_runner(const runner_options& runner, bool with_context, object_edits& options) {
    const auto values = pinned(runner, with_context);
    for (const auto& rule : option_rules())
        if (rule.runner &&
            std::none_of(values.begin(), values.end(), [&](auto& v) { return v.first == rule.name; }))
            options.remove(rule.name);
    for (const auto& [name, value] : values)
        options.set(name, std::to_string(value));
}

// The options are edited in place, or written anew where there are none.
void set_options(const native_request& r, const call_policy& p, object_edits& top, edited_text& to) {
    const bool generates = r.kind == call_kind::chat || r.kind == call_kind::generate;
    const auto* present = r.find("options");
    const bool absent = is_absent(present);
    object_edits options{absent ? 0 : present->end - present->value.size(), r.options};
    if (generates) set_sampling(r, p, options);
    set_runner(p.runner, generates, options);
    if (!absent) return options.apply(to);
    edited_text anew{"{}"};
    options.apply(anew);
    top.set("options", anew.str());
}

} // namespace

runner_options shared_runner(const config& c) {
    runner_options r;
    r.num_ctx = c.num_ctx;
    r.num_gpu = c.ollama.num_gpu;
    r.keep_alive = keep_alive_json(c.ollama.keep_alive);
    return r;
}

bool keeps_for_ever(const runner_options& r) noexcept {
    return r.keep_alive.starts_with('-') || r.keep_alive.starts_with("\"-");
}

bool would_reload(const native_request& request, const runner_options& r) {
    if (request.kind != call_kind::chat && request.kind != call_kind::generate) return false;
    const auto* shift = request.find("shift");
    const bool shifts = is_absent(shift) || shift->value != "false"; // Ollama's default is true
    if (shifts != r.shift) return true;
    const auto differs = [&](std::string_view name, int value) {
        const auto* asked = request.find_option(name);
        return is_absent(asked) || finite_number(asked->value) != static_cast<double>(value);
    };
    if (differs("num_ctx", r.num_ctx)) return true;
    for (const auto& rule : option_rules()) {
        const auto* asked = request.find_option(rule.name);
        if (!rule.runner || rule.name == "num_ctx" || is_absent(asked)) continue;
        if (rule.name == "num_gpu") {
            const auto layers = finite_number(asked->value).value_or(-1);
            if (layers >= 0 && layers != r.num_gpu) return true; // a negative number leaves it as it is
        } else if (rule.name != "num_batch" || !r.num_batch || differs("num_batch", *r.num_batch)) {
            return true;
        }
    }
    return false;
}

std::string runner_options_json(const runner_options& r) {
    edited_text text{"{}"};
    object_edits options{0, {}};
    set_runner(r, true, options);
    options.apply(text);
    return text.str();
}

call_policy policy_for(const config& c, const agent_options* agent, const model_facts& model) {
    call_policy p;
    p.facts = model;
    p.model = with_tag(!model.name.empty() ? model.name : agent != nullptr ? agent->model : c.model);
    const auto& behaviour = agent != nullptr ? agent->behaviour : c.behaviour;
    for (const std::string name : {"TEMPERATURE", "TOP_P", "REPEAT_PENALTY", "MAX_TOKENS"})
        if (c.is_given("OPENCLAW_" + name) ||
            (agent != nullptr && c.is_given("OPENCLAW_AGENT_" + std::to_string(agent->number) + '_' + name)))
            p.given.insert(name);
    const bool thinks = behaviour.thinking && (!model.known || model.thinking);
    p.sampling =
        resolve(agent != nullptr ? agent->sampling : c.sampling, profile_when(p.model, thinks), p.given);
    p.parameters = c.parameters;
    p.runner = shared_runner(c);
    p.thinking = behaviour.thinking;
    p.max_context_tokens = behaviour.context_tokens;
    return p;
}

result<void> set_parameters(const native_request& r, const call_policy& p, edited_text& to) {
    object_edits top{r.body.find('{'), r.members};
    top.set("model", quote_json(p.model));
    top.set("keep_alive", p.runner.keep_alive);
    if (r.kind == call_kind::chat || r.kind == call_kind::generate) {
        top.set("stream", "true");
        top.set("shift", p.runner.shift ? "true" : "false");
        if (const auto think = think_to_set(r, p)) top.set("think", *think);
    }
    set_options(r, p, top, to);
    top.apply(to);
    return {};
}

} // namespace clawgate::ollama
