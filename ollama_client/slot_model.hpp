#pragma once
// A guess at what each slot of the model server still has in its cache. The server is not asked: it is known
// how llama-server chooses a slot, so the same choice is made here. A wrong guess costs prefill, nothing
// else.

#include "ollama_client/admission.hpp"

#include <cstdint>
#include <vector>

namespace clawgate::ollama {

/// Tokens of the longest beginning, at a message boundary, that both prompts share.
[[nodiscard]] std::uint32_t common_prefix(const std::vector<prompt_prefix>& a,
                                          const std::vector<prompt_prefix>& b) noexcept;

class slot_model {
public:
    explicit slot_model(unsigned slots);

    /// Fewer: free slots go at once, busy ones when they are released.
    void resize(unsigned slots);
    /// Of the slots that there are or were: indexes stay valid for ever.
    [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
    [[nodiscard]] bool is_free(std::size_t slot) const noexcept {
        return slots_[slot].state == slot_state::free;
    }
    /// Tokens of the prompt that the slot holds.
    [[nodiscard]] std::uint32_t held(std::size_t slot) const noexcept;
    /// How many of the prompt's tokens the slot would not have to compute again. 0 where they are so small a
    /// share of the prompt that the server would not look for them.
    [[nodiscard]] std::uint32_t reusable(std::size_t slot,
                                         const std::vector<prompt_prefix>& prompt) const noexcept;
    /// Tokens of its own prompt that the slot and this prompt have in common, however few they are.
    [[nodiscard]] std::uint32_t shared(std::size_t slot,
                                       const std::vector<prompt_prefix>& prompt) const noexcept;
    /// The free slot that the server would take: of the longest common prefix, else the least recently used.
    /// There must be one.
    [[nodiscard]] std::size_t choose(const std::vector<prompt_prefix>& prompt) const noexcept;

    void take(std::size_t slot, std::vector<prompt_prefix> prompt);
    void release(std::size_t slot);

private:
    enum class slot_state { free, busy, retired };
    struct slot_cache {
        std::vector<prompt_prefix> prompt; ///< the last one that it served, or serves
        std::uint64_t used = 0;            ///< a counter, not a time: only the order matters
        slot_state state = slot_state::free;
    };

    [[nodiscard]] std::size_t in_service() const noexcept;

    std::vector<slot_cache> slots_;
    std::size_t wanted_;
    std::uint64_t uses_ = 0;
};

} // namespace clawgate::ollama
