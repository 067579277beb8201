#include "core/vram.hpp"

#include "core/model_names.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace clawgate {
namespace {

// GLM-4.7-Flash, one request: tokens and the total in GB. Whole numbers, so the first rows' context is lost
// in the rounding.
struct total_point {
    int tokens;
    double gb;
};
constexpr std::array glm_totals{
    total_point{4096, 17},  total_point{8192, 18},  total_point{16384, 19},  total_point{32768, 20},
    total_point{65536, 23}, total_point{86016, 25}, total_point{131072, 30}, total_point{200000, 48},
};
constexpr int glm_trained_for = 202752;

// Bytes of an element. A quantised type keeps blocks of 32 elements with their scale (llama.cpp,
// ggml-common.h).
struct kv_type {
    std::string_view name;
    double bytes;
};
constexpr std::array kv_types{
    kv_type{"f32", 4},          kv_type{"f16", 2},          kv_type{"bf16", 2},
    kv_type{"q8_0", 34.0 / 32}, kv_type{"q5_1", 24.0 / 32}, kv_type{"q5_0", 22.0 / 32},
    kv_type{"q4_1", 20.0 / 32}, kv_type{"q4_0", 18.0 / 32}, kv_type{"iq4_nl", 18.0 / 32},
};
constexpr double reference_bytes = 34.0 / 32;

// Of one context at the reference type.
double interpolate(const std::vector<context_point>& points, int tokens) {
    if (points.empty() || tokens <= points.front().tokens) return points.empty() ? 0 : points.front().gb;
    if (points.size() == 1) return points.front().gb;
    auto upper = std::find_if(points.begin() + 1, points.end(),
                              [&](const context_point& p) { return p.tokens >= tokens; });
    if (upper == points.end()) --upper; // the last straight line goes on
    const auto& a = *std::prev(upper);
    const auto& b = *upper;
    return a.gb + (b.gb - a.gb) * (tokens - a.tokens) / (b.tokens - a.tokens);
}

} // namespace

std::optional<model_memory> known_model_memory(std::string_view model) {
    const auto name = full_model_name(model);
    if (name != "glm-4.7-flash:latest" && name != "glm-4.7-flash:q4_K_M") return std::nullopt;
    model_memory m;
    m.name = name;
    m.base = glm_totals.front().gb;
    for (const auto& p : glm_totals)
        m.context.push_back({p.tokens, p.gb - m.base});
    m.most_context = glm_trained_for;
    m.source = "table for GLM-4.7-Flash";
    return m;
}

double kv_factor(std::string_view kv_cache_type) {
    const auto found = std::find_if(kv_types.begin(), kv_types.end(),
                                    [&](const kv_type& t) { return t.name == kv_cache_type; });
    return found == kv_types.end() ? 1 : found->bytes / reference_bytes;
}

double context_memory(const model_memory& m, int tokens, std::string_view kv_cache_type) {
    const int given = m.most_context > 0 ? std::min(tokens, m.most_context) : tokens;
    return interpolate(m.context, given) * kv_factor(kv_cache_type);
}

double vram_need::total() const {
    return std::accumulate(models.begin(), models.end(), embedding,
                           [](double sum, const model_need& m) { return sum + m.total(); });
}

vram_need need_of(const std::vector<model_memory>& models, double embedding, const vram_settings& s) {
    vram_need need;
    need.embedding = embedding;
    need.kv_cache_type = s.kv_cache_type;
    for (const auto& m : models)
        need.models.push_back(
            {m.name, m.base, m.most_context > 0 ? std::min(s.context, m.most_context) : s.context,
             m.one_request ? 1 : s.parallel, context_memory(m, s.context, s.kv_cache_type), m.source});
    return need;
}

} // namespace clawgate
