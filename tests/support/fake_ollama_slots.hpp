#pragma once
// The slots of a loaded model and what each still holds of its last prompt, chosen as llama-server chooses: a
// free slot whose text begins as the new prompt does, else the one that has been idle for longest.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::support {

/// Four bytes a token, at least one.
[[nodiscard]] std::size_t tokens_of_bytes(std::size_t bytes);
/// Bytes that two texts have in common at their beginning.
[[nodiscard]] std::size_t common_prefix(std::string_view a, std::string_view b);

struct slot_choice {
    std::size_t slot = 0;
    std::size_t common = 0; ///< bytes of the prompt that need not be evaluated again
};

struct slot_view {
    bool busy = false;
    bool leaked = false;
    std::size_t cached = 0; ///< bytes
};

class prefix_slots {
public:
    explicit prefix_slots(std::size_t count);

    /// The slot for this prompt, busy from now on and holding it; nothing when none is free. A free slot that
    /// shares more than a tenth of the prompt is preferred, the one that shares most first.
    std::optional<slot_choice> take(std::string_view prompt);
    /// The model's own words stay in the slot too, so the next turn finds them.
    void append(std::size_t index, std::string_view text);
    /// The evaluation was broken off: only so many bytes were seen.
    void keep(std::size_t index, std::size_t bytes);
    void release(std::size_t index);
    /// Busy until the model is unloaded.
    void leak(std::size_t index);

    [[nodiscard]] std::size_t free_count() const;
    [[nodiscard]] std::vector<slot_view> view() const;

private:
    struct slot {
        bool busy = false;
        bool leaked = false;
        std::uint64_t last_used = 0; ///< 0: never
        std::string text;
    };
    std::vector<slot> slots_;
    std::uint64_t uses_ = 0;
};

} // namespace clawgate::support
