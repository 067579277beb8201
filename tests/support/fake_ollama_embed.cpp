// Embeddings of fake_ollama: the same text always gives the same unit vector.

#include "support/fake_ollama_parts.hpp"
#include "support/fake_ollama_slots.hpp"

#include <algorithm>
#include <cmath>

namespace clawgate::support {

namespace {

constexpr std::size_t dimensions = 768;

/// Texts that share words lie closer.
json vector_of(const std::string& text) {
    std::vector<double> v(dimensions, 0.0);
    v[0] = 1e-3; // an empty text has a direction too
    std::size_t start = 0;
    while (start < text.size()) {
        const auto end = std::min(text.find(' ', start), text.size());
        const auto digest = unhex(sha256_hex(lower(text.substr(start, end - start)))).value();
        for (std::size_t i = 0; i + 1 < digest.size(); i += 2) {
            const auto high = static_cast<unsigned char>(digest[i]);
            const auto low = static_cast<unsigned char>(digest[i + 1]);
            v[(high * 256U + low) % dimensions] += (high & 1U) != 0 ? 1.0 : -1.0;
        }
        start = end + 1;
    }
    double sum = 0;
    for (const double x : v)
        sum += x * x;
    for (double& x : v)
        x /= std::sqrt(sum);
    return v;
}

struct embedding_call {
    json request;
    std::string model;
    std::size_t tokens = 0;
    std::chrono::nanoseconds load{};
};

/// Everything but the answer. False when the error was answered, or nobody is there any more.
awaitable<bool> run_embedding(const ollama_ptr& state, exchange& e, embedding_call& c) {
    std::string problem;
    scheduled_call wanted;
    wanted.keep_alive = read_keep_alive(member_of(c.request, "keep_alive"), problem);
    const int status = problem.empty() ? 500 : 400;
    if (problem.empty()) problem = option_problem(member_of(c.request, "options"));
    if (!problem.empty()) {
        co_await respond_error(e, status, problem);
        co_return false;
    }
    wanted.model = c.model;
    wanted.settings = state->settings_of(c.request, c.model);
    wanted.one_slot = ollama_state::has_one_slot(c.model);
    model_call call{state, e, std::move(wanted)};
    if (call.refused()) {
        co_await respond_error(e, 503, std::string{queue_full});
        co_return false;
    }
    auto progress = co_await call.start();
    c.load = call.load_duration();
    if (progress == call_progress::ready) {
        const auto rate = state->options.prefill_rate;
        const std::chrono::duration<double> d{rate > 0 ? double(c.tokens) / rate : 0};
        progress = co_await call.work(std::chrono::duration_cast<std::chrono::nanoseconds>(d));
    }
    if (progress == call_progress::failed) co_await respond_failed(e);
    co_return progress == call_progress::ready;
}

} // namespace

awaitable<bool> serve_embed(const ollama_ptr& state, exchange& e) {
    embedding_call c;
    const bool read = co_await read_json(e, "EmbedRequest", c.request);
    if (!read) co_return false;
    c.model = co_await known_model(state, e, c.request);
    if (c.model.empty()) co_return false;
    const auto& input = member_of(c.request, "input");
    auto list = input.is_array() ? input : json::array();
    if (input.is_string()) list.push_back(input);
    std::size_t bytes = 0;
    for (const auto& text : list) {
        if (!text.is_string()) co_return co_await respond_error(e, 400, "invalid input type");
        bytes += text.get_ref<const std::string&>().size();
    }
    if (!input.is_array() && !input.is_string() && !input.is_null()) {
        co_return co_await respond_error(e, 400, "invalid input type");
    }
    c.tokens = list.empty() ? 0 : tokens_of_bytes(bytes);
    const bool ran = co_await run_embedding(state, e, c);
    if (!ran) co_return false;
    json body{{"model", member_of(c.request, "model")}, {"embeddings", json::array()}};
    for (const auto& text : list)
        body["embeddings"].push_back(vector_of(text.get<std::string>()));
    body["load_duration"] = c.load.count();
    body["total_duration"] = c.load.count() + 1'000'000;
    if (c.tokens > 0) body["prompt_eval_count"] = c.tokens;
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> serve_embeddings(const ollama_ptr& state, exchange& e) {
    embedding_call c;
    const bool read = co_await read_json(e, "EmbeddingRequest", c.request);
    if (!read) co_return false;
    c.model = co_await known_model(state, e, c.request);
    if (c.model.empty()) co_return false;
    const auto prompt = string_of(member_of(c.request, "prompt"));
    c.tokens = tokens_of_bytes(prompt.size());
    const bool ran = co_await run_embedding(state, e, c);
    if (!ran) co_return false;
    const json body{{"embedding", prompt.empty() ? json::array() : vector_of(prompt)}};
    co_return co_await respond_json(e, 200, body);
}

} // namespace clawgate::support
