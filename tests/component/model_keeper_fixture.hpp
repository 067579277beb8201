#pragma once
// The gateway's side of a model server, on an event loop that the test drives itself.

#include "ollama_client/server_tasks.hpp"
#include "support/fake_ollama.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace clawgate::ollama::test {

inline constexpr auto glm = "glm-4.7-flash:latest";
inline constexpr auto nomic = "nomic-embed-text:latest";

inline runner_options small_runner() {
    runner_options r;
    r.num_ctx = 8192;
    r.keep_alive = "-1";
    return r;
}

class server_side {
public:
    explicit server_side(std::uint16_t p)
        : pool{io.get_executor(), {net::tcp::endpoint{net::asio::ip::address_v4::loopback(), p}}}
        , host{"127.0.0.1:" + std::to_string(p)} {}

    server_link link() { return {pool, io.get_executor(), blocks, host}; }

    /// Runs the loop until it holds; false after ten seconds.
    bool run_until(const std::function<bool()>& holds) {
        const auto end = steady_clock::now() + std::chrono::seconds{10};
        while (!holds() && steady_clock::now() < end) {
            if (io.stopped()) io.restart(); // it had nothing to do for a moment
            io.run_one_for(std::chrono::milliseconds{20});
        }
        return holds();
    }

    template <class T>
    T wait_for(net::awaitable<T> task) {
        std::optional<T> out;
        auto done = [&out](std::exception_ptr failed, T value) {
            if (failed) std::rethrow_exception(failed);
            out.emplace(std::move(value));
        };
        net::asio::co_spawn(io.get_executor(), std::move(task), std::move(done));
        if (!run_until([&out] { return out.has_value(); })) throw std::runtime_error{"it did not end"};
        return std::move(*out);
    }

    net::block_pool blocks{net::small_block};
    net::asio::io_context io{1};
    net::upstream_pool pool;
    std::string host;
};

/// How many requests for `path` have come.
inline std::size_t asked(const support::fake_ollama& server, std::string_view path) {
    std::size_t n = 0;
    for (const auto& r : server.seen().requests)
        n += r.head.target == path ? 1 : 0;
    return n;
}

} // namespace clawgate::ollama::test
