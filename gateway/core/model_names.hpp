#pragma once
// Names of models, and how many of them a pod uses at once.

#include "core/config.hpp"

#include <set>
#include <string>
#include <string_view>

namespace clawgate {

/// The name with its tag: `x` and `x:latest` are one model to Ollama.
[[nodiscard]] std::string full_model_name(std::string_view name);

/// The agents' models, each once, with their tags.
[[nodiscard]] std::set<std::string> chat_models(const config& c);

/// OLLAMA_MAX_LOADED_MODELS as the server gets it: what the user set, otherwise room for every model that the
/// agents use and for the embedding model, because one too few makes them evict each other (a memory search
/// would push the chat model out of GPU memory). 0 = Ollama decides.
[[nodiscard]] int max_loaded_models(const config& c);

/// Whether the embedding model can stay in GPU memory beside the agents' models.
[[nodiscard]] bool has_room_for_embedding(const config& c);

} // namespace clawgate
