#pragma once
// One record of the server's stream, as the writers of other interfaces need it; or several, folded.

#include "ollama_client/json_fields.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama {

struct native_record {
    struct tool_call {
        std::string id; ///< empty when the server gave none
        std::string name;
        ordered_json arguments = ordered_json::object();
    };

    std::string text; ///< of chat's message.content, or generate's response
    std::string thinking;
    std::vector<tool_call> tool_calls;
    ordered_json logprobs = ordered_json::array();
    bool done = false;
    bool cut_off = false; ///< done_reason "length"
    std::uint64_t prompt_tokens = 0;
    std::uint64_t answer_tokens = 0;

    /// What comes next in the same answer.
    void append(native_record next);
};

/// Never fails: members of a wrong type are as if absent, bytes that are not UTF-8 become U+FFFD, and what is
/// no JSON object at all is an empty record.
[[nodiscard]] native_record read_record(std::string_view line);

/// A member of an object of the server's; empty when it is absent or of another type.
[[nodiscard]] std::string string_of(const ordered_json& object, const char* key);

/// A tool call's id, the same for the same call: `prefix` and 24 hexadecimal digits.
[[nodiscard]] std::string made_up_id(std::string_view prefix, std::string_view answer_id, std::size_t index);

} // namespace clawgate::ollama
