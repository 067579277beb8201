#pragma once
// What each caller used, for the log, the status page and the metrics. Belongs to the thread of the model
// door.

#include "core/clock.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace clawgate::ollama {

/// The numbers of a final record (facts/ollama.md, Streams); durations in nanoseconds as they come.
struct final_numbers {
    std::uint64_t prompt_tokens = 0;
    std::uint64_t answer_tokens = 0;
    std::chrono::nanoseconds load{0};
    std::chrono::nanoseconds prefill{0};
    std::chrono::nanoseconds generation{0};
    std::string done_reason;
};
/// Nothing for a record that is not the last one. The one object that answers an embedding call is one, too.
[[nodiscard]] std::optional<final_numbers> numbers_of(std::string_view final_record);

struct usage_totals {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;
    std::uint64_t canceled = 0;
    std::uint64_t answered = 0; ///< … of all of these, with at least a token of an answer
    std::uint64_t prompt_tokens = 0;
    std::uint64_t answer_tokens = 0;
    std::uint64_t heartbeats = 0;
    std::uint64_t reloads_avoided = 0; ///< requests whose runner options were not the shared ones
    std::uint64_t pruned_bytes = 0;
    std::chrono::nanoseconds queued{0};
    std::chrono::nanoseconds load{0};
    std::chrono::nanoseconds prefill{0};
    std::chrono::nanoseconds generation{0};

    void add(const final_numbers& n); ///< one call's tokens and times; counts no request
    /// Of the calls that were given one, or the beginning of one; a guess before there is one.
    [[nodiscard]] std::uint32_t mean_answer_tokens() const noexcept;
    /// 0 before a prompt was evaluated. What a cache had counts as evaluated, so it is more than the hardware does.
    [[nodiscard]] double prompt_tokens_a_second() const noexcept;
    usage_totals& operator+=(const usage_totals& other);
};

/// By caller ("agent_1", "person") and model. Bounded: what comes beyond it is kept under "others".
class usage_book {
public:
    [[nodiscard]] usage_totals& of(const std::string& caller, const std::string& model);
    [[nodiscard]] const std::map<std::pair<std::string, std::string>, usage_totals>& all() const noexcept {
        return totals_;
    }
    [[nodiscard]] usage_totals sum() const;

private:
    std::map<std::pair<std::string, std::string>, usage_totals> totals_;
};

} // namespace clawgate::ollama
