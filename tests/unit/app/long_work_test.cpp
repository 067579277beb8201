#include "app/long_work.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>

#include <future>
#include <stdexcept>
#include <thread>

namespace clawgate::app {
namespace {

struct LongWork : testing::Test {
    net::asio::io_context io{1};
    long_work work{io.get_executor()};
    std::vector<std::string> done;

    void add(std::string caller, std::function<void()> f) {
        auto ended = [this, caller](std::exception_ptr failed) {
            done.push_back(caller + (failed ? " failed" : ""));
        };
        net::asio::co_spawn(io, work.run(caller, std::move(f)), std::move(ended));
    }
};

TEST_F(LongWork, IsDoneOnAnotherThreadWhileTheLoopGoesOn) {
    std::promise<void> loop_goes_on;
    std::thread::id thread;
    add("a", [&] {
        thread = std::this_thread::get_id();
        loop_goes_on.get_future().wait();
    });
    net::asio::post(io, [&] { loop_goes_on.set_value(); });
    io.run();
    EXPECT_NE(thread, std::this_thread::get_id());
    EXPECT_EQ(done.size(), 1u);
}

TEST_F(LongWork, CallersTakeTurns) {
    for (int i = 0; i < 3; ++i)
        add("greedy", [] {});
    add("modest", [] {});
    io.run();
    EXPECT_THAT(done, testing::ElementsAre("greedy", "modest", "greedy", "greedy"));
}

TEST_F(LongWork, ThrowsWhatTheWorkThrew) {
    add("a", [] { throw std::runtime_error{"no"}; });
    add("b", [] {});
    io.run();
    EXPECT_THAT(done, testing::ElementsAre("a failed", "b"));
}

} // namespace
} // namespace clawgate::app
