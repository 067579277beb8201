#include "core/clock.hpp"
#include "ollama_client/native_record.hpp"
#include "ollama_client/translated_writers.hpp"
#include "ollama_client/translation.hpp"

#include <chrono>

namespace clawgate::ollama {

namespace {

void append_data(const ordered_json& data, std::string& out) {
    out += "data: ";
    out += dump(data);
    out += "\n\n";
}

ordered_json usage_of(const native_record& answer) {
    ordered_json usage;
    usage["prompt_tokens"] = answer.prompt_tokens;
    usage["completion_tokens"] = answer.answer_tokens;
    usage["total_tokens"] = answer.prompt_tokens + answer.answer_tokens;
    return usage;
}

ordered_json logprob_of(const ordered_json& row) {
    return row.is_object() && row.contains("logprob") ? row["logprob"] : ordered_json(nullptr);
}

// What chat completions and completions have in common: the frame around each chunk, and the ends.
class openai_writer : public response_writer {
public:
    openai_writer(answer_form form, std::string_view prefix, const char* object, const char* chunk_object)
        : form_{std::move(form)}
        , id_{std::string{prefix} + form_.id}
        , object_{form_.stream ? chunk_object : object}
        , created_{std::chrono::duration_cast<std::chrono::seconds>(wall_clock::now().time_since_epoch())} {}

    [[nodiscard]] std::string_view content_type() const override {
        return form_.stream ? "text/event-stream" : "application/json";
    }
    [[nodiscard]] bool streams() const override { return form_.stream; }

    void record(std::string_view line, std::string& out) override {
        if (ended_) return;
        auto next = read_record(line);
        keep_wanted(next);
        ended_ = next.done;
        if (form_.stream)
            write_chunks(next, out);
        else
            fold(std::move(next), out);
    }

    void heartbeat(std::string& out) override {
        if (!ended_) out += form_.stream ? ": keep-alive\n\n" : " ";
    }

    void fail(int status, std::string_view message, std::string& out) override {
        if (ended_) return;
        ended_ = true;
        if (!form_.stream) {
            out += error_body(status, message);
            return;
        }
        out += "data: " + error_body(status, message) + "\n\ndata: [DONE]\n\n";
    }

    [[nodiscard]] std::string error_body(int status, std::string_view message) const override {
        return dialect_error(dialect::openai, status, message);
    }

protected:
    /// The one choice of a chunk, or nothing (null) when the record has nothing to show.
    [[nodiscard]] virtual ordered_json delta_choice(const native_record& r) = 0;
    /// The one choice of the whole answer.
    [[nodiscard]] virtual ordered_json whole_choice(const native_record& answer) = 0;
    /// The choice of the chunk that says why the answer ends.
    [[nodiscard]] virtual ordered_json last_choice(const char* finish_reason) = 0;

    [[nodiscard]] std::string call_id(const native_record::tool_call& call, std::size_t index) const {
        return call.id.empty() ? made_up_id("call_", id_, index) : call.id;
    }
    [[nodiscard]] const answer_form& form() const noexcept { return form_; }

private:
    void keep_wanted(native_record& r) {
        if (!form_.logprobs) r.logprobs = ordered_json::array();
        if (form_.single_tool_call && !r.tool_calls.empty()) r.tool_calls.resize(tool_calls_ == 0 ? 1 : 0);
        tool_calls_ += r.tool_calls.size();
    }

    [[nodiscard]] const char* finish_reason(const native_record& last) const {
        if (tool_calls_ != 0) return "tool_calls";
        return last.cut_off ? "length" : "stop";
    }

    [[nodiscard]] ordered_json frame(ordered_json choice) const {
        ordered_json out;
        out["id"] = id_;
        out["object"] = object_;
        out["created"] = created_.count();
        out["model"] = form_.model;
        out["system_fingerprint"] = "fp_ollama";
        out["choices"] = ordered_json::array();
        if (!choice.is_null()) out["choices"].push_back(std::move(choice));
        return out;
    }

    void write_chunks(const native_record& r, std::string& out) {
        if (auto choice = delta_choice(r); !choice.is_null()) append_data(frame(std::move(choice)), out);
        if (!r.done) return;
        append_data(frame(last_choice(finish_reason(r))), out);
        if (form_.include_usage) {
            auto usage = frame(nullptr);
            usage["usage"] = usage_of(r);
            append_data(usage, out);
        }
        out += "data: [DONE]\n\n";
    }

    void fold(native_record next, std::string& out) {
        answer_.append(std::move(next));
        if (!answer_.done) return;
        auto choice = whole_choice(answer_);
        choice["finish_reason"] = finish_reason(answer_);
        auto whole = frame(std::move(choice));
        whole["usage"] = usage_of(answer_);
        out += dump(whole);
    }

