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
#include <utility>
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
    /// Never exceeded. The last quarter is kept for flows of which nothing waits yet.
    std::size_t max_queued_bytes = 512ull << 20;
    /// By how many tokens a flow may be served ahead of the one that has had least, for the sake of a warm
    /// cache.
    std::uint64_t fairness_window = 65'536;
    /// A slot may stay free for the next turn of the conversation that it has just served: at most so long
    /// each time, and in all for this share of the time that calls were served (so that utilisation, while
    /// somebody waits, keeps above 0.99).
    double anticipation_share = 0.005;
    std::chrono::milliseconds anticipation_limit{50};
};

struct call_request {
    std::string flow; ///< who is to be treated as one: agent_1, or a person's session or address
    priority rank = priority::agent;
    unsigned max_concurrent = 3; ///< of this flow
    std::string model;
    unsigned model_slots = 0; ///< the server runs no more calls of this model at once; 0: as many as there are slots
    /// Estimates: what the flow is charged until finish() says what it really was. For the answer a mean of
    /// earlier ones, not the most that it may have: a charge that is far too high keeps the flow waiting.
    std::uint32_t prompt_tokens = 0;
    std::uint32_t answer_tokens = 0;
    std::size_t bytes = 0; ///< held while it waits
    std::vector<prompt_prefix> prefixes;
};

using call_id = std::uint64_t;

struct queue_place {
    std::size_t position = 0;                    ///< 1 = next of its rank
    std::chrono::milliseconds estimated_wait{0}; ///< until its dispatch; 0 while no call has ended yet
};

struct admission_statistics {
    std::uint64_t dispatched = 0;
    std::uint64_t warm = 0;        ///< … of these, likely to have found part of their prompt in a cache
    std::uint64_t anticipated = 0; ///< slots kept free for a conversation's next turn
    std::uint64_t came_back = 0;   ///< … of these, with success
};

class admission {
public:
    explicit admission(admission_limits limits);
    ~admission();

    /// Queues a call. errc::locked_out (retry::later, Ollama's words) when the queue, or the bytes it holds,
    /// are full. One flow cannot shut the others out: a flow of which nothing waits yet may exceed
    /// max_queued, by an eighth at most.
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
    [[nodiscard]] admission_statistics statistics() const;
    /// Fewer or more slots from now on, at least one (a reload of the configuration); what runs goes on.
    void set_slots(unsigned slots);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

/// The prefixes of a native request: one at the end of system prompt and tools, one after each message (of
/// very long conversations not after every one). Hashes of the bytes as they will be sent; cheap (one pass).
class prefix_builder {
public:
    void add(std::string_view bytes); ///< the next message's bytes
    /// Leaves the builder as new.
    [[nodiscard]] std::vector<prompt_prefix> take(double tokens_per_byte);

private:
    std::uint64_t hash_ = 1469598103934665603ull;
    std::size_t bytes_ = 0;
    std::size_t messages_ = 0;
    std::vector<std::pair<std::uint64_t, std::size_t>> boundaries_;
};

} // namespace clawgate::ollama
