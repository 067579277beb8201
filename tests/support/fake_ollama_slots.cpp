#include "support/fake_ollama_slots.hpp"

#include <algorithm>

namespace clawgate::support {

namespace {
/// Below this share of the prompt a common beginning does not decide (llama-server's slot-prompt-similarity).
constexpr double least_similarity = 0.1;
} // namespace

std::size_t tokens_of_bytes(std::size_t bytes) {
    return std::max<std::size_t>(1, bytes / 4);
}

std::size_t common_prefix(std::string_view a, std::string_view b) {
    const auto shorter = std::min(a.size(), b.size());
    const auto end = a.begin() + static_cast<std::ptrdiff_t>(shorter);
    return static_cast<std::size_t>(std::mismatch(a.begin(), end, b.begin()).first - a.begin());
}

prefix_slots::prefix_slots(std::size_t count)
    : slots_(std::max<std::size_t>(1, count)) {}

std::optional<slot_choice> prefix_slots::take(std::string_view prompt) {
    std::optional<slot_choice> similar;
    std::optional<slot_choice> oldest;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const auto& s = slots_[i];
        if (s.busy) continue;
        const slot_choice here{i, common_prefix(s.text, prompt)};
        const auto share = prompt.empty() ? 0.0 : double(here.common) / double(prompt.size());
        if (share > least_similarity && (!similar || here.common > similar->common)) similar = here;
        if (!oldest || s.last_used < slots_[oldest->slot].last_used) oldest = here;
    }
    const auto choice = similar ? similar : oldest;
    if (choice) {
        slots_[choice->slot].busy = true;
        slots_[choice->slot].text = prompt;
    }
    return choice;
}

void prefix_slots::append(std::size_t index, std::string_view text) {
    slots_.at(index).text += text;
}

void prefix_slots::keep(std::size_t index, std::size_t bytes) {
    auto& text = slots_.at(index).text;
    text.resize(std::min(text.size(), bytes));
}

void prefix_slots::release(std::size_t index) {
    auto& s = slots_.at(index);
    s.busy = false;
    s.last_used = ++uses_;
}

void prefix_slots::leak(std::size_t index) {
    slots_.at(index).leaked = true;
}

std::size_t prefix_slots::free_count() const {
    return static_cast<std::size_t>(
        std::count_if(slots_.begin(), slots_.end(), [](const slot& s) { return !s.busy; }));
}

std::vector<slot_view> prefix_slots::view() const {
    std::vector<slot_view> all;
    for (const auto& s : slots_)
        all.push_back({s.busy, s.leaked, s.text.size()});
    return all;
}

} // namespace clawgate::support