    answer_form form_;
    std::string id_;
    const char* object_;
    std::chrono::seconds created_;
    native_record answer_; ///< so far; of a stream nothing is kept
    std::size_t tool_calls_ = 0;
    bool ended_ = false;
};

class chat_completion_writer final : public openai_writer {
public:
    explicit chat_completion_writer(answer_form form)
        : openai_writer{std::move(form), "chatcmpl-", "chat.completion", "chat.completion.chunk"} {}

protected:
    [[nodiscard]] ordered_json delta_choice(const native_record& r) override {
        ordered_json delta;
        if (!r.thinking.empty()) delta["reasoning"] = r.thinking;
        if (!r.text.empty()) delta["content"] = r.text;
        for (const auto& call : r.tool_calls) {
            ordered_json part;
            part["index"] = next_call_;
            part.update(tool_call(call, next_call_++));
            delta["tool_calls"].push_back(std::move(part));
        }
        if (delta.is_null() && r.logprobs.empty()) return nullptr;
        return choice("delta", with_role(std::move(delta)), r.logprobs);
    }

    [[nodiscard]] ordered_json last_choice(const char* finish_reason) override {
        auto last = choice("delta", with_role(ordered_json::object()), ordered_json::array());
        last["finish_reason"] = finish_reason;
        return last;
    }

    [[nodiscard]] ordered_json whole_choice(const native_record& answer) override {
        ordered_json message;
        message["role"] = "assistant";
        message["content"] = answer.text;
        if (answer.text.empty() && !answer.tool_calls.empty()) message["content"] = nullptr;
        if (!answer.thinking.empty()) message["reasoning"] = answer.thinking;
        for (const auto& call : answer.tool_calls)
            message["tool_calls"].push_back(tool_call(call, next_call_++));
        return choice("message", std::move(message), answer.logprobs);
    }

private:
    // The role goes with the first chunk only: clients concatenate what the chunks say.
    [[nodiscard]] ordered_json with_role(ordered_json delta) {
        if (role_sent_) return delta;
        role_sent_ = true;
        ordered_json first;
        first["role"] = "assistant";
        first["content"] = "";
        first.update(delta);
        return first;
    }

    [[nodiscard]] ordered_json tool_call(const native_record::tool_call& call, std::size_t index) const {
        ordered_json out;
        out["id"] = call_id(call, index);
        out["type"] = "function";
        out["function"]["name"] = call.name;
        out["function"]["arguments"] = dump(call.arguments);
        return out;
    }

    [[nodiscard]] ordered_json choice(const char* name, ordered_json what,
                                      const ordered_json& logprobs) const {
        ordered_json out;
        out["index"] = 0;
        out[name] = std::move(what);
        if (form().logprobs) out["logprobs"] = nullptr;
        if (!logprobs.empty()) {
            out["logprobs"] = ordered_json::object();
            out["logprobs"]["content"] = logprobs;
        }
        out["finish_reason"] = nullptr;
        return out;
    }

    std::size_t next_call_ = 0;
    bool role_sent_ = false;
};

class completion_writer final : public openai_writer {
public:
    explicit completion_writer(answer_form form)
        : openai_writer{std::move(form), "cmpl-", "text_completion", "text_completion"} {}

protected:
    [[nodiscard]] ordered_json delta_choice(const native_record& r) override {
        if (r.text.empty() && r.logprobs.empty()) return nullptr;
        return choice(r);
    }
    [[nodiscard]] ordered_json last_choice(const char* finish_reason) override {
        auto last = choice(native_record{});
        last["finish_reason"] = finish_reason;
        return last;
    }
    [[nodiscard]] ordered_json whole_choice(const native_record& answer) override { return choice(answer); }

private:
    [[nodiscard]] ordered_json choice(const native_record& r) {
        ordered_json out;
        out["text"] = r.text;
        out["index"] = 0;
        out["logprobs"] = r.logprobs.empty() ? ordered_json(nullptr) : columns(r.logprobs);
        out["finish_reason"] = nullptr;
        return out;
    }

    // Completions have the tokens' columns where chat completions have their rows.
    [[nodiscard]] ordered_json columns(const ordered_json& rows) {
        ordered_json out;
        for (const auto* const name : {"tokens", "token_logprobs", "top_logprobs", "text_offset"})
            out[name] = ordered_json::array();
        for (const auto& row : rows) {
            const auto token = string_of(row, "token");
            out["tokens"].push_back(token);
            out["token_logprobs"].push_back(logprob_of(row));
            auto top = ordered_json::object();
            if (row.is_object() && row.contains("top_logprobs"))
                for (const auto& other : row["top_logprobs"])
                    top[string_of(other, "token")] = logprob_of(other);
            out["top_logprobs"].push_back(std::move(top));
            out["text_offset"].push_back(offset_);
            offset_ += token.size();
        }
        return out;
    }

    std::size_t offset_ = 0;
};

} // namespace

std::unique_ptr<response_writer> make_chat_completion_writer(answer_form form) {
    return std::make_unique<chat_completion_writer>(std::move(form));
}

std::unique_ptr<response_writer> make_completion_writer(answer_form form) {
    return std::make_unique<completion_writer>(std::move(form));
}

} // namespace clawgate::ollama
