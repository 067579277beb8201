#include "ollama_client/response_writer.hpp"

#include "ollama_client/request.hpp"

namespace clawgate::ollama {

namespace {

std::string_view skip_white_space(std::string_view text) {
    const auto at = text.find_first_not_of(" \t\r\n");
    return at == std::string_view::npos ? std::string_view{} : text.substr(at);
}

/// Whether `"key"` is followed by a colon and `value` somewhere, on whatever level: most records are told
/// apart by this alone.
bool may_have(std::string_view text, std::string_view quoted_key, std::string_view value) {
    for (auto at = text.find(quoted_key); at != std::string_view::npos; at = text.find(quoted_key)) {
        text.remove_prefix(at + quoted_key.size());
        const auto colon = skip_white_space(text);
        if (colon.starts_with(':') && skip_white_space(colon.substr(1)).starts_with(value)) return true;
    }
    return false;
}

const json_member* find(const std::vector<json_member>& members, std::string_view key) {
    for (const auto& m : members)
        if (m.key == key) return &m;
    return nullptr;
}

} // namespace

std::string native_error(std::string_view message) {
    return "{\"error\":" + quote_json(message) + "}";
}

bool is_final_record(std::string_view line) {
    if (!may_have(line, "\"done\"", "true")) return false;
    const auto members = scan_object(line);
    if (!members) return false;
    const auto* const done = find(*members, "done");
    return done != nullptr && done->value == "true";
}

std::string error_of_record(std::string_view line) {
    if (!may_have(line, "\"error\"", {})) return {};
    const auto members = scan_object(line);
    if (!members) return {};
    const auto* const e = find(*members, "error");
    if (e == nullptr || e->kind == json_kind::null) return {};
    auto text = json_string(e->value);
    if (!text && e->kind == json_kind::object) {
        // Not Ollama's form, but that of servers that stand in for it.
        if (const auto inner = scan_object(e->value)) {
            const auto* const message = find(*inner, "message");
            if (message != nullptr) text = json_string(message->value);
        }
    }
    if (!text || text->empty()) return "the model server reported an error without saying which";
    return *std::move(text);
}

} // namespace clawgate::ollama
