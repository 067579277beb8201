#include "app/desk_await.hpp"

#include <boost/asio/post.hpp>

namespace clawgate::app {
namespace {

/// Where the desk's thread leaves its verdict. Touched on the worker's thread only, apart from being handed
/// over.
struct mailbox {
    explicit mailbox(net::executor ex)
        : ready{ex} {
        ready.expires_at(net::timer::time_point::max());
    }
    net::timer ready;
    std::optional<auth::verdict> verdict;
};

} // namespace

net::awaitable<auth::verdict> ask_desk(auth::desk& d, auth::candidate c, net::executor ex) {
    const auto box = std::make_shared<mailbox>(ex);
    auto deliver = [box, ex](auth::verdict v) {
        net::asio::post(ex, [box, v] {
            box->verdict = v;
            box->ready.cancel();
        });
    };
    d.verify(std::move(c), std::move(deliver));
    while (!box->verdict) {
        auto waited = co_await box->ready.async_wait(net::tok);
        static_cast<void>(waited); // cancelled is how it ends
    }
    co_return *box->verdict;
}

} // namespace clawgate::app
