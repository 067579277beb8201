#include "ollama_client/openai_fields.hpp"
#include "ollama_client/translation.hpp"

#include <array>

namespace clawgate::ollama {

namespace {

translated_request finish(openai_request r, call_kind kind) {
    if (!r.options.empty()) r.native["options"] = std::move(r.options);
    translated_request out;
    out.kind = kind;
    out.body = dump(r.native);
    out.model = r.form.model;
    out.writer = kind == call_kind::chat ? make_chat_completion_writer(std::move(r.form))
                                         : make_completion_writer(std::move(r.form));
    return out;
}

ordered_json read_tool(ordered_json& tool, const std::string& place, first_error& errors) {
    fields f{tool, place, errors};
    if (const auto type = f.require_string("type"); type != "function")
        f.refuse("type", shown(type) + " is not supported, only \"function\"");
    ordered_json out;
    out["type"] = "function";
    auto* const function = f.object("function");
    if (function == nullptr) {
        f.refuse("function", "is required");
        return out;
    }
    fields of_function{*function, f.place("function"), errors};
    auto& native = out["function"];
    native["name"] = of_function.require_string("name");
    native["description"] = of_function.take_string("description").value_or(std::string{});
    if (auto* const parameters = of_function.object("parameters")) {
        native["parameters"] = std::move(*parameters);
    } else {
        native["parameters"]["type"] = "object";
        native["parameters"]["properties"] = ordered_json::object();
    }
    return out;
}

void read_tools(fields& f, openai_request& to) {
    to.form.single_tool_call = !f.boolean("parallel_tool_calls").value_or(true);
    auto choice = f.find("tool_choice") == nullptr ? ordered_json("auto") : *f.find("tool_choice");
    if (choice != "auto" && choice != "none")
        f.refuse("tool_choice", "can only be \"auto\" or \"none\": Ollama cannot force a call. "
                                "For an answer in a given form use response_format with json_schema");
    auto* const tools = f.array("tools");
    if (tools == nullptr || tools->empty()) return;
    auto native = ordered_json::array();
    for (std::size_t i = 0; i < tools->size(); ++i)
        native.push_back(read_tool((*tools)[i], "tools[" + std::to_string(i) + ']', f.errors()));
    if (choice != "none") to.native["tools"] = std::move(native);
}

void read_response_format(fields& f, ordered_json& native) {
    auto* const format = f.object("response_format");
    if (format == nullptr) return;
    fields of_format{*format, "response_format", f.errors()};
    const auto type = of_format.require_string("type");
    if (type == "json_object") {
        native["format"] = "json";
    } else if (type == "json_schema") {
        auto* const wrapper = of_format.object("json_schema");
        auto* const schema =
            wrapper == nullptr ? nullptr
                               : fields{*wrapper, "response_format.json_schema", f.errors()}.object("schema");
        if (schema == nullptr)
            of_format.refuse("json_schema", "must have a schema");
        else
            native["format"] = std::move(*schema);
    } else if (type != "text") {
        of_format.refuse("type", shown(type) + " is not known: text, json_object or json_schema");
    }
}

void read_reasoning(fields& f, ordered_json& native) {
    auto effort = f.take_string("reasoning_effort");
    if (auto* const reasoning = f.object("reasoning"); reasoning != nullptr && !effort)
        effort = fields{*reasoning, "reasoning", f.errors()}.take_string("effort");
    if (!effort) return;
    // facts/ollama.md, /v1
    static const std::array<std::pair<std::string_view, const char*>, 6> levels{{{"minimal", "low"},
                                                                                 {"low", "low"},
                                                                                 {"medium", "medium"},
                                                                                 {"high", "high"},
                                                                                 {"xhigh", "max"},
                                                                                 {"max", "max"}}};
    if (*effort == "none") {
        native["think"] = false;
        return;
    }
    for (const auto& [name, level] : levels)
        if (*effort == name) native["think"] = level;
    if (!native.contains("think"))
        f.refuse("reasoning_effort",
                 shown(*effort) + " is not known: none, minimal, low, medium, high or xhigh");
}

void read_chat_logprobs(fields& f, openai_request& to) {
    const auto wanted = f.boolean("logprobs").value_or(false);
    if (wanted) to.native["logprobs"] = true;
    if (const auto top = f.integer("top_logprobs")) {
        if (!wanted || *top < 0 || *top > 20) f.refuse("top_logprobs", "must be 0 to 20, with logprobs true");
        to.native["top_logprobs"] = *top;
    }
    to.form.logprobs = wanted;
}

std::string read_prompt(fields& f) {
    auto* const prompt = f.find("prompt");
    if (prompt != nullptr && prompt->is_array() && prompt->size() == 1 && prompt->front().is_string())
        return std::move(prompt->front().get_ref<std::string&>());
    if (prompt != nullptr && prompt->is_string()) return std::move(prompt->get_ref<std::string&>());
    f.refuse("prompt",
             prompt == nullptr ? "is required" : "must be one string; tokens and lists are not supported");
    return {};
}

} // namespace

result<translated_request> translate_chat_completions(std::string_view body, std::string_view id) {
    json_parser parser;
    auto tree = parse_body(parser, body);
    if (!tree) return tree.error();
    first_error errors;
    fields f{*tree, {}, errors};
    auto r = read_common_fields(f, id);
    r.native["messages"] = read_chat_messages(f, parser);
    read_tools(f, r);
    read_response_format(f, r.native);
    read_reasoning(f, r.native);
    read_chat_logprobs(f, r);
    if (errors.any()) return errors.get();
    return finish(std::move(r), call_kind::chat);
}

result<translated_request> translate_completions(std::string_view body, std::string_view id) {
    json_parser parser;
    auto tree = parse_body(parser, body);
    if (!tree) return tree.error();
    first_error errors;
    fields f{*tree, {}, errors};
    auto r = read_common_fields(f, id);
    r.native["prompt"] = read_prompt(f);
    if (auto suffix = f.take_string("suffix"); suffix && !suffix->empty())
        r.native["suffix"] = std::move(*suffix);
    if (f.boolean("echo").value_or(false)) f.refuse("echo", "is not supported");
    if (const auto top = f.integer("logprobs")) {
        if (*top < 0 || *top > 20) f.refuse("logprobs", "must be 0 to 20");
        r.native["logprobs"] = true;
        r.native["top_logprobs"] = *top;
        r.form.logprobs = true;
    }
    // The answer has no place for it.
    r.native["think"] = false;
    if (errors.any()) return errors.get();
    return finish(std::move(r), call_kind::generate);
}

} // namespace clawgate::ollama
