// What fake_ollama's models say: canned, a word a token, and in the form that was asked for.

#include "support/fake_ollama_parts.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace clawgate::support {

namespace {

/// At most `limit` bytes, not ending inside a UTF-8 character.
std::string cut_text(const std::string& text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80)
        --limit;
    return text.substr(0, limit) + "…";
}

/// Something that a JSON schema admits, with the text in its strings.
json value_for(const json& schema, const std::string& text, int depth = 0) {
    const auto& choices = member_of(schema, "enum");
    if (choices.is_array() && !choices.empty()) return choices.front();
    const auto type = string_of(member_of(schema, "type"));
    if (type == "integer" || type == "number") return 1;
    if (type == "boolean") return true;
    if (type == "null") return nullptr;
    if (type == "array") {
        return depth > 8 ? json::array()
                         : json::array({value_for(member_of(schema, "items"), text, depth + 1)});
    }
    if (type != "object") return text;
    json object = json::object();
    const auto& properties = member_of(schema, "properties");
    if (!properties.is_object() || depth > 8) return object;
    for (const auto& [name, of] : properties.items())
        object[name] = value_for(of, text, depth + 1);
    return object;
}

std::string answer_for(const fake_ollama_options& o, const generation& g) {
    auto text = o.answer.empty()
                    ? std::string{demo_answer_prefix} +
                          ": no language model is running here. You wrote: " + cut_text(g.user_text, 300)
                    : o.answer;
    if (g.format == "json") {
        text = dump(json{{"answer", text}});
    } else if (g.format.is_object() && !g.format.empty()) {
        text = dump(value_for(g.format, text));
    }
    for (const auto& s : g.stop) {
        if (!s.empty()) text = text.substr(0, text.find(s));
    }
    return text;
}

/// A word each, with the space before it, as tokens mostly come.
std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::size_t start = 0;
    while (start < text.size()) {
        const auto end = text.find(' ', start + 1);
        words.push_back(text.substr(start, end == std::string::npos ? end : end - start));
        if (end == std::string::npos) break;
        start = end;
    }
    return words;
}

/// How many tokens may still come: num_predict, and the context where it may not shift.
std::size_t token_limit(const generation& g, std::size_t prompt_tokens) {
    auto limit = g.num_predict > 0 ? static_cast<std::size_t>(g.num_predict) : SIZE_MAX;
    if (g.settings.shift) return limit;
    const auto context = static_cast<std::size_t>(g.settings.num_ctx);
    return std::min(limit, context - std::min(context, prompt_tokens));
}

/// Marks a record as the last one; nanoseconds, as Ollama counts. Durations are what the work would take, so
/// that a cached prompt shows even in a server that takes no time.
void add_numbers(json& line, const fake_ollama_options& o, const generation_numbers& n, std::size_t tokens) {
    constexpr double fastest = 1e6; // tokens a second
    const auto rate = n.prefill_rate > 0 ? n.prefill_rate : fastest;
    const auto prefill = static_cast<std::int64_t>(std::ceil(double(n.prefilled_tokens) / rate * 1e9));
    const auto pace = std::max(std::chrono::nanoseconds{o.token_pace}, std::chrono::nanoseconds{1'000'000});
    const auto evaluation = pace.count() * static_cast<std::int64_t>(tokens);
    line["load_duration"] = std::max<std::int64_t>(1, n.load.count());
    line["prompt_eval_count"] = n.prompt_tokens;
    line["prompt_eval_duration"] = prefill;
    if (tokens > 0) {
        line["eval_count"] = tokens;
        line["eval_duration"] = evaluation;
    }
    line["total_duration"] = n.load.count() + n.slot_wait.count() + prefill + evaluation + 1;
}

} // namespace

json record_of(const generation& g, const std::string& content, const std::string& thinking) {
    json line{{"model", g.asked}, {"created_at", now_rfc3339()}, {"done", false}};
    if (g.chat) {
        line["message"] = {{"role", "assistant"}, {"content", content}};
        if (!thinking.empty()) line["message"]["thinking"] = thinking;
    } else {
        line["response"] = content;
        if (!thinking.empty()) line["thinking"] = thinking;
    }
    return line;
}

std::vector<json> lines_of(const fake_ollama_options& o, const generation& g, const generation_numbers& n) {
    const auto limit = token_limit(g, n.prompt_tokens);
    std::vector<json> lines;
    if (g.thinking) {
        for (const auto& w : words_of("The demo model does not think."))
            lines.push_back(record_of(g, "", w));
    }
    if (!g.tool_calls.is_null()) {
        auto line = record_of(g, "", "");
        line["message"]["tool_calls"] = g.tool_calls;
        lines.push_back(std::move(line));
    } else {
        for (const auto& w : words_of(answer_for(o, g)))
            lines.push_back(record_of(g, w, ""));
    }
    const bool cut = lines.size() > limit;
    if (cut) lines.resize(limit);
    auto last = record_of(g, "", "");
    last["done"] = true;
    last["done_reason"] = cut ? "length" : "stop";
    add_numbers(last, o, n, lines.size());
    lines.push_back(std::move(last));
    return lines;
}

json whole_of(const generation& g, const std::vector<json>& lines, std::size_t count) {
    json whole = lines.back();
    std::string content;
    std::string thinking;
    json tool_calls;
    for (std::size_t i = 0; i < std::min(count, lines.size()); ++i) {
        const auto& from = g.chat ? member_of(lines[i], "message") : lines[i];
        content += string_of(member_of(from, g.chat ? "content" : "response"));
        thinking += string_of(member_of(from, "thinking"));
        if (from.contains("tool_calls")) tool_calls = from["tool_calls"];
    }
    auto& into = g.chat ? whole["message"] : whole;
    into[g.chat ? "content" : "response"] = content;
    if (!thinking.empty()) into["thinking"] = thinking;
    if (!tool_calls.is_null()) into["tool_calls"] = tool_calls;
    return whole;
}

std::string text_of_user(const json& messages) {
    std::string text;
    for (const auto& m : messages) {
        if (member_of(m, "role") == "user") text = string_of(member_of(m, "content"));
    }
    return text;
}

std::string word_after(const std::string& text, std::string_view key) {
    const auto at = text.find(key);
    if (at == std::string::npos) return {};
    const auto start = at + key.size();
    auto end = start;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 ||
                                 text[end] == '-' || text[end] == '_' || text[end] == '.')) {
        ++end;
    }
    return text.substr(start, end - start);
}

std::string tool_order_of(const json& messages) {
    std::string order;
    for (const auto& m : messages) {
        const auto role = string_of(member_of(m, "role"));
        if (role == "assistant" || role == "tool") order.clear();
        auto text = role == "user" ? string_of(member_of(m, "content")) : std::string{};
        if (text.find("tool:") != std::string::npos) order = std::move(text);
    }
    return order;
}

json tool_call_for(const json& request, const std::string& prompt) {
    const auto name = word_after(prompt, "tool:");
    const auto& tools = member_of(request, "tools");
    if (name.empty() || !tools.is_array() || tools.empty()) return nullptr;
    const auto brace = prompt.find('{', prompt.find("tool:"));
    json arguments = json::object();
    if (brace != std::string::npos) {
        arguments = json::parse(prompt.substr(brace, prompt.rfind('}') + 1 - brace), nullptr, false);
        if (!arguments.is_object()) arguments = json::object();
    }
    json call;
    call["id"] = "call_" + random_hex(4);
    call["function"] = {{"index", 0}, {"name", name}, {"arguments", arguments}};
    return json::array({call});
}

} // namespace clawgate::support
