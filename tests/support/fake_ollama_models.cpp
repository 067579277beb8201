// What fake_ollama tells of its models, and what else can be done with them than use them.

#include "support/fake_ollama_parts.hpp"

#include <algorithm>

namespace clawgate::support {

namespace {

std::string architecture_of(const std::string& model) {
    if (ollama_state::is_embedding(model)) return "nomic-bert";
    if (ollama_state::has_one_slot(model)) return "qwen35";
    if (model.starts_with("qwen3-coder")) return "qwen3moe";
    return model.starts_with("qwen3") ? "qwen3" : "glm4moelite";
}

json model_details(const std::string& model) {
    const bool embedding = ollama_state::is_embedding(model);
    return {{"parent_model", ""},
            {"format", "gguf"},
            {"family", architecture_of(model)},
            {"families", {architecture_of(model)}},
            {"parameter_size", embedding ? "137M" : "29.9B"},
            {"quantization_level", embedding ? "F16" : "Q4_K_M"}};
}

json model_entry(const std::string& model) {
    return {{"name", model},
            {"model", model},
            {"modified_at", "2026-01-01T00:00:00Z"},
            {"size", ollama_state::is_embedding(model) ? 274'302'450 : 19'019'270'000},
            {"digest", sha256_hex(model)},
            {"details", model_details(model)}};
}

// Of the real models: layers, and the key and value elements that each keeps of a token.
struct attention_sizes {
    int layers;
    int heads_kv;
    int key;
    int value;
};
attention_sizes attention_of(const std::string& architecture) {
    if (architecture == "qwen3") return {36, 8, 128, 128};
    if (architecture == "qwen3moe") return {48, 4, 128, 128};
    return architecture == "nomic-bert" ? attention_sizes{12, 12, 64, 64} : attention_sizes{47, 1, 576, 512};
}

std::string expiry_of(const loaded_model& m, const fake_ollama_options& o) {
    constexpr std::time_t never = 10'982'000'000; // of the year 2318, as Go's longest duration gives it
    if (m.calls > 0 || !m.expires) {
        const auto keep = std::chrono::duration_cast<std::chrono::seconds>(o.keep_alive).count();
        return rfc3339(m.calls > 0 && o.keep_alive != for_ever ? std::time(nullptr) + keep : never);
    }
    const auto rest = *m.expires - std::chrono::steady_clock::now();
    return rfc3339(std::time(nullptr) + std::chrono::duration_cast<std::chrono::seconds>(rest).count());
}

} // namespace

awaitable<bool> serve_version(const ollama_ptr&, exchange& e) {
    const json body{{"version", "0.33.0-fake"}};
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> serve_tags(const ollama_ptr& state, exchange& e) {
    json body{{"models", json::array()}};
    for (const auto& m : state->models)
        body["models"].push_back(model_entry(m));
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> serve_ps(const ollama_ptr& state, exchange& e) {
    state->scheduler.expire(std::chrono::steady_clock::now());
    state->publish();
    json body{{"models", json::array()}};
    for (const auto& m : state->scheduler.models()) {
        if (m.loading) continue;
        auto entry = model_entry(m.model);
        entry["size_vram"] = entry["size"];
        entry["expires_at"] = expiry_of(m, state->options);
        entry["context_length"] = m.settings.num_ctx;
        body["models"].push_back(std::move(entry));
    }
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> serve_show(const ollama_ptr& state, exchange& e) {
    json request;
    const bool read = co_await read_json(e, "ShowRequest", request);
    if (!read) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    const bool embedding = ollama_state::is_embedding(model);
    const auto architecture = architecture_of(model);
    json body{{"modelfile", "# demo model"},
              {"template", "{{ .Prompt }}"},
              {"details", model_details(model)},
              {"modified_at", "2026-01-01T00:00:00Z"}};
    const auto attention = attention_of(architecture);
    body["model_info"] = {{"general.architecture", architecture},
                          {architecture + ".block_count", attention.layers},
                          {architecture + ".attention.head_count_kv", attention.heads_kv},
                          {architecture + ".attention.key_length", attention.key},
                          {architecture + ".attention.value_length", attention.value},
                          {architecture + ".context_length", state->trained_context(model)},
                          {architecture + ".embedding_length", embedding ? 768 : 2048}};
    body["capabilities"] = json::array({embedding ? "embedding" : "completion"});
    if (ollama_state::has_tools(model)) body["capabilities"].push_back("tools");
    if (ollama_state::has_thinking(model)) body["capabilities"].push_back("thinking");
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> serve_delete(const ollama_ptr& state, exchange& e) {
    json request;
    const bool read = co_await read_json(e, "DeleteRequest", request);
    if (!read) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    state->models.erase(model);
    state->scheduler.unload(model);
    state->publish();
    co_return co_await e.respond(200, "", "");
}

awaitable<bool> serve_copy(const ollama_ptr& state, exchange& e) {
    json request;
    const bool read = co_await read_json(e, "CopyRequest", request);
    if (!read) co_return false;
    const auto source = string_of(member_of(request, "source"));
    const auto destination = string_of(member_of(request, "destination"));
    if (source.empty() || destination.empty()) {
        co_return co_await respond_error(
            e, 400, (source.empty() ? "source \"" : "destination \"") + std::string{"\" is invalid"});
    }
    if (!state->models.contains(ollama_state::with_tag(source))) {
        co_return co_await respond_error(e, 404, "model \"" + source + "\" not found");
    }
    state->models.insert(ollama_state::with_tag(destination));
    co_return co_await e.respond(200, "", "");
}

} // namespace clawgate::support
