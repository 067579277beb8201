#include "net/upstream_pool.hpp"

#include <gtest/gtest.h>

namespace clawgate::net {
namespace {

using namespace std::chrono_literals;

struct peers {
    asio::io_context io;
    acceptor listening{io.get_executor(), tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    upstream_pool pool{io.get_executor(), {listening.local_endpoint()}};

    std::unique_ptr<socket> connected(socket& other_end) {
        auto s = std::make_unique<socket>(io.get_executor());
        s->connect(listening.local_endpoint());
        other_end = listening.accept();
        return s;
    }
};

TEST(UpstreamPool, GivesBackTheMostRecentlyUsedConnection) {
    peers p;
    socket a{p.io.get_executor()}, b{p.io.get_executor()};
    auto first = p.connected(a);
    auto second = p.connected(b);
    const auto* last = second.get();
    const steady_time now{};
    p.pool.give_back(std::move(first), now, 5s);
    p.pool.give_back(std::move(second), now, 5s);
    EXPECT_EQ(p.pool.take_idle(now, 60s).get(), last);
    EXPECT_EQ(p.pool.idle_count(), 1u);
}

TEST(UpstreamPool, DoesNotUseAConnectionThatTheBackendIsAboutToClose) {
    peers p;
    socket a{p.io.get_executor()};
    const steady_time now{};
    p.pool.give_back(p.connected(a), now, 5s);
    EXPECT_EQ(p.pool.take_idle(now + 4s, 60s), nullptr);
    p.pool.give_back(p.connected(a), now, 5s);
    EXPECT_EQ(p.pool.take_idle(now + 3s, 2s), nullptr); // too old for a method that must not be repeated
    p.pool.give_back(p.connected(a), now, 5s);
    EXPECT_NE(p.pool.take_idle(now + 3s, 60s), nullptr);
}

TEST(UpstreamPool, SkipsConnectionsThatTheBackendClosed) {
    peers p;
    socket a{p.io.get_executor()}, b{p.io.get_executor()};
    auto open = p.connected(a);
    const auto* expected = open.get();
    auto closed = p.connected(b);
    const steady_time now{};
    p.pool.give_back(std::move(open), now, 5s);
    p.pool.give_back(std::move(closed), now, 5s);
    b.close(); // on loopback the FIN has arrived when close() returns
    EXPECT_EQ(p.pool.take_idle(now, 60s).get(), expected);
}

TEST(UpstreamPool, SweepsWhatIsTooOld) {
    peers p;
    socket a{p.io.get_executor()};
    const steady_time now{};
    p.pool.give_back(p.connected(a), now, 5s);
    p.pool.sweep(now + 1s);
    EXPECT_EQ(p.pool.idle_count(), 1u);
    p.pool.sweep(now + 4s);
    EXPECT_EQ(p.pool.idle_count(), 0u);
}

TEST(UpstreamPool, ReadsTheBackendsOwnIdleLimit) {
    EXPECT_EQ(keep_alive_timeout("timeout=5", 9s), 5s);
    EXPECT_EQ(keep_alive_timeout("max=3, timeout=72", 9s), 72s);
    EXPECT_EQ(keep_alive_timeout("", 9s), 9s);
    EXPECT_EQ(keep_alive_timeout("timeout=x", 9s), 9s);
    EXPECT_EQ(keep_alive_timeout("timeout=999999", 9s), 9s);
}

} // namespace
} // namespace clawgate::net
