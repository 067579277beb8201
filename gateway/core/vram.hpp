#pragma once
// How much GPU memory models need. All numbers are estimates, in GB of 1024 MiB. Pure.
//
// Ollama gives every request that it serves at once a context window of its own (facts/ollama.md), so a model
// needs
//     base + requests × memory of one context,
// and what a context takes grows with the bytes of a KV cache element.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate {

struct context_point {
    int tokens = 0;
    double gb = 0; ///< of one context window at q8_0, beyond the base
};

struct model_memory {
    std::string name; ///< with its tag
    double base = 0;  ///< weights and buffers
    /// Ascending; between two points, and beyond the last, on a straight line.
    std::vector<context_point> context;
    int most_context = 0;     ///< tokens it was trained for: Ollama gives a request no more; 0 = unknown
    bool one_request = false; ///< of a family that Ollama serves one request at a time
    std::string source;       ///< for people
};

/// From the table of GLM-4.7-Flash, the only model that is known without asking: `glm-4.7-flash` of Ollama's
/// library in its usual precision. The table gives totals for one request; they are taken as those of the
/// default KV cache type, q8_0 (docs/decisions/0011-fit-the-gpu.md).
[[nodiscard]] std::optional<model_memory> known_model_memory(std::string_view model);

/// Bytes of a KV cache element relative to q8_0; 1 for a type that is not known.
[[nodiscard]] double kv_factor(std::string_view kv_cache_type);

/// Of one context window of so many tokens.
[[nodiscard]] double context_memory(const model_memory& m, int tokens, std::string_view kv_cache_type);

/// nomic-embed-text with its buffers; counted for any embedding model of which nothing is known.
inline constexpr double usual_embedding_memory = 0.5;

struct vram_settings {
    int context = 0;  ///< tokens of one request
    int parallel = 0; ///< requests at once
    std::string kv_cache_type;
    friend bool operator==(const vram_settings&, const vram_settings&) = default;
};

struct model_need {
    std::string name;
    double base = 0;
    int context = 0;  ///< tokens that it really gets
    int requests = 0; ///< that it really serves at once
    double each = 0;  ///< of one context window
    std::string source;
    [[nodiscard]] double total() const { return base + requests * each; }
};

struct vram_need {
    std::vector<model_need> models;
    double embedding = 0;
    std::string kv_cache_type; ///< that was counted with
    [[nodiscard]] double total() const;
};

[[nodiscard]] vram_need need_of(const std::vector<model_memory>& models, double embedding,
                                const vram_settings& s);

} // namespace clawgate
