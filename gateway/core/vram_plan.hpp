#pragma once
// What is set on a GPU of this size: a preset as the start, reduced until models and contexts fit. Pure, and
// the same in every program that reads the same variables: Ollama's environment (prepare), the options of
// every call (serve) and the agents' files agree because each derives them here. Why it is done this way:
// docs/decisions/0011-fit-the-gpu.md.

#include "core/config.hpp"
#include "core/gpu.hpp"
#include "core/options.hpp"
#include "core/vram.hpp"

#include <optional>
#include <string>
#include <vector>

namespace clawgate {

/// Kept free on each card, in GB: the driver's own, and what an estimate misses.
inline constexpr double headroom_of_a_gpu = 1.0;
/// The context is never reduced below this, and in steps of it.
inline constexpr int least_context = 4096;

struct vram_plan {
    std::vector<gpu> gpus;  ///< empty: not known, or none
    std::string gpu_source; ///< for people
    bool no_gpu = false;    ///< known to have none
    const gpu_preset* preset = nullptr;
    std::string preset_reason;

    vram_settings wanted;   ///< what the user set; the rest from the preset or the defaults
    vram_settings settings; ///< in effect: `wanted`, reduced
    /// The variables among OPENCLAW_NUM_CTX, OPENCLAW_CONTEXT_TOKENS, OLLAMA_CONTEXT_LENGTH,
    /// OLLAMA_NUM_PARALLEL and OLLAMA_KV_CACHE_TYPE that this plan decides.
    std::set<std::string, std::less<>> decides;

    std::string unknown; ///< why it cannot be said whether it fits; empty when it can
    std::vector<std::string> unknown_models;
    vram_need need;       ///< of `settings`; without the models that are not known
    double memory = 0;    ///< of all cards
    double available = 0; ///< without the headroom
    bool fits = false;    ///< only where `unknown` is empty

    std::vector<std::string> changes;  ///< what was reduced and why, for people
    std::vector<std::string> warnings; ///< what the user should change
};

/// Ignores the values of variables that the user did not set, so it comes to the same plan before and after
/// apply_plan(). `asked`: what the model server told of models that are not known otherwise; with it nothing
/// is reduced, because the programs that run could not know it either: what is in effect is judged.
[[nodiscard]] vram_plan plan_vram(const config& c, const std::vector<model_memory>& asked = {});

/// Puts the plan's values into the configuration, with their names into config::planned, and its warnings
/// into the outcome.
void apply_plan(load_outcome& out);

/// One line, for the log and the report of `clawgate prepare`.
[[nodiscard]] std::string summary(const vram_plan& plan);

/// "17.0 GB"
[[nodiscard]] std::string shown_gb(double gb);

} // namespace clawgate
