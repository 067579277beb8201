#include "ollama_client/call_cost.hpp"

#include <algorithm>

namespace clawgate::ollama {
namespace {

std::uint32_t tokens(std::uint64_t n) noexcept {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, UINT32_MAX));
}

/// Of a prompt whose evaluation was given up.
std::uint32_t evaluated(const call_course& c) noexcept {
    if (c.prompt_tokens_a_second <= 0) return 0;
    const auto seconds = std::chrono::duration<double>(c.ran).count();
    const auto most = static_cast<double>(std::max(c.estimated_prompt, 1u));
    return static_cast<std::uint32_t>(std::clamp(seconds * c.prompt_tokens_a_second, 1.0, most));
}

} // namespace

call_cost cost_of(const call_course& c) noexcept {
    if (c.numbers)
        return {tokens(c.numbers->prompt_tokens),
                std::max(tokens(std::max(c.numbers->answer_tokens, c.records)), 1u)};
    if (c.records > 0) return {0, tokens(c.records)};
    if (!c.taken) return {1, 1};
    return {evaluated(c), 1};
}

} // namespace clawgate::ollama
