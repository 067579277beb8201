#include "support/fake_ollama_prompt.hpp"

#include "support/fake_ollama_slots.hpp"
#include "support/http_text.hpp"
#include "support/json_text.hpp"

#include <numeric>
#include <vector>

namespace clawgate::support {

namespace {

using json = nlohmann::json;

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string message_text(const json& message) {
    const auto role = lower(string_of(member_of(message, "role")));
    std::string text{"<|" + role + "|>"};
    const auto& images = member_of(message, "images");
    if (images.is_array()) {
        for (const auto& image : images)
            text += "[img-" + sha256_hex(string_of(image)).substr(0, 12) + "]";
    }
    if (role == "tool") text += string_of(member_of(message, "tool_name")) + "\n";
    return text + assistant_text(message);
}

} // namespace

std::string assistant_text(const json& message) {
    std::string text;
    const auto thinking = string_of(member_of(message, "thinking"));
    if (!thinking.empty()) text += "<think>" + thinking + "</think>";
    text += string_of(member_of(message, "content"));
    const auto& calls = member_of(message, "tool_calls");
    if (!calls.is_array()) return text;
    for (const auto& call : calls) {
        const auto& function = member_of(call, "function");
        text += "<tool_call>" + string_of(member_of(function, "name")) +
                dump(member_of(function, "arguments")) + "</tool_call>";
    }
    return text;
}

std::string chat_prompt(const json& request, std::size_t limit) {
    std::string tools;
    const auto& offered = member_of(request, "tools");
    if (offered.is_array() && !offered.empty()) tools = "<|tools|>" + dump(offered);
    const auto& messages = member_of(request, "messages");
    std::vector<std::string> parts;
    if (messages.is_array()) {
        for (const auto& m : messages)
            parts.push_back(message_text(m));
    }
    auto bytes = std::accumulate(parts.begin(), parts.end(), tools.size(),
                                 [](std::size_t sum, const std::string& p) { return sum + p.size(); });
    for (std::size_t i = 0; i + 1 < parts.size() && tokens_of_bytes(bytes) > limit; ++i) {
        if (parts[i].starts_with("<|system|>")) continue;
        bytes -= parts[i].size();
        parts[i].clear();
    }
    auto text = std::move(tools);
    for (const auto& p : parts)
        text += p;
    return text + "<|assistant|>";
}

std::string generate_prompt(const json& request) {
    const auto prompt = string_of(member_of(request, "prompt"));
    const auto& raw = member_of(request, "raw");
    if (raw.is_boolean() && raw.get<bool>()) return prompt;
    json messages = json::array();
    const auto system = string_of(member_of(request, "system"));
    if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
    messages.push_back({{"role", "user"}, {"content", prompt}});
    if (request.contains("images")) messages.back()["images"] = request["images"];
    return chat_prompt(json{{"messages", std::move(messages)}}, SIZE_MAX);
}

} // namespace clawgate::support
