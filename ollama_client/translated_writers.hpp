#pragma once
// Answers in the forms of OpenAI and Anthropic.

#include "ollama_client/response_writer.hpp"

#include <memory>
#include <string>

namespace clawgate::ollama {

struct answer_form {
    std::string id;    ///< unique, without the interface's prefix
    std::string model; ///< as the caller named it
    bool stream = false;
    bool include_usage = false;    ///< OpenAI: a last chunk with the token counts
    bool logprobs = false;         ///< OpenAI: pass them on
    bool single_tool_call = false; ///< the caller takes one tool call at most: later ones are left out
};

[[nodiscard]] std::unique_ptr<response_writer> make_chat_completion_writer(answer_form form);
[[nodiscard]] std::unique_ptr<response_writer> make_completion_writer(answer_form form);
[[nodiscard]] std::unique_ptr<response_writer> make_message_writer(answer_form form);

} // namespace clawgate::ollama
