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

/// The bytes are those of the prompt: tools and messages as they stand, with a picture counted at a flat
/// rate; for other calls than chat the
/// whole body.
struct pruning_report {
    std::size_t trimmed = 0; ///< tool results that were shortened
    std::size_t cleared = 0; ///< … and replaced as a whole
    std::size_t bytes_before = 0;
    std::size_t bytes_after = 0; ///< what token_calibration wants
};

/// Adds the edits to `to`; only the "content" of messages with role "tool" is touched, never a system prompt,
/// a user's message, an assistant's (its thinking and tool_calls included), nor anything from the
/// keep_last_assistants-th last assistant message on (at least from the last one on: the model was not yet
/// shown what follows it). No message is removed, so no tool call loses its result, and none grows.
/// - adaptive: above the soft ratio the oldest results keep their first 1500 and last 500 characters; above
///   the hard ratio the oldest are replaced by a short note.
/// - aggressive: all of them but the protected ones; 500 and 200 characters from half the soft ratio on, and
///   the note from the soft ratio on.
/// Each step saves at least an eighth of the context, so the prompt may be that much above its ratio.
/// The caller resends the originals: decisions depend on nothing else. A request whose messages cannot be
/// read is left as it is.
pruning_report prune(const native_request& r, const pruning_policy& p, edited_text& to);

/// Bytes per token of one model, learned from what the server counted. Moves slowly, and in coarse steps, as
/// pruning depends on it.
class token_calibration {
public:
    /// `prompt_bytes` of the pruned prompt as in pruning_report, `prompt_tokens` the server's
    /// prompt_eval_count. Short prompts teach nothing.
    void learn(std::size_t prompt_bytes, std::uint64_t prompt_tokens) noexcept;
    /// From 1.5 to 8; changes by a tenth at least.
    [[nodiscard]] double bytes_per_token() const noexcept;

private:
    double mean_ = 0; ///< 0: nothing was learned yet
    double step_ = 3.6;
};

} // namespace clawgate::ollama
