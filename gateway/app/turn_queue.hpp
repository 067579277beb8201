#pragma once
// An admission with those who wait for it. Belongs to the worker that serves the model API.

#include "net/asio.hpp"
#include "ollama_client/admission.hpp"
#include "ollama_client/call_cost.hpp"
#include "ollama_client/model_slots.hpp"
#include "ollama_client/model_watchdog.hpp"

#include <map>
#include <string>
#include <vector>

namespace clawgate::app {

/// Somebody who waits for a turn.
class turn_taker {
public:
    virtual ~turn_taker() = default;
    /// Called from turn_queue's own calls, on the same thread; must not call back into it.
    virtual void granted() = 0;
    /// The call that was granted is to end with this error, at once; likewise.
    virtual void ended_by(const error& why) = 0;
};

/// A call that waits, for people to look at.
struct waiting_call {
    std::string flow;
    ollama::priority rank = ollama::priority::agent;
    std::string model;
    std::chrono::milliseconds waited{0};
    ollama::queue_place place;
};

class turn_queue {
public:
    /// `slots` must outlive this.
    turn_queue(ollama::admission_limits limits, ollama::model_slots& slots, net::executor ex)
        : admission_{limits}
        , slots_{slots}
        , later_{ex} {}

    /// `who` is told when it may go; until leave() or done() it must stay. `time_limit`: of the call, from its turn on.
    [[nodiscard]] result<ollama::call_id> join(ollama::call_request r, turn_taker& who,
                                               std::chrono::milliseconds time_limit);
    void leave(ollama::call_id id);
    /// Of a call that was granted: its answer has begun; it has ended.
    void answer_began(ollama::call_id id);
    void done(ollama::call_id id, ollama::call_cost cost);
    void set_slots(unsigned slots);
    /// Tells every call that was granted and is not done.
    void end_granted(const error& why);
    [[nodiscard]] std::optional<ollama::queue_place> place_of(ollama::call_id id) const;
    /// In the order in which they came.
    [[nodiscard]] std::vector<waiting_call> waiting() const;
    [[nodiscard]] const ollama::admission& state() const noexcept { return admission_; }
    /// All but the time of the last record.
    [[nodiscard]] ollama::door_activity activity() const;

private:
    struct taker {
        turn_taker* who = nullptr;
        std::string model;
        std::string flow;
        ollama::priority rank = ollama::priority::agent;
        steady_time since{};
        std::chrono::milliseconds time_limit{0};
        bool answering = false;
    };
    void serve();

    ollama::admission admission_;
    ollama::model_slots& slots_;
    std::map<ollama::call_id, taker> waiting_;
    std::map<ollama::call_id, taker> granted_;
    net::timer later_; ///< when a slot that was held for somebody is given to another
};

} // namespace clawgate::app
