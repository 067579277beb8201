#pragma once
// Where the prompt of a call may have the same beginning as another one: what admission compares with the
// prompts that the server's slots hold.

#include "ollama_client/admission.hpp"
#include "ollama_client/request.hpp"

#include <string_view>
#include <vector>

namespace clawgate::ollama {

/// After the tools and after each message of a chat; in a generate call after each KiB. Two models share no
/// prefix, since their slots are not the same. `messages` are those of `request` before pruning: both turns of a
/// conversation are then compared by the same measure, though the length counts what pruning takes away.
[[nodiscard]] std::vector<prompt_prefix> prefixes_of(const native_request& request,
                                                     const std::vector<native_message>& messages,
                                                     std::string_view model, double tokens_per_byte);

} // namespace clawgate::ollama
