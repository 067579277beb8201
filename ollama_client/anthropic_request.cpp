#include "ollama_client/anthropic_fields.hpp"
#include "ollama_client/translated_writers.hpp"
#include "ollama_client/translation.hpp"

#include <array>

namespace clawgate::ollama {

namespace {

ordered_json read_options(fields& f) {
    auto options = ordered_json::object();
    if (!f.has("max_tokens")) f.refuse("max_tokens", "is required");
    f.copy_positive("max_tokens", options, "num_predict");
    f.copy_number("temperature", options, "temperature");
    f.copy_number("top_p", options, "top_p");
    f.copy_integer("top_k", options, "top_k");
    if (auto stop = string_list(f, "stop_sequences"); !stop.empty()) options["stop"] = std::move(stop);
    return options;
}

ordered_json read_tool(ordered_json& tool, const std::string& place, first_error& errors) {
    fields f{tool, place, errors};
    if (const auto type = f.take_string("type").value_or("custom"); type != "custom")
        f.refuse("type", shown(type) + " is not supported: tools that Anthropic runs are not here");
    ordered_json out;
    out["type"] = "function";
    auto& native = out["function"];
    native["name"] = f.require_string("name");
    native["description"] = f.take_string("description").value_or(std::string{});
    auto* const schema = f.object("input_schema");
    if (schema == nullptr)
        f.refuse("input_schema", "is required");
    else
        native["parameters"] = std::move(*schema);
    return out;
}

void read_tools(fields& f, ordered_json& native, answer_form& form) {
    auto wanted = true;
    if (auto* const choice = f.object("tool_choice")) {
        fields of_choice{*choice, "tool_choice", f.errors()};
        const auto type = of_choice.require_string("type");
        wanted = type != "none";
        if (type != "none" && type != "auto")
            of_choice.refuse("type", "can only be \"auto\" or \"none\": Ollama cannot force a call. "
                                     "For an answer in a given form use output_config.format");
        form.single_tool_call = of_choice.boolean("disable_parallel_tool_use").value_or(false);
    }
    auto* const tools = f.array("tools");
    if (tools == nullptr || tools->empty()) return;
    auto translated = ordered_json::array();
    for (std::size_t i = 0; i < tools->size(); ++i)
        translated.push_back(read_tool((*tools)[i], "tools[" + std::to_string(i) + ']', f.errors()));
    if (wanted) native["tools"] = std::move(translated);
}

// output_config.effort acts where the model thinks; by itself it does not make it think.
void read_thinking(fields& f, fields* output_config, ordered_json& native) {
    const auto effort = output_config != nullptr
                            ? output_config->take_string("effort").value_or(std::string{})
                            : std::string{};
    static const std::array<std::pair<std::string_view, const char*>, 5> levels{
        {{"low", "low"}, {"medium", "medium"}, {"high", "high"}, {"xhigh", "max"}, {"max", "max"}}};
    ordered_json level = true;
    for (const auto& [name, native_name] : levels)
        if (effort == name) level = native_name;
    if (!effort.empty() && level == true)
        output_config->refuse("effort", shown(effort) + " is not known: low, medium, high, xhigh or max");

    auto* const thinking = f.object("thinking");
    if (thinking == nullptr) return;
    fields of_thinking{*thinking, "thinking", f.errors()};
    const auto type = of_thinking.require_string("type");
    if (type == "enabled" || type == "adaptive")
        native["think"] = level;
    else if (type == "disabled")
        native["think"] = false;
    else
        of_thinking.refuse("type", shown(type) + " is not known: enabled, adaptive or disabled");
}

void read_format(fields* output_config, ordered_json& native) {
    auto* const format = output_config != nullptr ? output_config->object("format") : nullptr;
    if (format == nullptr) return;
    fields of_format{*format, "output_config.format", output_config->errors()};
    if (const auto type = of_format.require_string("type"); type != "json_schema")
        of_format.refuse("type", shown(type) + " is not known: json_schema");
    if (auto* const schema = of_format.object("schema"))
        native["format"] = std::move(*schema);
    else
        of_format.refuse("schema", "is required");
}

void refuse_what_is_not_here(fields& f) {
    if (const auto* const servers = f.find("mcp_servers"); servers != nullptr && !servers->empty())
        f.refuse("mcp_servers", "is not supported: connect to them on your side");
    if (f.has("container")) f.refuse("container", "is not supported");
}

} // namespace

result<translated_request> translate_messages(std::string_view body, std::string_view id) {
    json_parser parser;
    auto tree = parse_body(parser, body);
    if (!tree) return tree.error();
    first_error errors;
    fields f{*tree, {}, errors};

    answer_form form;
    form.id = id;
    form.model = f.require_string("model");
    if (form.model.empty()) errors.add("model is required");
    form.stream = f.boolean("stream").value_or(false);

    ordered_json native;
    native["model"] = form.model;
    native["stream"] = true;
    native["messages"] = read_anthropic_messages(f);
    native["options"] = read_options(f);
    read_tools(f, native, form);
    std::optional<fields> output_config;
    if (auto* const v = f.object("output_config")) output_config.emplace(*v, "output_config", errors);
    read_thinking(f, output_config ? &*output_config : nullptr, native);
    read_format(output_config ? &*output_config : nullptr, native);
    refuse_what_is_not_here(f);
    if (errors.any()) return errors.get();

    translated_request out;
    out.kind = call_kind::chat;
    out.body = dump(native);
    out.model = form.model;
    out.writer = make_message_writer(std::move(form));
    return out;
}

} // namespace clawgate::ollama
