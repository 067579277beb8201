#pragma once
// How much GPU memory a model needs, from what the model server tells of it.

#include "core/vram.hpp"
#include "ollama_client/server_call.hpp"

#include <string>
#include <string_view>

namespace clawgate::ollama {

/// From the answers to /api/show (layers, heads and their sizes: `<arch>.block_count`,
/// `.attention.head_count_kv`, `.key_length`, `.value_length`) and /api/tags (the size of the weights). An
/// upper bound where layers share or window their context. For an embedding model only the base counts.
/// errc::bad_upstream names what is missing.
[[nodiscard]] result<model_memory> read_model_memory(const std::string& model, std::string_view show,
                                                     std::string_view tags);

/// Asks the server. errc::not_found when it has no such model, errc::unreachable, errc::timeout,
/// errc::bad_upstream.
[[nodiscard]] net::awaitable<result<model_memory>> ask_model_memory(server_link link, std::string model);

} // namespace clawgate::ollama
