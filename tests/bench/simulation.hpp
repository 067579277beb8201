#pragma once
// A model server and its callers as a discrete-event simulation: no threads, no clock, the same result every
// time. The server is modelled apart from what admission believes about it.

#include "ollama_client/admission.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace clawgate::bench {

using seconds = std::chrono::duration<double>;

struct model_call {
    unsigned agent = 0;
    std::vector<ollama::prompt_prefix> prompt; ///< by message
    ollama::prompt_prefix with_answer;         ///< what the slot's cache holds in the end
    std::uint32_t answer_tokens = 0;
    std::uint32_t expected_answer_tokens = 0; ///< what the scheduler is told

    [[nodiscard]] std::uint32_t prompt_tokens() const { return prompt.back().tokens; }
};

/// Who calls, and when. Each agent has so many calls under way or waiting, and makes the next one some time
/// after an answer.
struct workload {
    unsigned slots = 4;
    unsigned max_concurrent = 3;
    std::vector<unsigned> outstanding; ///< by agent
    std::vector<seconds> start;        ///< by agent: of its first calls
    std::function<std::optional<model_call>(unsigned agent)> next_call;
    std::function<seconds(unsigned agent)> think; ///< from an answer to the next call
    seconds end{1e9};                             ///< what has not been dispatched then never is
};

/// Decides who is next.
class scheduler {
public:
    virtual ~scheduler() = default;
    virtual ollama::call_id enqueue(const model_call& c, unsigned max_concurrent, steady_time now) = 0;
    virtual std::optional<ollama::call_id> next(steady_time now) = 0;
    virtual void finish(ollama::call_id id, const model_call& c, steady_time now) = 0;
    [[nodiscard]] virtual std::optional<steady_time> next_decision() const = 0;
};

/// What the server itself would do with everything that comes: one queue, no limit per agent.
[[nodiscard]] std::unique_ptr<scheduler> first_come_first_served(unsigned slots);
[[nodiscard]] std::unique_ptr<scheduler> by_admission(const ollama::admission_limits& limits);

struct outcome {
    std::uint64_t prompt_tokens = 0;
    std::uint64_t prefilled_tokens = 0; ///< not found in a cache
    std::uint64_t calls = 0;
    seconds duration{};
    seconds longest_service{};
    /// Busy slots, as a share of all slots, over the time in which an agent below its limit waited.
    double utilisation = 1;
    std::vector<std::uint64_t> tokens; ///< by agent: of the calls that were dispatched
    std::vector<seconds> longest_wait; ///< by agent
    /// By how many tokens an agent was ahead of one that waited at that moment.
    std::uint64_t largest_lag = 0;
    std::uint64_t largest_call = 0;
};

[[nodiscard]] outcome simulate(const workload& w, scheduler& s);

/// 1 = everybody has the same, 1/n = one has all (R. Jain, 1984).
[[nodiscard]] double jains_index(const std::vector<std::uint64_t>& shares);

} // namespace clawgate::bench
