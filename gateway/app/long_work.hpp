#pragma once
// Work that would hold up an event loop, such as understanding a body of many megabytes, on a thread beside it. One
// piece at a time, and the callers in turn: who has many waits for himself.

#include "net/asio.hpp"

#include <boost/asio/thread_pool.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace clawgate::app {

class long_work {
public:
    /// `home`: of the worker whose coroutines wait.
    explicit long_work(net::executor home)
        : home_{std::move(home)} {}
    /// Waits for the piece that is being worked on. The loop must not run any more.
    ~long_work();

    /// Does `work` on the other thread, and comes back when it is done; throws what it throws. What `work` touches
    /// must stay, and nobody else may touch it meanwhile.
    [[nodiscard]] net::awaitable<void> run(std::string caller, std::function<void()> work);

private:
    struct piece;
    void start_next();

    net::executor home_;
    std::deque<std::pair<std::string, std::deque<std::shared_ptr<piece>>>> callers_; ///< who has waited longest first
    std::string last_; ///< whose work was done last, or is being done
    bool busy_ = false;
    net::asio::thread_pool thread_{1};
};

} // namespace clawgate::app
