#pragma once
// Who may use the model next. A state machine without clock, thread or socket: calls come in, and it says
// which one to dispatch. One owner: the thread of the model door.

#include "core/clock.hpp"
#include "core/error.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama {

/// In the order in which they are served: strictly, as people are few and slow.
enum class priority { person, agent, background };

/// What is known about a prompt's beginning, for guessing whether a slot still has it: a hash of every prefix
/// at its message boundaries, with the (estimated) tokens up to there. Ascending by tokens.
struct prompt_prefix {
    std::uint64_t hash = 0;
    std::uint32_t tokens = 0;
};

struct admission_limits {
    unsigned slots = 4;           ///< OLLAMA_NUM_PARALLEL
    std::size_t max_queued = 512; ///< OLLAMA_MAX_QUEUE; calls that wait
    std::size_t max_queued_bytes = 512ull << 20;
    /// By how many tokens a flow may be served ahead of the one that has had least, for the sake of a warm
    /// cache.
    std::uint64_t fairness_window = 65'536;
    /// For how long a slot may stay free for the next turn of the conversation that it has just served, as a
    /// share of the mean service time (so that utilisation keeps above 0.99) and at most so long.
    double anticipation_share = 0.005;
    std::chrono::milliseconds anticipation_limit{50};
};

struct call_request {
    std::string flow; ///< who is to be treated as one: agent_1, or a person's session or address
    priority rank = priority::agent;
    unsigned max_concurrent = 3;     ///< of this flow
    std::uint32_t prompt_tokens = 0; ///< estimates
    std::uint32_t answer_tokens = 0;
    std::size_t bytes = 0; ///< held while it waits
    std::vector<prompt_prefix> prefixes;
};

using call_id = std::uint64_t;

struct queue_place {
    std::size_t position = 0; ///< 1 = next of its rank
    std::chrono::milliseconds estimated_wait{0};
};

class admission {
public:
    explicit admission(admission_limits limits);
    ~admission();

    /// Queues a call. errc::locked_out (retry::later) when the queue, or the bytes it holds, are full.
    [[nodiscard]] result<call_id> enqueue(call_request r, steady_time now);
    /// The call to dispatch now, or nothing. To be asked again until it says nothing, after every change, and
    /// at next_decision().
    [[nodiscard]] std::optional<call_id> next(steady_time now);
    /// When next() could answer differently without a change (the end of an anticipation); nothing = no such
    /// time.
    [[nodiscard]] std::optional<steady_time> next_decision() const;

    /// The caller left while it waited. Harmless for ids that are not queued.
    void cancel(call_id id);
    /// A dispatched call has ended. What it really used, where that is known: 0 means unknown.
    void finish(call_id id, std::uint32_t prompt_tokens, std::uint32_t answer_tokens, steady_time now);

    [[nodiscard]] std::optional<queue_place> place_of(call_id id, steady_time now) const;
    [[nodiscard]] std::size_t queued() const;
    [[nodiscard]] std::size_t queued_bytes() const;
    [[nodiscard]] unsigned active() const;
    [[nodiscard]] unsigned active_of(const std::string& flow) const;
    [[nodiscard]] std::size_t queued_of(const std::string& flow) const;
    /// Fewer or more slots from now on (a reload of the configuration); what runs goes on.
    void set_slots(unsigned slots);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

/// The prefixes of a native request: one at the end of system prompt and tools, one after each message.
/// Hashes of the bytes as they will be sent; cheap (one pass).
class prefix_builder {
public:
    void add(std::string_view bytes); ///< the next message's bytes
    [[nodiscard]] std::vector<prompt_prefix> take(double tokens_per_byte);

private:
    std::uint64_t hash_ = 1469598103934665603ull;
    std::size_t bytes_ = 0;
    std::vector<std::pair<std::uint64_t, std::size_t>> boundaries_;
};

} // namespace clawgate::ollama
