#pragma once
// Deadlines at no cost per operation: an object only moves its deadline, and one timer a worker looks at all
// of them once a second (a timer per operation costs 3 µs, facts/boost.md). Deadlines are therefore exact to
// about a second.

#include "core/clock.hpp"
#include "net/asio.hpp"

#include <boost/intrusive/list.hpp>

#include <functional>

namespace clawgate::net {

/// Something with a deadline. Belongs to one worker.
class watched
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    virtual ~watched() = default;
    /// Called about once a second on the worker's thread. May destroy this object.
    virtual void on_tick(steady_time now) = 0;
    /// The drain is over: end what is under way now, so that it still leaves its line in the log.
    virtual void abandon() = 0;

protected:
    void expires_after(std::chrono::seconds s) noexcept { deadline_ = coarse_now() + s; }
    void never_expires() noexcept { deadline_ = steady_time::max(); }
    [[nodiscard]] bool overdue(steady_time now) const noexcept { return now >= deadline_; }

private:
    steady_time deadline_ = steady_time::max();
};

class watchdog {
public:
    explicit watchdog(executor ex)
        : timer_{ex} {}
    void add(watched& w) { list_.push_back(w); }
    /// Ticks until stop(). `every_tick` runs first, once a tick.
    void start(std::function<void(steady_time)> every_tick);
    void stop() { timer_.cancel(); }
    /// Calls `f` for each; f may destroy the object it is given.
    void for_each(const std::function<void(watched&)>& f);
    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }

private:
    void arm();
    timer timer_;
    std::function<void(steady_time)> every_tick_;
    boost::intrusive::list<watched, boost::intrusive::constant_time_size<false>> list_;
};

} // namespace clawgate::net
