#pragma once
// What the parts of fake_ollama share. The state belongs to the server's thread, but for the atomics.

#include "support/fake_ollama.hpp"
#include "support/json_text.hpp"

#include <atomic>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

namespace clawgate::support {

using json = nlohmann::json;

class ollama_state {
public:
    explicit ollama_state(fake_ollama_options o)
        : options{std::move(o)} {
        for (const auto& name : options.models)
            models.insert(with_tag(name));
    }

    /// "qwen3" → "qwen3:latest".
    [[nodiscard]] static std::string with_tag(const std::string& name);
    [[nodiscard]] static bool is_embedding(const std::string& model);
    [[nodiscard]] static bool has_tools_and_thinking(const std::string& model);

    const fake_ollama_options options;
    std::set<std::string> models;
    std::map<std::string, std::string> loaded; ///< model → its runner options
    std::atomic<std::uint64_t> loads{0};
    std::atomic<std::uint64_t> running{0};
    std::atomic<std::uint64_t> peak{0};
};

using ollama_ptr = std::shared_ptr<ollama_state>;

[[nodiscard]] std::string dump(const json& value);
[[nodiscard]] std::string now_rfc3339();
awaitable<bool> respond_json(exchange& e, int status, const json& value);
/// {"error": text}
awaitable<bool> respond_error(exchange& e, int status, std::string text);
/// The request's JSON object; answers the error and gives nothing when there is none.
awaitable<bool> read_json(exchange& e, json& into);
/// The known model of the request; answers the error and gives an empty name otherwise.
awaitable<std::string> known_model(const ollama_ptr& state, exchange& e, const json& request);

awaitable<bool> serve_chat(const ollama_ptr& state, exchange& e);
awaitable<bool> serve_generate(const ollama_ptr& state, exchange& e);

} // namespace clawgate::support
