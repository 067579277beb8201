#include "ollama_client/native_record.hpp"
#include "ollama_client/translated_writers.hpp"
#include "ollama_client/translation.hpp"

namespace clawgate::ollama {

namespace {

void append_event(const ordered_json& data, std::string& out) {
    out += "event: ";
    out += data.at("type").get_ref<const std::string&>();
    out += "\ndata: ";
    out += dump(data);
    out += "\n\n";
}

ordered_json typed(const char* type) {
    ordered_json out;
    out["type"] = type;
    return out;
}

ordered_json text_block(const std::string& text) {
    auto out = typed("text");
    out["text"] = text;
    return out;
}

// The signature proves to Anthropic's own servers that they wrote the text; there is none here.
ordered_json thinking_block(const std::string& thinking) {
    auto out = typed("thinking");
    out["thinking"] = thinking;
    out["signature"] = "";
    return out;
}

ordered_json usage_of(const native_record& answer) {
    ordered_json out;
    out["input_tokens"] = answer.prompt_tokens;
    out["output_tokens"] = answer.answer_tokens;
    return out;
}

// Streams: the message's start, then its blocks one after another (thinking and text grow by deltas, a tool
// call comes as a whole), then its end. Otherwise one message.
class message_writer final : public response_writer {
public:
    explicit message_writer(answer_form form)
        : form_{std::move(form)}
        , id_{"msg_" + form_.id} {}

    [[nodiscard]] std::string_view content_type() const override {
        return form_.stream ? "text/event-stream" : "application/json";
    }
    [[nodiscard]] bool streams() const override { return form_.stream; }

    void record(std::string_view line, std::string& out) override {
        if (ended_) return;
        auto next = read_record(line);
        if (form_.single_tool_call && !next.tool_calls.empty())
            next.tool_calls.resize(tool_calls_ == 0 ? 1 : 0);
        tool_calls_ += next.tool_calls.size();
        ended_ = next.done;
        if (form_.stream)
            write_events(next, out);
        else
            fold(std::move(next), out);
    }

    void heartbeat(std::string& out) override {
        if (ended_) return;
        if (form_.stream)
            append_event(typed("ping"), out);
        else
            out += ' ';
    }

    void fail(int status, std::string_view message, std::string& out) override {
        if (ended_) return;
        ended_ = true;
        if (form_.stream) out += "event: error\ndata: ";
        out += error_body(status, message);
        if (form_.stream) out += "\n\n";
    }

    [[nodiscard]] std::string error_body(int status, std::string_view message) const override {
        return dialect_error(dialect::anthropic, status, message);
    }

private:
    enum class block { none, thinking, text };

    [[nodiscard]] ordered_json message() const {
        ordered_json out;
        out["id"] = id_;
        out["type"] = "message";
        out["role"] = "assistant";
        out["model"] = form_.model;
        out["content"] = ordered_json::array();
        out["stop_reason"] = nullptr;
        out["stop_sequence"] = nullptr;
        out["usage"] = usage_of(native_record{});
        return out;
    }

    // Ollama does not say whether a stop sequence or the model itself ended an answer: both are end_turn.
    [[nodiscard]] const char* stop_reason(const native_record& last) const {
        if (tool_calls_ != 0) return "tool_use";
        return last.cut_off ? "max_tokens" : "end_turn";
    }

    [[nodiscard]] ordered_json tool_use(const native_record::tool_call& call, ordered_json input) {
        auto out = typed("tool_use");
        out["id"] = call.id.empty() ? made_up_id("toolu_", id_, next_call_) : call.id;
        ++next_call_;
        out["name"] = call.name;
        out["input"] = std::move(input);
        return out;
    }

    void write_events(const native_record& r, std::string& out) {
        if (!started_) {
            started_ = true;
            auto start = typed("message_start");
            start["message"] = message();
            append_event(start, out);
        }
        if (!r.thinking.empty()) {
            open(block::thinking, thinking_block(""), out);
            write_delta("thinking_delta", "thinking", r.thinking, out);
        }
        if (!r.text.empty()) {
            open(block::text, text_block(""), out);
            write_delta("text_delta", "text", r.text, out);
        }
        for (const auto& call : r.tool_calls) {
            close(out);
            write_start(tool_use(call, ordered_json::object()), out);
            write_delta("input_json_delta", "partial_json", dump(call.arguments), out);
            write_stop(out);
        }
        if (r.done) write_end(r, out);
    }

    void open(block wanted, ordered_json empty, std::string& out) {
        if (open_ == wanted) return;
        close(out);
        open_ = wanted;
        write_start(std::move(empty), out);
    }

    void close(std::string& out) {
        if (open_ != block::none) write_stop(out);
        open_ = block::none;
    }

    void write_start(ordered_json content_block, std::string& out) const {
        auto event = typed("content_block_start");
        event["index"] = index_;
        event["content_block"] = std::move(content_block);
        append_event(event, out);
    }

    void write_delta(const char* type, const char* name, const std::string& what, std::string& out) const {
        auto event = typed("content_block_delta");
        event["index"] = index_;
        event["delta"]["type"] = type;
        event["delta"][name] = what;
        append_event(event, out);
    }

    void write_stop(std::string& out) {
        auto event = typed("content_block_stop");
        event["index"] = index_++;
        append_event(event, out);
    }

    void write_end(const native_record& last, std::string& out) {
        close(out);
        auto event = typed("message_delta");
        event["delta"]["stop_reason"] = stop_reason(last);
        event["delta"]["stop_sequence"] = nullptr;
        event["usage"] = usage_of(last);
        append_event(event, out);
        append_event(typed("message_stop"), out);
    }

    void fold(native_record next, std::string& out) {
        answer_.append(std::move(next));
        if (!answer_.done) return;
        auto whole = message();
        auto& content = whole["content"];
        if (!answer_.thinking.empty()) content.push_back(thinking_block(answer_.thinking));
        if (!answer_.text.empty()) content.push_back(text_block(answer_.text));
        for (auto& call : answer_.tool_calls)
            content.push_back(tool_use(call, std::move(call.arguments)));
        whole["stop_reason"] = stop_reason(answer_);
        whole["usage"] = usage_of(answer_);
        out += dump(whole);
    }

    answer_form form_;
    std::string id_;
    native_record answer_; ///< so far; of a stream nothing is kept
    block open_ = block::none;
    std::size_t index_ = 0; ///< of the block that is open, or comes next
    std::size_t tool_calls_ = 0;
    std::size_t next_call_ = 0;
    bool started_ = false;
    bool ended_ = false;
};

} // namespace

std::unique_ptr<response_writer> make_message_writer(answer_form form) {
    return std::make_unique<message_writer>(std::move(form));
}

} // namespace clawgate::ollama
