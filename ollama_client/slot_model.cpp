#include "ollama_client/slot_model.hpp"

#include <algorithm>

namespace clawgate::ollama {
namespace {

/// llama-server's --slot-prompt-similarity: a common prefix that is no larger a share of the prompt is
/// ignored.
constexpr double least_similarity = 0.1;

} // namespace

std::uint32_t common_prefix(const std::vector<prompt_prefix>& a,
                            const std::vector<prompt_prefix>& b) noexcept {
    // Most prompts have nothing in common: a look at the first boundary is enough.
    if (a.empty() || b.empty() || a.front().hash != b.front().hash) return 0;
    // Each hash covers everything before it: equal up to some boundary, different from there on.
    std::size_t equal = 1;
    std::size_t different = std::min(a.size(), b.size());
    while (equal < different) {
        const std::size_t middle = equal + (different - equal) / 2;
        if (a[middle].hash == b[middle].hash) {
            equal = middle + 1;
        } else {
            different = middle;
        }
    }
    return b[equal - 1].tokens;
}

slot_model::slot_model(unsigned slots)
    : slots_(slots)
    , wanted_{slots} {}

std::size_t slot_model::in_service() const noexcept {
    return static_cast<std::size_t>(std::count_if(
        slots_.begin(), slots_.end(), [](const slot_cache& s) { return s.state != slot_state::retired; }));
}

void slot_model::resize(unsigned slots) {
    wanted_ = slots;
    std::size_t there = in_service();
    for (slot_cache& s : slots_) {
        if (there > wanted_ && s.state == slot_state::free) {
            s.state = slot_state::retired;
            s.prompt.clear();
            --there;
        } else if (there < wanted_ && s.state == slot_state::retired) {
            s.state = slot_state::free;
            s.used = 0;
            ++there;
        }
    }
    for (; there < wanted_; ++there)
        slots_.emplace_back();
}

std::uint32_t slot_model::held(std::size_t slot) const noexcept {
    const auto& prompt = slots_[slot].prompt;
    return prompt.empty() ? 0 : prompt.back().tokens;
}

std::uint32_t slot_model::shared(std::size_t slot, const std::vector<prompt_prefix>& prompt) const noexcept {
    return common_prefix(slots_[slot].prompt, prompt);
}

std::uint32_t slot_model::reusable(std::size_t slot,
                                   const std::vector<prompt_prefix>& prompt) const noexcept {
    const std::uint32_t tokens = shared(slot, prompt);
    return tokens > least_similarity * (prompt.empty() ? 0 : prompt.back().tokens) ? tokens : 0;
}

std::size_t slot_model::choose(const std::vector<prompt_prefix>& prompt) const noexcept {
    std::size_t longest = slots_.size();
    std::uint32_t longest_tokens = 0;
    std::size_t oldest = slots_.size();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (!is_free(i)) continue;
        const std::uint32_t tokens = reusable(i, prompt);
        if (tokens > longest_tokens) {
            longest_tokens = tokens;
            longest = i;
        }
        if (oldest == slots_.size() || slots_[i].used < slots_[oldest].used) oldest = i;
    }
    return longest_tokens > 0 ? longest : oldest;
}

void slot_model::take(std::size_t slot, std::vector<prompt_prefix> prompt) {
    slots_[slot].prompt = std::move(prompt);
    slots_[slot].state = slot_state::busy;
}

void slot_model::release(std::size_t slot) {
    slots_[slot].used = ++uses_; // the server counts from the end of a call, too
    slots_[slot].state = slot_state::free;
    if (in_service() > wanted_) {
        slots_[slot].state = slot_state::retired;
        slots_[slot].prompt.clear();
    }
}

} // namespace clawgate::ollama
