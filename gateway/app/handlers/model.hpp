#pragma once
// The routes of the model API.

#include "app/exchange.hpp"
#include "app/proxy.hpp"

namespace clawgate::app {

struct worker;

/// "Ollama is running", as its clients expect it.
net::awaitable<void> say_running(worker&, exchange&);

using serve = net::awaitable<proxy_result>(client_side&, exchange&, std::size_t head_bytes);

/// Passed to the server as it is, but for credentials.
serve ask_model_server;
/// The same, and what is known of the models is looked up anew afterwards.
serve change_models;

// Each takes its turn; see app/model_call.hpp.
serve chat;
serve generate;
serve embed;
serve embed_one;
serve chat_completions;
serve completions;
serve messages;
serve openai_embeddings;

serve list_models;
serve describe_model;
/// 501.
serve not_translated;

} // namespace clawgate::app
