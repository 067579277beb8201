#pragma once
// OpenAI's and Anthropic's interfaces, translated to Ollama's native one and back. What cannot be carried
// over faithfully is refused with a sentence (errc::bad_request), never dropped silently; docs/api.md lists
// every field.

#include "core/error.hpp"
#include "ollama_client/request.hpp"
#include "ollama_client/response_writer.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace clawgate::ollama {

enum class dialect { openai, anthropic };

struct translated_request {
    call_kind kind = call_kind::chat;
    std::string body;  ///< a native request, stream true; parameters.hpp still has to set the parameters
    std::string model; ///< as the caller named it
    /// Turns the native records into the caller's form.
    std::unique_ptr<response_writer> writer;
};

/// POST /v1/chat/completions, /v1/completions, /v1/messages. `id`: unique, part of the answer's id.
[[nodiscard]] result<translated_request> translate_chat_completions(std::string_view body,
                                                                    std::string_view id);
[[nodiscard]] result<translated_request> translate_completions(std::string_view body, std::string_view id);
[[nodiscard]] result<translated_request> translate_messages(std::string_view body, std::string_view id);

/// POST /v1/embeddings ↔ /api/embed. The answer of /api/embed is one object, not a stream.
struct translated_embeddings {
    std::string body; ///< of /api/embed
    std::string model;
    bool base64 = false; ///< encoding_format
};
[[nodiscard]] result<translated_embeddings> translate_embeddings(std::string_view body);
[[nodiscard]] result<std::string> embeddings_answer(const translated_embeddings& r,
                                                    std::string_view native_answer);

/// Whether a model, named with its tag, can be called.
using model_filter = std::function<bool(std::string_view)>;
/// GET /v1/models and /v1/models/<id>, from the answer of /api/tags: only what can be called. The second is
/// not_found without that model.
[[nodiscard]] result<std::string> models_answer(std::string_view tags, const model_filter& served);
[[nodiscard]] result<std::string> model_answer(std::string_view tags, std::string_view id,
                                               const model_filter& served);

/// {"error":{"message","type","param","code"}} or {"type":"error","error":{"type","message"}}.
[[nodiscard]] std::string dialect_error(dialect d, int status, std::string_view message);

} // namespace clawgate::ollama
