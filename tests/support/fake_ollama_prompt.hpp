#pragma once
// The text that a model sees of a request, and what of it may be dropped. Any template would do, as long as
// a conversation's next turn begins with the text of the turn before and its answer.

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

namespace clawgate::support {

/// What an assistant's message adds to the text: thinking, content and tool calls (without their ids).
[[nodiscard]] std::string assistant_text(const nlohmann::json& message);

/// Of a decoded chat request: tools, then the messages, then the beginning of an answer. Over `limit` tokens
/// the oldest messages that are not the system's are left out, the last one never.
[[nodiscard]] std::string chat_prompt(const nlohmann::json& request, std::size_t limit);
/// Of a decoded generate request.
[[nodiscard]] std::string generate_prompt(const nlohmann::json& request);

} // namespace clawgate::support
