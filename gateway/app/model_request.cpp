#include "app/model_request.hpp"

#include "ollama_client/native_writer.hpp"
#include "ollama_client/prompt_prefixes.hpp"

#include <algorithm>

namespace clawgate::app {
namespace {

using ollama::call_kind;

/// Embeddings come as one object, which passes as it is.
class whole_writer final : public ollama::response_writer {
public:
    explicit whole_writer(bool openai)
        : openai_{openai} {}
    std::string_view content_type() const override { return "application/json"; }
    bool streams() const override { return false; }
    void record(std::string_view line, std::string& out) override { out.append(line); }
    void heartbeat(std::string& out) override { out.push_back(' '); }
    void fail(int status, std::string_view message, std::string& out) override {
        out.append(error_body(status, message));
    }
    std::string error_body(int status, std::string_view message) const override {
        return openai_ ? ollama::dialect_error(ollama::dialect::openai, status, message)
                       : ollama::native_error(message);
    }

private:
    bool openai_;
};

} // namespace

result<void> model_request::understand(std::string body, const model_interface& how, std::string_view id) {
    kind = how.kind;
    body_ = std::move(body);
    if (how.translate) {
        auto translated = how.translate(body_, id);
        if (!translated) return translated.error();
        kind = translated->kind;
        body_ = std::move(translated->body);
        writer = std::move(translated->writer);
    } else if (how.openai_embeddings) {
        auto translated = ollama::translate_embeddings(body_);
        if (!translated) return translated.error();
        body_ = std::move(translated->body);
        embeddings_ = std::move(*translated);
    }
    auto native = ollama::read_native(kind, body_);
    if (!native) return native.error();
    native_ = std::move(*native);
    asked_model = native_.model;
    if (is_embedding(kind))
        writer = std::make_unique<whole_writer>(how.openai_embeddings);
    else if (!writer)
        writer = ollama::make_native_writer(kind, native_.stream, native_.model);
    return {};
}

std::size_t model_request::memory() const noexcept {
    return body_.capacity() + prefixes.capacity() * sizeof(ollama::prompt_prefix) +
           (native_.members.capacity() + native_.options.capacity()) * sizeof(ollama::json_member);
}

result<void> model_request::prepare(const ollama::call_policy& policy, ollama::pruning_policy pruning) {
    model = policy.model;
    edits = ollama::edited_text{body_};
    pruned.bytes_before = pruned.bytes_after = body_.size();
    const auto per_byte = 1.0 / pruning.bytes_per_token;
    if (!is_embedding(kind)) {
        std::vector<ollama::native_message> messages;
        if (kind == call_kind::chat) {
            auto read = ollama::read_messages(native_);
            if (!read) return read.error();
            messages = std::move(*read);
        }
        pruning.context_tokens = std::min(pruning.context_tokens, policy.runner.num_ctx);
        pruned = ollama::prune(native_, pruning, edits);
        foreign_runner = ollama::would_reload(native_, policy.runner);
        prefixes = ollama::prefixes_of(native_, messages, model, per_byte);
    }
    if (auto ok = ollama::set_parameters(native_, policy, edits); !ok) return ok;
    // Of what goes beyond the context nothing is evaluated.
    prompt_tokens = static_cast<std::uint32_t>(
        std::min(static_cast<double>(pruned.bytes_after) * per_byte,
                 static_cast<double>(std::max(policy.runner.num_ctx, 1))));
    native_ = {};
    return {};
}

result<std::string> model_request::embeddings_answer(std::string_view whole) const {
    if (embeddings_) return ollama::embeddings_answer(*embeddings_, whole);
    if (auto members = ollama::scan_object(whole); !members) return members.error();
    return std::string{whole};
}

std::optional<ollama::final_numbers> embedding_numbers(std::string_view whole) {
    const auto members = ollama::scan_object(whole);
    if (!members) return std::nullopt;
    std::string numbers = "{";
    for (const auto& m : *members)
        if (m.kind == ollama::json_kind::number)
            numbers.append(numbers.size() > 1 ? ",\"" : "\"").append(m.key).append("\":").append(m.value);
    return ollama::numbers_of(numbers + "}");
}

} // namespace clawgate::app
