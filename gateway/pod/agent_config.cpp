#include "pod/agent_config.hpp"

#include "auth/origin.hpp"
#include "core/net_names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace clawgate::pod {
namespace {

using nlohmann::json;

// The value at `pointer`, its parents made objects where they are not: OpenClaw's schema has objects there.
json& at(json& root, const char* pointer) {
    json* node = &root;
    const json::json_pointer whole{pointer};
    std::string path = whole.to_string();
    for (std::size_t start = 1; start <= path.size();) {
        const auto end = std::min(path.find('/', start), path.size());
        if (!node->is_object()) *node = json::object();
        node = &(*node)[path.substr(start, end - start)];
        start = end + 1;
    }
    return *node;
}

bool is_absent(const json& root, const char* pointer) {
    const json::json_pointer p{pointer};
    return !root.contains(p) || root.at(p).is_null();
}

/// Fills one agent's configuration by the three ownership rules.
class filler {
public:
    filler(json& root, const config& c, const agent_options& a)
        : root_{root}
        , config_{c}
        , agent_{a} {}

    void ours(const char* pointer, json value) { at(root_, pointer) = std::move(value); }
    void if_absent(const char* pointer, json value) {
        if (is_absent(root_, pointer)) at(root_, pointer) = std::move(value);
    }
    /// `variable` is the part after OPENCLAW_, which an override for this agent shares.
    void from(const std::string& variable, const char* pointer, json value) {
        if (is_given(variable) || is_absent(root_, pointer)) at(root_, pointer) = std::move(value);
    }
    void from_name(std::string_view name, const char* pointer, json value) {
        if (config_.is_given(name) || is_absent(root_, pointer)) at(root_, pointer) = std::move(value);
    }
    filler below(json& node) const { return filler{node, config_, agent_}; }

private:
    // What was chosen for the GPU counts as given: the file would keep the values of an earlier, larger card.
    bool is_given(const std::string& variable) const {
        return config_.is_given("OPENCLAW_" + variable) || config_.is_planned("OPENCLAW_" + variable) ||
               config_.is_given("OPENCLAW_AGENT_" + std::to_string(agent_.number) + "_" + variable);
    }
    json& root_;
    const config& config_;
    const agent_options& agent_;
};

const char* level_name(log_level level) {
    switch (level) {
    case log_level::trace: return "trace";
    case log_level::debug: return "debug";
    case log_level::info: return "info";
    case log_level::warn: return "warn";
    case log_level::error: return "error";
    }
    return "info";
}

/// Ollama takes a duration as text and plain seconds only as a number ("-1" as text is refused).
json keep_alive(const std::string& text) {
    int seconds = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (ec == std::errc{} && end == text.data() + text.size()) return seconds;
    return text;
}

void fill_gateway(filler& f, const config& c, const agent_options& a, const secret& token) {
    f.ours("/gateway/mode", "local");
    f.ours("/gateway/port", a.backend_port);
    f.ours("/gateway/bind", "loopback");
    // The agent counts wrong passwords per Origin, also those that any local process sends with a forged one,
    // and would lock the true user out: so its own limit is as good as off. Attempts are limited in front of
    // it.
    f.ours("/gateway/auth",
           {{"mode", "password"},
            {"password", std::string{token.reveal()}},
            {"rateLimit", {{"maxAttempts", 1000000}, {"windowMs", 1000}, {"lockoutMs", 1000}}}});
    f.ours("/gateway/controlUi/allowedOrigins", auth::origin_policy{c, a.port}.addresses());
    f.if_absent("/gateway/controlUi/communityInvite", false);
    // Silent pairing of what arrives over loopback, which is only what the gateway has authenticated.
    f.ours("/gateway/nodes/pairing/autoApproveLocal", true);
    f.ours("/gateway/nodes/pairing/sshVerify", false);
    f.ours("/gateway/http/endpoints/chatCompletions/enabled", true);
}

void fill_program(filler& f, const config& c, const agent_options& a, const layout& l) {
    f.ours("/update/checkOnStart", false);
    f.ours("/update/auto/enabled", false);
    f.ours("/telemetry/enabled", false);
    f.ours("/discovery/mdns/mode", "off");
    f.ours("/logging/file", l.agent_state(a) + "/logs/openclaw.log");
    f.from_name("LOG_LEVEL", "/logging/level", level_name(c.level));
    f.from_name("LOG_LEVEL", "/logging/consoleLevel", level_name(c.level));
    f.if_absent("/logging/maxFileBytes", 20 * 1024 * 1024);
}

void fill_behaviour(filler& f, const agent_options& a, const layout& l) {
    const auto& b = a.behaviour;
    f.ours("/agents/defaults/workspace", l.agent_work(a));
    f.if_absent("/agents/defaults/skipBootstrap", true);
    f.from("MODEL", "/agents/defaults/model/primary", "ollama/" + a.model);
    f.from("THINKING_DEFAULT", "/agents/defaults/thinkingDefault", b.thinking ? "medium" : "off");
    f.from("VERBOSE_DEFAULT", "/agents/defaults/verboseDefault", b.verbose ? "on" : "off");
    f.from("ELEVATED_DEFAULT", "/agents/defaults/elevatedDefault", b.elevated ? "on" : "off");
    // elevatedDefault acts only on sandboxed agents. What decides here, where commands run on the host, is
    // whether a person is asked before each command.
    f.from("ELEVATED_DEFAULT", "/tools/exec/mode", b.elevated ? "full" : "ask");
    f.from("TIMEOUT_SECONDS", "/agents/defaults/timeoutSeconds", b.timeout.count());
    f.from("MAX_CONCURRENT", "/agents/defaults/maxConcurrent", b.max_concurrent);
    // The agent's own pruning knows neither of the modes that the variables offer.
    f.ours("/agents/defaults/contextPruning/mode", "off");
}

void fill_model(filler& f, const config& c, const agent_options& a) {
    f.if_absent("/name", a.model);
    f.if_absent("/reasoning", is_thinking_model(a.model));
    f.if_absent("/input", json::array({"text"}));
    f.from("NUM_CTX", "/contextWindow", c.num_ctx);
    f.from("CONTEXT_TOKENS", "/contextTokens", std::min(a.behaviour.context_tokens, c.num_ctx));
    f.from("MAX_TOKENS", "/maxTokens", a.sampling.max_tokens);
    f.from("NUM_CTX", "/params/num_ctx", c.num_ctx);
    f.from("TEMPERATURE", "/params/temperature", a.sampling.temperature);
    f.from("TOP_P", "/params/top_p", a.sampling.top_p);
    f.from("REPEAT_PENALTY", "/params/repeat_penalty", a.sampling.repeat_penalty);
    f.from("MAX_TOKENS", "/params/num_predict", a.sampling.max_tokens);
    f.from_name("OLLAMA_KEEP_ALIVE", "/params/keep_alive", keep_alive(c.ollama.keep_alive));
}

/// The gateway's model API, as an agent on this machine reaches it: its token is taken from loopback only.
std::string model_api(const config& c) {
    auto host = loopback_for(c.ollama.host);
    if (host.find(':') != host.npos) host = "[" + host + "]";
    return "http://" + host + ":" + std::to_string(c.ollama.port);
}

void fill_provider(json& root, filler& f, const config& c, const agent_options& a, const secret& token) {
    f.if_absent("/models/mode", "replace");
    f.if_absent("/models/catalogRefresh/enabled", false);
    // Never the model server itself: it has no authentication, no fairness, and reloads for every caller.
    f.ours("/models/providers/ollama/baseUrl", model_api(c));
    f.ours("/models/providers/ollama/api", "ollama");
    f.ours("/models/providers/ollama/apiKey", std::string{token.reveal()});
    f.from("TIMEOUT_SECONDS", "/models/providers/ollama/timeoutSeconds", a.behaviour.timeout.count());

    json& models = at(root, "/models/providers/ollama/models");
    if (!models.is_array()) models = json::array();
    auto entry = std::find_if(models.begin(), models.end(), [&](const json& m) {
        return m.is_object() && m.value("id", json{}) == json(a.model);
    });
    if (entry == models.end()) {
        models.push_back({{"id", a.model}});
        entry = std::prev(models.end());
    }
    auto model = f.below(*entry);
    fill_model(model, c, a);
}

void fill_memory(filler& f, const config& c, const secret& token) {
    f.if_absent("/memory/search/enabled", true);
    f.if_absent("/memory/search/provider", "ollama");
    f.from_name("CLAWGATE_EMBED_MODEL", "/memory/search/model", c.embed_model);
    f.if_absent("/memory/search/fallback", "none");
    f.ours("/memory/search/remote/baseUrl", model_api(c));
    f.ours("/memory/search/remote/apiKey", std::string{token.reveal()});
}

} // namespace

