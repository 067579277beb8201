#include "ollama_client/native_record.hpp"

#include <array>
#include <iterator>

namespace clawgate::ollama {

namespace {

ordered_json parse_line(std::string_view line) {
    auto parsed = ordered_json::parse(line.begin(), line.end(), nullptr, false);
    if (!parsed.is_discarded()) return parsed;
    // As a string it can be written with its invalid bytes replaced, and read again.
    const auto quoted = dump(ordered_json(std::string{line}));
    const auto repaired = ordered_json::parse(quoted).get<std::string>();
    return ordered_json::parse(repaired, nullptr, false);
}

const ordered_json* member(const ordered_json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto at = object.find(key);
    return at == object.end() ? nullptr : &*at;
}

} // namespace

std::string string_of(const ordered_json& object, const char* key) {
    const auto* const v = member(object, key);
    return v != nullptr && v->is_string() ? v->get<std::string>() : std::string{};
}

namespace {

std::uint64_t count_of(const ordered_json& object, const char* key) {
    const auto* const v = member(object, key);
    return v != nullptr && v->is_number_unsigned() ? v->get<std::uint64_t>() : 0;
}

void read_tool_calls(const ordered_json& message, std::vector<native_record::tool_call>& to) {
    const auto* const calls = member(message, "tool_calls");
    if (calls == nullptr || !calls->is_array()) return;
    for (const auto& call : *calls) {
        const auto* const function = member(call, "function");
        if (function == nullptr) continue;
        native_record::tool_call read;
        read.id = string_of(call, "id");
        read.name = string_of(*function, "name");
        if (const auto* const arguments = member(*function, "arguments");
            arguments != nullptr && arguments->is_object())
            read.arguments = *arguments;
        to.push_back(std::move(read));
    }
}

} // namespace

native_record read_record(std::string_view line) {
    const auto tree = parse_line(line);
    native_record out;
    out.thinking = string_of(tree, "thinking");
    out.text = string_of(tree, "response");
    if (const auto* const message = member(tree, "message")) {
        out.text += string_of(*message, "content");
        out.thinking += string_of(*message, "thinking");
        read_tool_calls(*message, out.tool_calls);
    }
    if (const auto* const logprobs = member(tree, "logprobs"); logprobs != nullptr && logprobs->is_array())
        out.logprobs = *logprobs;
    const auto* const done = member(tree, "done");
    out.done = done != nullptr && done->is_boolean() && done->get<bool>();
    out.cut_off = string_of(tree, "done_reason") == "length";
    out.prompt_tokens = count_of(tree, "prompt_eval_count");
    out.answer_tokens = count_of(tree, "eval_count");
    return out;
}

void native_record::append(native_record next) {
    text += next.text;
    thinking += next.thinking;
    std::move(next.tool_calls.begin(), next.tool_calls.end(), std::back_inserter(tool_calls));
    for (auto& one : next.logprobs)
        logprobs.push_back(std::move(one));
    done = done || next.done;
    cut_off = cut_off || next.cut_off;
    if (next.prompt_tokens != 0) prompt_tokens = next.prompt_tokens;
    if (next.answer_tokens != 0) answer_tokens = next.answer_tokens;
}

std::string made_up_id(std::string_view prefix, std::string_view answer_id, std::size_t index) {
    // FNV-1a, twice: it must differ from call to call, not resist anybody.
    const auto hash = [&](std::uint64_t h) {
        for (const char c : answer_id)
            h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
        for (auto rest = index; rest != 0; rest >>= 8)
            h = (h ^ (rest & 0xFF) ^ 0x100) * 1099511628211u;
        return h;
    };
    const std::array<std::uint64_t, 2> halves{hash(14695981039346656037u), hash(1469598103934665603u)};
    std::string out{prefix};
    for (std::size_t digit = 0; digit < 24; ++digit)
        out += "0123456789abcdef"[(halves.at(digit / 16) >> (60 - 4 * (digit % 16))) & 0xF];
    return out;
}

} // namespace clawgate::ollama
