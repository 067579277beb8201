// What Ollama's native calls take, and what the door must know of one.
#include "ollama_client/json_object.hpp"
#include "ollama_client/json_scan.hpp"
#include "ollama_client/option_types.hpp"
#include "ollama_client/request.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace clawgate::ollama {
namespace {

using kinds = unsigned; // a set of json_kind; null is always allowed, as Go leaves such a field alone
constexpr kinds one(json_kind k) noexcept {
    return 1u << static_cast<unsigned>(k);
}
constexpr kinds boolean = one(json_kind::boolean);
constexpr kinds number = one(json_kind::number);
constexpr kinds string = one(json_kind::string);
constexpr kinds array = one(json_kind::array);
constexpr kinds object = one(json_kind::object);
constexpr kinds any = ~0u;

struct field {
    std::string_view name;
    kinds allowed;
};

constexpr std::array chat_fields{
    field{"model", string},     field{"messages", array},
    field{"tools", array},      field{"stream", boolean},
    field{"format", any},       field{"keep_alive", number | string},
    field{"options", object},   field{"think", boolean | string},
    field{"truncate", boolean}, field{"shift", boolean},
    field{"logprobs", boolean}, field{"top_logprobs", number},
};
constexpr std::array generate_fields{
    field{"model", string},
    field{"prompt", string},
    field{"suffix", string},
    field{"system", string},
    field{"template", string},
    field{"context", array},
    field{"stream", boolean},
    field{"raw", boolean},
    field{"format", any},
    field{"keep_alive", number | string},
    field{"images", array},
    field{"options", object},
    field{"think", boolean | string},
    field{"truncate", boolean},
    field{"shift", boolean},
    field{"logprobs", boolean},
    field{"top_logprobs", number},
};
constexpr std::array embed_fields{
    field{"model", string},     field{"input", string | array}, field{"keep_alive", number | string},
    field{"truncate", boolean}, field{"dimensions", number},    field{"options", object},
};
constexpr std::array embeddings_fields{
    field{"model", string},
    field{"prompt", string},
    field{"keep_alive", number | string},
    field{"options", object},
};
constexpr std::array message_fields{
    field{"role", string},         field{"content", string},   field{"thinking", string},
    field{"images", array},        field{"tool_calls", array}, field{"tool_name", string},
    field{"tool_call_id", string},
};

std::span<const field> fields_of(call_kind kind) noexcept {
    switch (kind) {
    case call_kind::chat: return chat_fields;
    case call_kind::generate: return generate_fields;
    case call_kind::embed: return embed_fields;
    case call_kind::embeddings: return embeddings_fields;
    }
    return {};
}

std::string describe_kinds(kinds allowed) {
    constexpr std::array words{std::pair{boolean, "a boolean"}, std::pair{number, "a number"},
                               std::pair{string, "a string"}, std::pair{array, "an array"},
                               std::pair{object, "an object"}};
    std::string out;
    for (const auto& [kind, word] : words) {
        if ((allowed & kind) == 0) continue;
        if (!out.empty()) out += " or ";
        out += word;
    }
    return out;
}

// Spelling and types of the members that a decoder would read.
result<void> check_fields(std::span<const json_member> members, std::span<const field> known) {
    for (const auto& m : members) {
        const auto folded = fold_key(m.key);
        const auto f =
            std::find_if(known.begin(), known.end(), [&](const field& k) { return k.name == folded; });
        if (f == known.end()) continue;
        if (folded != m.key) return bad_request("write \"" + folded + "\", not " + shown_key(m.key));
        if (m.kind != json_kind::null && (f->allowed & one(m.kind)) == 0)
            return bad_request('"' + folded + "\" must be " + describe_kinds(f->allowed));
    }
    return {};
}

// The words of Ollama's own decoder.
result<void> check_think(const json_member* think) {
    if (think == nullptr || think->kind != json_kind::string) return {};
    const auto level = json_string(think->value).value_or("");
    if (level == "low" || level == "medium" || level == "high" || level == "max") return {};
    return bad_request("invalid think value: " + shown_key(level) +
                       " (must be \"high\", \"medium\", \"low\", \"max\", true, or false)");
}

// Does this keep_alive end at once? A number is seconds, which Ollama counts in whole nanoseconds; a string
// is a duration, and none without a digit from 1 to 9 is longer than nothing.
bool ends_at_once(const json_member* keep_alive) {
    if (keep_alive == nullptr) return false;
    if (keep_alive->kind == json_kind::number) {
        const auto seconds = finite_number(keep_alive->value);
        return seconds && std::abs(*seconds) < 1e-9;
    }
    if (keep_alive->kind != json_kind::string) return false;
    const auto text = json_string(keep_alive->value).value_or("");
    return text.find('0') != text.npos && text.find_first_of("123456789") == text.npos;
}

bool is_empty_value(const json_member* m) {
    if (m == nullptr || m->kind == json_kind::null) return true;
    if (m->kind == json_kind::string) return m->value == "\"\"";
    return m->kind == json_kind::array &&
           m->value.substr(1).find_first_not_of(" \t\r\n") == m->value.size() - 2;
}

result<void> read_options(native_request& r) {
    const auto* options = r.find("options");
    if (options == nullptr || options->kind != json_kind::object) return {};
    json_scanner scanner{options->value, 2};
    const auto base = options->end - options->value.size();
    if (auto read = read_members(scanner, options->value, base, r.options); !read) return read;
    return check_options(r.options);
}

result<native_message> make_message(const std::vector<json_member>& members) {
    if (auto checked = check_fields(members, message_fields); !checked) return checked.error();
    native_message out;
    for (const auto& m : members) {
        if (m.key == "role") {
            out.role = json_string(m.value).value_or("");
            for (char& c : out.role)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        } else if (m.key == "content") {
            out.content = m.value;
            out.content_kind = m.kind;
            out.content_begin = m.end - m.value.size();
            out.content_end = m.end;
        } else if (m.kind == json_kind::null) {
            continue;
        } else if (m.key == "thinking") {
            out.thinking = m.value;
        } else if (m.key == "tool_calls") {
            out.tool_calls = m.value;
        } else if (m.key == "tool_name") {
            out.tool_name = m.value;
        } else if (m.key == "tool_call_id") {
            out.tool_call_id = m.value;
        }
    }
    return out;
}

} // namespace

