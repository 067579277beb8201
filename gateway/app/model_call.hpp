#pragma once
// One call of the model API, from its body to the last byte of its answer: understood, its parameters set,
// its turn waited for, and its answer streamed with signs of life in every silence (docs/architecture.md,
// "The life of a model call").

#include "app/client_side.hpp"
#include "app/exchange.hpp"
#include "app/proxy.hpp"
#include "ollama_client/translation.hpp"

namespace clawgate::app {

/// How a body of an interface becomes a native request.
struct model_interface {
    ollama::call_kind kind = ollama::call_kind::chat;
    /// Null for Ollama's own.
    result<ollama::translated_request> (*translate)(std::string_view body, std::string_view id) = nullptr;
    bool openai_embeddings = false;
};

/// Serves the call; the result is as proxy()'s.
[[nodiscard]] net::awaitable<proxy_result> serve_model_call(client_side& client, exchange& x,
                                                            std::size_t head_bytes, model_interface how);

} // namespace clawgate::app
