#pragma once
// Fields that OpenAI's chat completions and completions have in common.

#include "ollama_client/json_fields.hpp"
#include "ollama_client/translated_writers.hpp"

namespace clawgate::ollama {

/// What is to become a native request, and how it is to be answered.
struct openai_request {
    ordered_json native;  ///< "model" and "stream" are set
    ordered_json options; ///< of the native request
    answer_form form;
};

/// model, stream, stream_options, the sampling parameters and the limits of the answer's length; refuses n,
/// logit_bias, store, modalities and the like where they ask for what cannot be given.
[[nodiscard]] openai_request read_common_fields(fields& f, std::string_view id);

/// "messages", as native messages.
[[nodiscard]] ordered_json read_chat_messages(fields& f, json_parser& parser);

} // namespace clawgate::ollama
