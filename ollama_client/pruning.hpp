#pragma once
// Shortens old tool results of a long conversation, so that it fits its context without losing its course.
// Pure: the same messages always give the same edits, and a conversation that grows keeps its beginning byte
// for byte the same from turn to turn but at few, coarse steps, so that the server's prefix cache survives
// (spec: OPENCLAW_PRUNING_MODE).

#include "core/config.hpp"
#include "ollama_client/edited_text.hpp"
#include "ollama_client/request.hpp"

namespace clawgate::ollama {

struct pruning_policy {
    pruning_mode mode = pruning_mode::adaptive;
    int context_tokens = 131072;
    int keep_last_assistants = 3;
    double soft_trim_ratio = 0.3;
    double hard_clear_ratio = 0.5;
    double bytes_per_token = 3.6; ///< calibrated from prompt_eval_count
};
[[nodiscard]] pruning_policy pruning_for(const behaviour_options& b);

struct pruning_report {
    std::size_t trimmed = 0; ///< tool results that were shortened
    std::size_t cleared = 0; ///< … and replaced as a whole
    std::size_t bytes_before = 0;
    std::size_t bytes_after = 0;
};

/// Adds the edits to `to`; only the "content" of messages with role "tool" is touched, never a system prompt,
/// a user's message, an assistant's (its thinking and tool_calls included), nor anything from the
/// keep_last_assistants-th last assistant message on. No message is removed, so no tool call loses its
/// result.
pruning_report prune(const native_request& r, const pruning_policy& p, edited_text& to);

/// Bytes per token of one model, learned from what the server counted. Moves slowly, and in coarse steps, as
/// pruning depends on it.
class token_calibration {
public:
    void learn(std::size_t prompt_bytes, std::uint64_t prompt_tokens) noexcept;
    [[nodiscard]] double bytes_per_token() const noexcept;

private:
    double mean_ = 0;
    double step_ = 3.6;
};

} // namespace clawgate::ollama