bool is_thinking_model(std::string_view model) {
    if (const auto slash = model.rfind('/'); slash != model.npos) model.remove_prefix(slash + 1);
    if (model.starts_with("qwen3-coder") || model.find("-instruct") != model.npos) return false;
    constexpr std::array<std::string_view, 8> families{"glm-4.",  "glm-5",       "qwen3",     "qwq",
                                                       "gpt-oss", "deepseek-r1", "magistral", "nemotron-3"};
    return std::any_of(families.begin(), families.end(),
                       [&](std::string_view f) { return model.starts_with(f); });
}

json merge_agent_config(json existing, const config& c, const agent_options& a, const layout& l,
                        const secret& token) {
    json root = existing.is_object() ? std::move(existing) : json::object();
    // Both spellings are valid: a name alone, or an object with "primary".
    if (const json::json_pointer model{"/agents/defaults/model"};
        root.contains(model) && root.at(model).is_string()) {
        const json name = root.at(model);
        root.at(model) = json{{"primary", name}};
    }
    filler f{root, c, a};
    fill_gateway(f, c, a, token);
    fill_program(f, c, a, l);
    fill_behaviour(f, a, l);
    fill_provider(root, f, c, a, token);
    fill_memory(f, c, token);
    return root;
}

} // namespace clawgate::pod
