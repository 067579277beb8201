#include "ollama_client/model_slots.hpp"

#include <algorithm>
#include <array>

namespace clawgate::ollama {

unsigned slots_of(const model_facts& facts, unsigned parallel) noexcept {
    // Ollama also knows them under the names of their kinds: "qwen35moe", "nemotron_h_moe" …
    constexpr std::array<std::string_view, 5> families{"qwen3vl", "qwen35", "qwen3next", "lfm2",
                                                       "nemotron_h"};
    const std::string_view architecture = facts.architecture;
    const bool one = facts.embedding || std::any_of(families.begin(), families.end(), [&](auto family) {
                         return architecture.starts_with(family);
                     });
    return one ? 1 : std::max(parallel, 1u);
}

unsigned model_slots::of(std::string_view model) const {
    const auto found = known_.find(model);
    return found == known_.end() ? std::max(parallel_, 1u) : found->second;
}

unsigned model_slots::sure(std::string_view model) const {
    if (ours_) return of(model);
    const auto found = seen_.find(model);
    return std::clamp(found == seen_.end() ? 1u : found->second.most, 1u, of(model));
}

void model_slots::answer_began(const std::string& model) {
    auto& a = seen_[model];
    a.most = std::max(a.most, ++a.now);
}

void model_slots::answer_ended(const std::string& model) {
    if (auto& a = seen_[model]; a.now > 0) --a.now;
}

} // namespace clawgate::ollama
