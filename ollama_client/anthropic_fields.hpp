#pragma once
#include "ollama_client/json_fields.hpp"

namespace clawgate::ollama {

/// Anthropic's "system" and "messages", as native messages.
[[nodiscard]] ordered_json read_anthropic_messages(fields& f);

} // namespace clawgate::ollama
