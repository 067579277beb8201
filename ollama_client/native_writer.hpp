#pragma once
// Answers in Ollama's own form.

#include "ollama_client/request.hpp"
#include "ollama_client/response_writer.hpp"

namespace clawgate::ollama {

/// Streams pass as they come, a line at a time; `model` is the caller's name for the model, for heartbeats.
/// Otherwise the stream is folded into the one object that Ollama would have sent: content, thinking and
/// response concatenated, tool_calls and logprobs appended, everything else from the final record. A record
/// that is no JSON object ends the answer as fail() does. Embeddings are one object, which passes as it is.
[[nodiscard]] std::unique_ptr<response_writer> make_native_writer(call_kind kind, bool stream,
                                                                  std::string model);

} // namespace clawgate::ollama
