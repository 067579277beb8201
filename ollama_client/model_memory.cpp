#include "ollama_client/model_memory.hpp"

#include "core/model_names.hpp"
#include "ollama_client/request.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>

namespace clawgate::ollama {
namespace {

using json = nlohmann::json;

constexpr double gb = 1024.0 * 1024 * 1024;
constexpr double q8_0_bytes = 34.0 / 32; // of a KV cache element, scale included
// What a runner holds beside weights and context: the graph of a batch of 512 tokens, CUDA's own.
constexpr double buffers = 0.5;
constexpr std::int64_t most = 1'000'000; // layers, heads, sizes: more is no model
constexpr auto deadline = std::chrono::seconds{10};

// facts/ollama.md, OLLAMA_NUM_PARALLEL
constexpr std::array<std::string_view, 6> one_request_families{"qwen3vl", "qwen35",  "qwen3next",
                                                               "lfm2",    "lfm2moe", "nemotron_h"};

error wrong(std::string what) {
    return error{errc::bad_upstream, fault::upstream, retry::never, std::move(what)};
}

/// model_info of one architecture.
class model_info {
public:
    explicit model_info(const json& show)
        : info_(show.value("model_info", json::object())) // braces would make an array of it
        , architecture_(info_.is_object() ? info_.value("general.architecture", json{}) : json{}) {}

    bool is_usable() const { return info_.is_object() && architecture_.is_string(); }
    std::string architecture() const { return architecture_.get<std::string>(); }

    json at(const std::string& key) const { return info_.value(architecture() + "." + key, json{}); }
    /// 0 = not there, or nonsense.
    std::int64_t number(const std::string& key) const { return plausible(at(key)); }
    static std::int64_t plausible(const json& v) {
        if (!v.is_number_integer()) return 0;
        const auto n = v.get<std::int64_t>();
        return n > 0 && n <= most ? n : 0;
    }

private:
    json info_;
    json architecture_;
};

// Key and value elements of one token, over all layers; 0 = it cannot be told.
double elements_per_token(const model_info& info) {
    const auto layers = info.number("block_count");
    const auto heads = info.number("attention.head_count");
    const auto usual = heads > 0 ? info.number("embedding_length") / heads : 0;
    const auto size_of = [&](const char* key) {
        const auto given = info.number(key);
        return static_cast<double>(given > 0 ? given : usual);
    };
    const auto size = size_of("attention.key_length") + size_of("attention.value_length");
    const auto kv_heads = info.at("attention.head_count_kv");
    if (kv_heads.is_array()) { // one entry a layer; 0 for a layer without attention
        double sum = 0;
        for (const auto& h : kv_heads)
            sum += static_cast<double>(model_info::plausible(h));
        return sum * size;
    }
    const auto every_layer = model_info::plausible(kv_heads);
    return static_cast<double>(layers) * static_cast<double>(every_layer > 0 ? every_layer : heads) * size;
}

double weights_of(const std::string& model, const json& tags) {
    const auto models = tags.value("models", json::array());
    for (const auto& m : models) {
        if (!m.is_object() || m.value("name", json{}) != json(model)) continue;
        const auto size = m.value("size", json{});
        if (size.is_number() && size.get<double>() > 0) return size.get<double>() / gb;
    }
    return 0;
}

bool is_embedding(const json& show) {
    const auto capabilities = show.value("capabilities", json::array());
    return std::find(capabilities.begin(), capabilities.end(), json("embedding")) != capabilities.end();
}

/// A small answer of status 200, or why there is none.
result<std::string> body_of(result<server_answer> answer, const std::string& model) {
    if (!answer) {
        auto e = answer.error();
        // Given up by the deadline, in whichever phase.
        if (e.code == errc::canceled)
            e = error{errc::timeout, fault::upstream, retry::later,
                      "the model server did not answer in time"};
        return e;
    }
    if (answer->status == 404)
        return error{errc::not_found, fault::upstream, retry::later,
                     "the model server does not have " + model + " (clawgate model pull " + model + ")"};
    if (answer->status != 200) return wrong("the model server answered " + std::to_string(answer->status));
    return std::move(answer->body);
}

} // namespace

result<model_memory> read_model_memory(const std::string& model, std::string_view show,
                                       std::string_view tags) {
    const auto told = json::parse(show, nullptr, false);
    const auto list = json::parse(tags, nullptr, false);
    if (!told.is_object() || !list.is_object()) return wrong("what answers there does not speak like Ollama");
    model_memory m;
    m.name = full_model_name(model);
    m.base = weights_of(m.name, list);
    if (m.base <= 0) return wrong("the model server does not tell the size of " + m.name);
    m.base += buffers;
    m.source = "told by the model server";
    if (is_embedding(told)) return m;

    const model_info info{told};
    const auto elements = info.is_usable() ? elements_per_token(info) : 0;
    if (elements <= 0) return wrong("the model server does not tell the layers of " + m.name);
    m.context = {{0, 0}, {1 << 20, elements * q8_0_bytes * (1 << 20) / gb}};
    m.most_context = static_cast<int>(std::min<std::int64_t>(info.number("context_length"), most));
    m.one_request = std::find(one_request_families.begin(), one_request_families.end(),
                              info.architecture()) != one_request_families.end();
    return m;
}

net::awaitable<result<model_memory>> ask_model_memory(server_link link, std::string model) {
    auto for_show = link;
    std::string body = "{\"model\":" + quote_json(model) + "}";
    auto told = co_await ask_server(std::move(for_show), "POST", "/api/show", std::move(body), deadline);
    const auto show = body_of(std::move(told), model);
    if (!show) co_return show.error();
    std::string nothing;
    auto listed = co_await ask_server(std::move(link), "GET", "/api/tags", std::move(nothing), deadline);
    const auto tags = body_of(std::move(listed), model);
    if (!tags) co_return tags.error();
    co_return read_model_memory(model, *show, *tags);
}

} // namespace clawgate::ollama
