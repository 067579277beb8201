#include "app/probe.hpp"

#include "net/stream.hpp"

#include <boost/asio/co_spawn.hpp>

namespace clawgate::app {
namespace {

constexpr std::string_view question = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

net::awaitable<bool> ask(net::upstream_pool& pool, net::timer& deadline, net::socket*& current) {
    auto made = co_await pool.connect(current);
    if (!made) co_return false;
    auto s = std::move(*made);
    current = s.get();
    net::gather out;
    out.add(question);
    boost::system::error_code ec;
    if (!net::write_now(*s, out, ec)) ec = co_await net::write_rest(*s, out);
    std::string head(16, '\0');
    std::size_t have = 0;
    while (!ec && have < head.size()) {
        auto [read_ec, n] =
            co_await s->async_read_some(net::asio::buffer(head.data() + have, head.size() - have), net::tok);
        ec = read_ec;
        have += n;
    }
    current = nullptr;
    deadline.cancel();
    co_return head.starts_with("HTTP/1.1 200");
}

} // namespace

net::awaitable<bool> is_ready(worker& w, const routing::agent& a) {
    const auto index = static_cast<std::size_t>(a.options->number - 1);
    auto& last = w.probes.at(index);
    if (last.running) {
        auto waited = co_await last.finished->async_wait(net::tok);
        static_cast<void>(waited);
        co_return last.ready;
    }
    const auto now = coarse_now();
    if (now - last.asked < std::chrono::seconds{1}) co_return last.ready;
    last.asked = now;
    last.running = true;
    last.finished.emplace(w.io.get_executor(), net::timer::time_point::max());

    net::timer deadline{w.io.get_executor(), std::chrono::seconds{2}};
    net::socket* current = nullptr;
    // The handler may run after this function has returned: `ended` keeps it from looking at `current` then.
    const auto ended = std::make_shared<bool>(false);
    deadline.async_wait([ended, &current](boost::system::error_code ec) {
        boost::system::error_code ignored;
        if (!*ended && !ec && current) current->cancel(ignored);
    });
    bool ready = false;
    try {
        ready = co_await ask(w.upstreams[index], deadline, current);
    } catch (const std::exception&) {
        // Out of memory, say: whoever waits must be woken all the same.
    }
    *ended = true;
    last.ready = ready;
    last.running = false;
    last.finished->cancel();
    ready ? a.state.saw_answer() : a.state.saw_refusal();
    co_return ready;
}

net::awaitable<std::vector<bool>> which_are_ready(worker& w) {
    const auto& agents = w.shared.agents;
    std::vector<bool> ready(agents.size());
    auto left = agents.size();
    net::timer all{w.io.get_executor(), net::timer::time_point::max()};
    for (std::size_t i = 0; i < agents.size(); ++i) {
        auto answered = [&ready, &left, &all, i](std::exception_ptr failed, bool is) {
            ready[i] = !failed && is;
            if (--left == 0) all.cancel();
        };
        auto probe = is_ready(w, *agents[i]);
        net::asio::co_spawn(w.io.get_executor(), std::move(probe), std::move(answered));
    }
    while (left > 0) {
        auto waited = co_await all.async_wait(net::tok);
        static_cast<void>(waited);
    }
    co_return ready;
}

} // namespace clawgate::app
