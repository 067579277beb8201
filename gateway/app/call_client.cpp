#include "app/call_client.hpp"

#include <boost/asio/co_spawn.hpp>

namespace clawgate::app {

call_client::call_client(client_side& side, const exchange& x)
    : side_{side}
    , silence_{side.home.shared.options.silence}
    , sink_{side, x}
    , wake_{side.home.io.get_executor()} {
    side_.set_waker([this] { notify(); });
}

call_client::~call_client() {
    side_.set_waker({});
}

/// Notices at once when the client leaves: nothing is read from it while it waits.
net::awaitable<void> call_client::watch() {
    auto& socket = side_.stream->lowest();
    auto [ec] = co_await socket.async_wait(net::socket::wait_read, net::tok);
    // Otherwise its next request is there already, and the watchdog's tick looks for the rest of the call.
    if (!stop_ && !ec && net::peer_has_left(socket)) side_.has_left();
}

void call_client::start_watching() {
    watching_ = true;
    last_sent_ = steady_clock::now();
    auto ended = [this](std::exception_ptr) {
        watching_ = false;
        notify();
    };
    net::asio::co_spawn(side_.home.io.get_executor(), watch(), std::move(ended));
}

net::awaitable<void> call_client::stop_watching() {
    stop_ = true;
    while (watching_) {
        side_.stream->cancel();
        co_await sleep_until(steady_clock::now() + std::chrono::seconds{1});
    }
}

net::awaitable<void> call_client::sleep_until(steady_time when) {
    wake_.expires_at(when);
    auto waited = co_await wake_.async_wait(net::tok);
    static_cast<void>(waited);
}

steady_time call_client::next_sign_of_life(const ollama::response_writer& w) const {
    const bool may_wait = !w.streams() && !sink_.begun();
    return last_sent_ + (may_wait ? silence_.first : silence_.stream);
}

net::awaitable<bool> call_client::sign_of_life(ollama::response_writer& w) {
    std::string sign;
    w.heartbeat(sign);
    ++heartbeats_;
    co_return co_await send(w, sign);
}

net::awaitable<bool> call_client::send(const ollama::response_writer& w, std::string_view bytes) {
    last_sent_ = steady_clock::now();
    co_return co_await sink_.send(w.content_type(), bytes);
}

net::awaitable<bool> call_client::finish(const ollama::response_writer& w, std::string_view bytes) {
    co_return co_await sink_.finish(w.content_type(), bytes);
}

} // namespace clawgate::app
