#include "ollama_client/openai_fields.hpp"

#include <algorithm>
#include <map>

namespace clawgate::ollama {

namespace {

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
    return text.size() >= lower.size() &&
           std::equal(lower.begin(), lower.end(), text.begin(),
                      [](char l, char t) { return l == (t >= 'A' && t <= 'Z' ? t - 'A' + 'a' : t); });
}

class chat_messages {
public:
    chat_messages(json_parser& parser, first_error& errors)
        : parser_{parser}
        , errors_{errors} {}

    void add(ordered_json& message, std::size_t index) {
        fields f{message, "messages[" + std::to_string(index) + ']', errors_};
        const auto role = f.require_string("role");
        if (role == "system" || role == "developer")
            add_plain(f, "system", false);
        else if (role == "user")
            add_plain(f, "user", true);
        else if (role == "assistant")
            add_assistant(f);
        else if (role == "tool")
            add_tool_result(f);
        else if (role == "function")
            f.refuse("role", "\"function\" is not supported: use tools, and \"tool\" for their results");
        else
            f.refuse("role", shown(role) + " is not known");
    }

    [[nodiscard]] ordered_json take() { return std::move(messages_); }

private:
    void add_plain(fields& f, const char* role, bool with_images) {
        auto images = ordered_json::array();
        auto& message = messages_.emplace_back();
        message["role"] = role;
        if (!f.has("content")) f.refuse("content", "is required");
        message["content"] = read_content(f, with_images ? &images : nullptr);
        if (!images.empty()) message["images"] = std::move(images);
    }

    void add_assistant(fields& f) {
        auto& message = messages_.emplace_back();
        message["role"] = "assistant";
        auto content = read_content(f, nullptr);
        append_part(content, f.take_string("refusal").value_or(std::string{}));
        message["content"] = std::move(content);
        // Part of the prompt: without it the server's prefix cache is lost.
        for (const auto* const name : {"reasoning", "reasoning_content"})
            if (auto thinking = f.take_string(name); thinking && !message.contains("thinking"))
                message["thinking"] = std::move(*thinking);
        if (f.has("function_call")) f.refuse("function_call", "is not supported: use tool_calls");
        auto* const calls = f.array("tool_calls");
        if (calls == nullptr) return;
        for (std::size_t i = 0; i < calls->size(); ++i)
            message["tool_calls"].push_back(
                read_tool_call((*calls)[i], f.place("tool_calls") + '[' + std::to_string(i) + ']'));
    }

    ordered_json read_tool_call(ordered_json& call, std::string place) {
        fields f{call, place, errors_};
        ordered_json out;
        if (const auto type = f.take_string("type").value_or("function"); type != "function")
            f.refuse("type", shown(type) + " is not supported, only \"function\"");
        auto id = f.take_string("id").value_or(std::string{});
        if (!id.empty()) out["id"] = id;
        auto* const function = f.object("function");
        if (function == nullptr) {
            f.refuse("function", "is required");
            return out;
        }
        fields of_function{*function, f.place("function"), errors_};
        auto name = of_function.require_string("name");
        if (!id.empty()) tool_names_[std::move(id)] = name;
        out["function"]["name"] = std::move(name);
        out["function"]["arguments"] = read_arguments(of_function);
        return out;
    }

    // OpenAI has them as a text, Ollama as the object. An object is taken too, as some clients send it.
    ordered_json read_arguments(fields& f) {
        if (auto* const v = f.find("arguments"); v != nullptr && v->is_object()) return std::move(*v);
        const auto text = f.take_string("arguments").value_or(std::string{});
        if (text.find_first_not_of(" \t\r\n") == std::string::npos) return ordered_json::object();
        auto parsed = parser_.parse(text, max_inner_depth, f.place("arguments"));
        if (!parsed) {
            errors_.add(parsed.error().detail);
            return ordered_json::object();
        }
        if (!parsed->is_object()) {
            f.refuse("arguments", "must be a JSON object, written as a string");
            return ordered_json::object();
        }
        return std::move(*parsed);
    }

    void add_tool_result(fields& f) {
        auto& message = messages_.emplace_back();
        message["role"] = "tool";
        if (!f.has("content")) f.refuse("content", "is required");
        message["content"] = read_content(f, nullptr);
        auto id = f.require_string("tool_call_id");
        if (const auto call = tool_names_.find(id); call != tool_names_.end())
            message["tool_name"] = call->second;
        else if (auto name = f.take_string("name"))
            message["tool_name"] = std::move(*name);
        message["tool_call_id"] = std::move(id);
    }

    // `images`: null where they are not allowed.
    std::string read_content(fields& f, ordered_json* images) {
        auto* const content = f.find("content");
        if (content == nullptr) return {};
        if (content->is_string()) return std::move(content->get_ref<std::string&>());
        std::string text;
        auto* const parts = content->is_array() ? content : nullptr;
        if (parts == nullptr) f.refuse("content", "must be a string or an array of parts");
        for (std::size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
            fields part{(*parts)[i], f.place("content") + '[' + std::to_string(i) + ']', errors_};
            const auto type = part.require_string("type");
            if (type == "text")
                append_part(text, part.require_string("text"));
            else if (type == "refusal")
                append_part(text, part.require_string("refusal"));
            else if (type == "image_url" && images != nullptr)
                read_image(part, *images);
            else
                part.refuse("type",
                            shown(type) + (images != nullptr ? " is not supported: send text or image_url"
                                                             : " is not supported here: send text"));
        }
        return text;
    }

    void read_image(fields& part, ordered_json& images) {
        auto* const v = part.find("image_url");
        std::string url;
        if (v != nullptr && v->is_string()) {
            url = std::move(v->get_ref<std::string&>());
        } else if (auto* const object = part.object("image_url")) {
            fields of_image{*object, part.place("image_url"), errors_};
            url = of_image.require_string("url");
        }
        // Nothing is fetched on behalf of a caller: that would reach places that the caller cannot.
        const auto comma = url.find(',');
        const auto head = std::string_view{url}.substr(0, comma == std::string::npos ? 0 : comma);
        if (!starts_with_ignoring_case(head, "data:image/") || !head.ends_with(";base64") ||
            !is_base64(std::string_view{url}.substr(comma + 1))) {
            part.refuse("image_url", "must be a data: URL of an image in base64; addresses are not fetched");
            return;
        }
        url.erase(0, comma + 1);
        images.push_back(std::move(url));
    }

    json_parser& parser_;
    first_error& errors_;
    ordered_json messages_ = ordered_json::array();
    std::map<std::string, std::string> tool_names_; // by the id of the call
};

} // namespace

ordered_json read_chat_messages(fields& f, json_parser& parser) {
    chat_messages translated{parser, f.errors()};
    auto* const messages = f.array("messages");
    // An empty list would make Ollama load the model and say nothing.
    if (messages == nullptr || messages->empty()) f.refuse("messages", "is required");
    for (std::size_t i = 0; messages != nullptr && i < messages->size(); ++i)
        translated.add((*messages)[i], i);
    return translated.take();
}

} // namespace clawgate::ollama
