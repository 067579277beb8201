#pragma once
// A call's place in the queue, then its turn at the model. Whatever ends the call, its place or its slot is free
// afterwards.

#include "app/turn_queue.hpp"

#include <functional>

namespace clawgate::app {

class model_turn final : public turn_taker {
public:
    /// `granted`: called when the turn has come.
    model_turn(const std::shared_ptr<turn_queue>& queue, std::function<void()> granted)
        : queue_{queue}
        , on_granted_{std::move(granted)} {}
    /// As done() with nothing known.
    ~model_turn() override { done({}); }
    model_turn(const model_turn&) = delete;
    model_turn& operator=(const model_turn&) = delete;

    /// errc::locked_out when the queue is full.
    [[nodiscard]] result<void> join(ollama::call_request r, std::chrono::milliseconds time_limit);
    [[nodiscard]] bool has_come() const noexcept { return granted_; }
    /// Who is told to end at once, while the turn lasts.
    void set_ender(std::function<void(const error&)> f) { on_end_ = std::move(f); }
    /// The first record of the answer has come.
    void answer_began();
    /// Leaves the queue, or gives the slot back. The first time only.
    void done(ollama::call_cost cost);

    void granted() override {
        granted_ = true;
        on_granted_();
    }
    void ended_by(const error& why) override {
        if (on_end_) on_end_(why);
    }

private:
    std::weak_ptr<turn_queue> queue_; ///< gone before calls that still wait at the end of the program
    std::function<void()> on_granted_;
    std::function<void(const error&)> on_end_;
    std::optional<ollama::call_id> id_;
    bool granted_ = false;
};

} // namespace clawgate::app
