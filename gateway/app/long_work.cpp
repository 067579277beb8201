#include "app/long_work.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>

namespace clawgate::app {

struct long_work::piece {
    piece(net::executor ex, std::function<void()> w)
        : work{std::move(w)}
        , ready{ex} {
        ready.expires_at(net::timer::time_point::max());
    }
    std::function<void()> work;
    net::timer ready; ///< cancelled when it is done
    std::exception_ptr failed;
    bool done = false; ///< set on the loop's thread
};

long_work::~long_work() {
    thread_.join();
}

net::awaitable<void> long_work::run(std::string caller, std::function<void()> work) {
    const auto p = std::make_shared<piece>(home_, std::move(work));
    const auto mine =
        std::find_if(callers_.begin(), callers_.end(), [&](const auto& c) { return c.first == caller; });
    if (mine != callers_.end())
        mine->second.push_back(p);
    else
        callers_.emplace_back(std::move(caller), std::deque{p});
    start_next();
    while (!p->done) {
        auto waited = co_await p->ready.async_wait(net::tok);
        static_cast<void>(waited); // cancelled is how it ends
    }
    if (p->failed) std::rethrow_exception(p->failed);
}

void long_work::start_next() {
    if (busy_ || callers_.empty()) return;
    auto found = std::find_if(callers_.begin(), callers_.end(), [&](const auto& c) { return c.first != last_; });
    if (found == callers_.end()) found = callers_.begin();
    auto next = std::move(*found);
    callers_.erase(found);
    last_ = next.first;
    const auto p = next.second.front();
    next.second.pop_front();
    if (!next.second.empty()) callers_.push_back(std::move(next)); // behind the others
    busy_ = true;
    net::asio::post(thread_, [this, p] {
        try {
            p->work();
        } catch (...) {
            p->failed = std::current_exception();
        }
        net::asio::post(home_, [this, p] {
            busy_ = false;
            p->done = true;
            p->ready.cancel();
            start_next();
        });
    });
}

} // namespace clawgate::app