result<native_request> read_native(call_kind kind, std::string_view body) {
    if (body.size() > max_body_bytes)
        return error{errc::too_large, fault::client, retry::never, "request body too large"};
    if (body.find_first_not_of(" \t\r\n") == body.npos) return bad_request("missing request body");
    auto members = scan_object(body);
    if (!members) return members.error();

    native_request r;
    r.kind = kind;
    r.body = body;
    r.members = std::move(*members);
    if (auto checked = check_fields(r.members, fields_of(kind)); !checked) return checked.error();
    if (auto read = read_options(r); !read) return read.error();

    if (const auto* model = r.find("model")) r.model = json_string(model->value).value_or("");
    r.unloads = ends_at_once(r.find("keep_alive"));
    if (kind == call_kind::embed || kind == call_kind::embeddings) return r;

    if (auto checked = check_think(r.find("think")); !checked) return checked.error();
    if (const auto* stream = r.find("stream")) r.stream = stream->value != "false";
    if (is_empty_value(r.find(kind == call_kind::chat ? "messages" : "prompt"))) r.unloads = true;
    return r;
}

result<std::vector<native_message>> read_messages(const native_request& r) {
    std::vector<native_message> messages;
    const auto* list = r.find("messages");
    if (list == nullptr || list->kind != json_kind::array || is_empty_value(list)) return messages;

    // Around a message's values: the body, the list and the message.
    json_scanner scanner{list->value, 3};
    const auto base = list->end - list->value.size();
    std::vector<json_member> members;
    const auto refused = [&messages](error why) {
        why.detail.insert(0, "messages[" + std::to_string(messages.size()) + "]: ");
        return why;
    };
    (void)scanner.take('[');
    do {
        if (messages.size() == max_messages)
            return error{errc::too_large, fault::client, retry::never,
                         "more than " + std::to_string(max_messages) + " messages"};
        scanner.skip_space();
        if (scanner.peek() != '{') return refused(bad_request("must be an object"));
        const auto begin = scanner.position();
        if (auto read = read_members(scanner, list->value, base, members); !read)
            return refused(read.error());
        auto message = make_message(members);
        if (!message) return refused(message.error());
        message->begin = base + begin;
        message->end = base + scanner.position();
        message->text = list->value.substr(begin, scanner.position() - begin);
        messages.push_back(std::move(*message));
        scanner.skip_space();
    } while (scanner.take(','));
    return messages;
}

} // namespace clawgate::ollama
