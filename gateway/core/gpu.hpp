#pragma once
// Graphics cards as CLAWGATE_GPU names them, and the presets that they begin with. Pure.

#include "core/error.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate {

struct gpu {
    std::string name;     ///< as nvidia-smi or the user says it; may be empty
    std::int64_t mib = 0; ///< all of its memory
    friend bool operator==(const gpu&, const gpu&) = default;
};

/// In GB of 1024 MiB, as cards are sold and as every number of the plan is given.
[[nodiscard]] double memory_of(std::span<const gpu> cards);

/// "NVIDIA GeForce RTX 4090:24564,:24564", or "none" for no card at all. errc::invalid_config says what is
/// wrong.
[[nodiscard]] result<std::vector<gpu>> parse_gpus(std::string_view text);
/// What parse_gpus() takes.
[[nodiscard]] std::string format_gpus(std::span<const gpu> cards);
/// For people: "2 × NVIDIA GeForce RTX 4090".
[[nodiscard]] std::string describe_gpus(std::span<const gpu> cards);

/// Where the variables start that the user did not set, on a card of this kind. Whether they fit is another
/// question: core/vram_plan.hpp.
struct gpu_preset {
    std::string_view name; ///< as OPENCLAW_GPU_PRESET takes it
    std::int64_t mib = 0;  ///< of one such card, as nvidia-smi reports it
    int context = 0;       ///< tokens: NUM_CTX, CONTEXT_TOKENS and OLLAMA_CONTEXT_LENGTH together
    int parallel = 0;
    std::string_view kv_cache_type; ///< empty = the default
};

[[nodiscard]] std::span<const gpu_preset> gpu_presets();

/// The preset that a card's name or a user's word means, in any case and with or without the maker's name:
/// "rtx4090", "RTX 4090", "NVIDIA GeForce RTX 4090", "6000 ada". Null for others.
[[nodiscard]] const gpu_preset* find_preset(std::string_view name);

struct preset_choice {
    const gpu_preset* preset = nullptr; ///< null: the defaults are the start
    std::string reason;                 ///< for people
};
/// By the name of the card; where that says nothing, or there are several cards, by the class of their memory
/// (24 GB, 48 GB, 80 GB and more).
[[nodiscard]] preset_choice choose_preset(std::span<const gpu> cards);

} // namespace clawgate
