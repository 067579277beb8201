#pragma once
// What the door sets in a request before the model sees it. A pure function: decisions in, edits out.

#include "core/config.hpp"
#include "ollama_client/edited_text.hpp"
#include "ollama_client/request.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama {

/// What /api/show says of a model.
struct model_facts {
    std::string name; ///< with its tag
    bool thinking = false;
    bool tools = false;
    bool vision = false;
    bool embedding = false;
    int context_length = 0; ///< tokens it was trained for; 0 = unknown
    std::string architecture; ///< "glm4moelite", "qwen35" …; empty = unknown
    bool known = false;     ///< false: the server was not asked yet; nothing is assumed
};

/// A model family with settings of its own: the sampling that its makers recommend, used where the user set
/// no variable.
struct model_profile {
    /// In lower case, found at the beginning of a word of the model's name, which is taken without registry,
    /// user and tag; the longest one that is found wins: "glm-4.7-flash", "qwen3-coder" …
    std::string_view family;
    std::optional<double> temperature;
    std::optional<double> top_p;
    std::optional<int> top_k;
    std::optional<double> min_p;
    std::optional<double> repeat_penalty;
    bool force_repeat_penalty = false; ///< whoever asks: glm-4.7 stays at 1.0 (spec)
    /// What applies instead when the model does not think, or null.
    const model_profile* without_thinking = nullptr;
};
/// The last profile matches every model and sets nothing.
[[nodiscard]] const model_profile& profile_of(std::string_view model) noexcept;

/// The options that would reload a shared model if two callers differed in them: the same for everybody.
struct runner_options {
    int num_ctx = 131072;
    int num_gpu = 999;
    std::optional<int> num_batch; ///< nothing: whatever a caller sends is removed
    bool shift = false;
    std::string keep_alive; ///< as JSON: a number of seconds ("-1"), or a duration with its quotes ("\"5m\"")
};
/// From the configuration. keep_alive "-1" becomes the number, "5m" the quoted string.
[[nodiscard]] runner_options shared_runner(const config& c);
/// Whether a model that was loaded so stays in memory for ever: a negative keep_alive, in either form.
[[nodiscard]] bool keeps_for_ever(const runner_options& r) noexcept;
/// Whether the server would load the model anew for this request, as it came, if the others are as `r` says
/// (facts/ollama.md, Options). Of embedding calls: no.
[[nodiscard]] bool would_reload(const native_request& request, const runner_options& r);
/// `{"num_ctx":…,"num_gpu":…}`: what a warm-up must send too, to the byte the same values.
[[nodiscard]] std::string runner_options_json(const runner_options& r);

/// What applies to one caller and one model.
struct call_policy {
    std::string model;                        ///< sent upstream: the name with its tag as it is loaded
    model_facts facts;                        ///< of that model
    sampling_options sampling;                ///< with the profile's recommendations and what it forces
    std::set<std::string, std::less<>> given; ///< of "TEMPERATURE", "TOP_P", "REPEAT_PENALTY", "MAX_TOKENS":
                                              ///< set by the user, so no profile replaces them
    param_policy parameters = param_policy::fill_in;
    runner_options runner;
    bool thinking = true;
    int max_context_tokens = 131072; ///< num_predict is capped by what the context can hold
};
/// Of an agent (its overrides included), or of a person (null). A model that was not named yet is the
/// agent's.
[[nodiscard]] call_policy policy_for(const config& c, const agent_options* agent, const model_facts& model);

/// Adds the edits that make `r` conform to `p`:
/// - model: replaced by p.model. stream: always true (a caller that wants one object gets the folded stream).
/// - chat and generate: temperature, top_p, repeat_penalty, num_predict, and what else the profile
/// recommends,
///   filled in where absent or null (fill_in), or always (force); what the profile forces is forced under
///   both. num_predict is capped at max_tokens and by the context; a negative one (endless) counts as absent,
///   and 0, which is endless to some of Ollama's engines and nothing to others, becomes 1. Options of a wrong
///   type were refused by read_native, in Ollama's words.
/// - num_ctx, num_gpu, num_batch, main_gpu, use_mmap, num_thread, shift, keep_alive: pinned, or removed where
///   nothing is pinned. truncate is left alone.
/// - think: absent becomes p.thinking when the model can think, and false otherwise; a true (or a level) for
///   a model that is known not to think becomes false. While the model is unknown a default of true is left
///   to the server, because it refuses it for models that cannot.
/// - embed and embeddings: only model, keep_alive and the runner options (num_ctx is the embedding model's
///   own business: removed).
/// One pass over the members; the edits never overlap the bytes of "messages", "prompt" and "input".
[[nodiscard]] result<void> set_parameters(const native_request& r, const call_policy& p, edited_text& to);

/// Tokens that a text of this many bytes is likely to have, before anything was measured (calibration.hpp
/// refines it).
inline constexpr double bytes_per_token = 3.6;

} // namespace clawgate::ollama
