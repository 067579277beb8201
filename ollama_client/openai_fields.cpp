#include "ollama_client/openai_fields.hpp"

namespace clawgate::ollama {

namespace {

void read_options(fields& f, ordered_json& options) {
    f.copy_number("temperature", options, "temperature");
    f.copy_number("top_p", options, "top_p");
    f.copy_number("presence_penalty", options, "presence_penalty");
    f.copy_number("frequency_penalty", options, "frequency_penalty");
    f.copy_integer("seed", options, "seed");
    if (auto stop = string_list(f, "stop"); !stop.empty()) options["stop"] = std::move(stop);
    // Not OpenAI's, but what its clients send to other servers.
    f.copy_integer("top_k", options, "top_k");
    f.copy_number("min_p", options, "min_p");
    f.copy_number("repeat_penalty", options, "repeat_penalty");
    f.copy_positive("max_tokens", options, "num_predict");
    f.copy_positive("max_completion_tokens", options, "num_predict"); // the newer name wins
}

void refuse_what_cannot_be_given(fields& f) {
    for (const auto* const count : {"n", "best_of"})
        if (f.integer(count).value_or(1) != 1) f.refuse(count, "can only be 1");
    if (const auto* const bias = f.find("logit_bias"); bias != nullptr && !bias->empty())
        f.refuse("logit_bias", "is not supported by Ollama");
    if (f.boolean("store").value_or(false)) f.refuse("store", "can only be false: answers are not kept");
    const auto text_only = ordered_json::array({"text"});
    if (const auto* const modalities = f.find("modalities");
        modalities != nullptr && *modalities != text_only)
        f.refuse("modalities", "can only be [\"text\"]");
    for (const auto* const name : {"audio", "web_search_options"})
        if (f.has(name)) f.refuse(name, "is not supported");
    for (const auto* const name : {"functions", "function_call"})
        if (f.has(name)) f.refuse(name, "is not supported: use tools and tool_choice");
}

} // namespace

openai_request read_common_fields(fields& f, std::string_view id) {
    openai_request out;
    out.form.id = id;
    out.form.model = f.require_string("model");
    if (out.form.model.empty()) f.errors().add("model is required");
    out.form.stream = f.boolean("stream").value_or(false);
    if (auto* const stream_options = f.object("stream_options")) {
        fields of_stream{*stream_options, "stream_options", f.errors()};
        out.form.include_usage = of_stream.boolean("include_usage").value_or(false);
    }
    out.native["model"] = out.form.model;
    out.native["stream"] = true;
    out.options = ordered_json::object();
    read_options(f, out.options);
    refuse_what_cannot_be_given(f);
    return out;
}

} // namespace clawgate::ollama
