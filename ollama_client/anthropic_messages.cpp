#include "ollama_client/anthropic_fields.hpp"

#include <map>

namespace clawgate::ollama {

namespace {

// What has been read of one message and is not yet written.
struct draft {
    std::string text;
    std::string thinking;
    ordered_json images = ordered_json::array();
    ordered_json tool_calls = ordered_json::array();

    [[nodiscard]] bool empty() const {
        return text.empty() && thinking.empty() && images.empty() && tool_calls.empty();
    }
};

class anthropic_messages {
public:
    explicit anthropic_messages(first_error& errors)
        : errors_{errors} {}

    void add_system(fields& f) {
        if (!f.has("system")) return;
        draft d;
        for_each_block(f, "system", [&](fields& block, const std::string& type) {
            if (type == "text")
                append_part(d.text, block.require_string("text"));
            else
                refuse_block(block, type);
        });
        write("system", std::move(d));
    }

    void add(ordered_json& message, std::size_t index) {
        fields f{message, "messages[" + std::to_string(index) + ']', errors_};
        const auto role = f.require_string("role");
        if (!f.has("content")) f.refuse("content", "is required");
        if (role == "user")
            add_user(f);
        else if (role == "assistant")
            add_assistant(f);
        else
            f.refuse("role", shown(role) + " is not known: user or assistant");
    }

    [[nodiscard]] ordered_json take() { return std::move(messages_); }

private:
    // A string is the same as one text block.
    template <class Read>
    void for_each_block(fields& f, const char* key, Read read) {
        auto* const content = f.find(key);
        if (content == nullptr) return;
        if (content->is_string()) {
            auto block = ordered_json::object();
            block["text"] = std::move(*content);
            fields of_block{block, f.place(key), errors_};
            read(of_block, "text");
            return;
        }
        auto* const blocks = f.array(key);
        for (std::size_t i = 0; blocks != nullptr && i < blocks->size(); ++i) {
            fields block{(*blocks)[i], f.place(key) + '[' + std::to_string(i) + ']', errors_};
            read(block, block.require_string("type"));
        }
    }

    static void refuse_block(fields& block, const std::string& type) {
        block.refuse("type", shown(type) + " is not supported here");
    }

    void add_user(fields& f) {
        draft d;
        auto wrote_a_result = false;
        for_each_block(f, "content", [&](fields& block, const std::string& type) {
            if (type == "tool_result") {
                if (!d.empty()) write("user", std::exchange(d, draft{})); // the order of the blocks is kept
                add_tool_result(block);
                wrote_a_result = true;
            } else {
                read_shown_block(block, type, d);
            }
        });
        if (!d.empty() || !wrote_a_result) write("user", std::move(d));
    }

    // What a person or a tool may show: text, images, and documents of plain text.
    void read_shown_block(fields& block, const std::string& type, draft& d) {
        if (type == "text") {
            append_part(d.text, block.require_string("text"));
        } else if (type == "image" || type == "document") {
            auto* const source = block.object("source");
            if (source == nullptr)
                block.refuse("source", "is required");
            else
                read_source(fields{*source, block.place("source"), errors_}, type == "image", d);
        } else {
            refuse_block(block, type);
        }
    }

    static void read_source(fields source, bool image, draft& d) {
        const auto type = source.require_string("type");
        if (image && type == "base64") {
            auto data = source.require_string("data");
            if (!is_base64(data)) source.refuse("data", "is not base64");
            d.images.push_back(std::move(data));
        } else if (!image && type == "text") {
            append_part(d.text, source.require_string("data"));
        } else {
            source.refuse("type", shown(type) + (image ? " is not supported: send the image as base64; "
                                                         "addresses are not fetched"
                                                       : " is not supported: send documents as text"));
        }
    }

    void add_tool_result(fields& f) {
        draft d;
        for_each_block(f, "content",
                       [&](fields& block, const std::string& type) { read_shown_block(block, type, d); });
        // Ollama's messages have no mark for it, and the model should know.
        if (f.boolean("is_error").value_or(false)) d.text.insert(0, "Error: ");
        auto id = f.require_string("tool_use_id");
        auto& message = messages_.emplace_back();
        message["role"] = "tool";
        message["content"] = std::move(d.text);
        if (!d.images.empty()) message["images"] = std::move(d.images);
        if (const auto call = tool_names_.find(id); call != tool_names_.end())
            message["tool_name"] = call->second;
        message["tool_call_id"] = std::move(id);
    }

    void add_assistant(fields& f) {
        draft d;
        for_each_block(f, "content", [&](fields& block, const std::string& type) {
            if (type == "text")
                append_part(d.text, block.require_string("text"));
            else if (type == "thinking")
                append_part(d.thinking, block.require_string("thinking"));
            else if (type == "tool_use")
                d.tool_calls.push_back(read_tool_use(block));
            else if (type != "redacted_thinking") // only Anthropic's own servers can read it
                refuse_block(block, type);
        });
        write("assistant", std::move(d));
    }

    ordered_json read_tool_use(fields& block) {
        auto id = block.require_string("id");
        auto name = block.require_string("name");
        ordered_json out;
        out["id"] = id;
        out["function"]["name"] = name;
        auto* const input = block.object("input");
        out["function"]["arguments"] = input != nullptr ? std::move(*input) : ordered_json::object();
        tool_names_[std::move(id)] = std::move(name);
        return out;
    }

    void write(const char* role, draft d) {
        auto& message = messages_.emplace_back();
        message["role"] = role;
        message["content"] = std::move(d.text);
        if (!d.thinking.empty()) message["thinking"] = std::move(d.thinking);
        if (!d.images.empty()) message["images"] = std::move(d.images);
        if (!d.tool_calls.empty()) message["tool_calls"] = std::move(d.tool_calls);
    }

    first_error& errors_;
    ordered_json messages_ = ordered_json::array();
    std::map<std::string, std::string> tool_names_; // by the id of the call
};

} // namespace

ordered_json read_anthropic_messages(fields& f) {
    anthropic_messages translated{f.errors()};
    translated.add_system(f);
    auto* const messages = f.array("messages");
    if (messages == nullptr || messages->empty()) f.refuse("messages", "is required");
    for (std::size_t i = 0; messages != nullptr && i < messages->size(); ++i)
        translated.add((*messages)[i], i);
    return translated.take();
}

} // namespace clawgate::ollama
