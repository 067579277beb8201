#include "auth/tickets.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace clawgate::auth {
namespace {

using namespace std::chrono_literals;

class Tickets : public ::testing::Test {
protected:
    wall_time now{std::chrono::seconds{1'790'000'000}};
    tickets box;
};

TEST_F(Tickets, OpenTheirDoorOnce) {
    const auto ticket = box.mint(2, now);
    EXPECT_EQ(ticket.size(), 43u);
    EXPECT_TRUE(box.redeem(ticket, 2, now));
    EXPECT_FALSE(box.redeem(ticket, 2, now));
}

TEST_F(Tickets, LastThirtySeconds) {
    const auto in_time = box.mint(2, now);
    const auto late = box.mint(2, now);
    EXPECT_TRUE(box.redeem(in_time, 2, now + 29s));
    EXPECT_FALSE(box.redeem(late, 2, now + 30s));
}

TEST_F(Tickets, EndAtTheWrongDoor) {
    const auto ticket = box.mint(2, now);
    EXPECT_FALSE(box.redeem(ticket, 3, now));
    EXPECT_FALSE(box.redeem(ticket, 2, now));
}

TEST_F(Tickets, AreNotGuessed) {
    auto ticket = box.mint(2, now);
    EXPECT_FALSE(box.redeem("", 2, now));
    EXPECT_FALSE(box.redeem(ticket + "A", 2, now));
    auto other = ticket;
    other[0] = other[0] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(box.redeem(other, 2, now));
    EXPECT_TRUE(box.redeem(ticket, 2, now));
}

TEST_F(Tickets, AreDroppedOldestFirstBeyondSixtyFour) {
    const auto first = box.mint(1, now);
    const auto second = box.mint(1, now);
    for (int i = 0; i < 63; ++i)
        (void)box.mint(1, now);
    EXPECT_FALSE(box.redeem(first, 1, now));
    EXPECT_TRUE(box.redeem(second, 1, now));
}

TEST_F(Tickets, AreRedeemedByOneOfManyThreads) {
    const auto ticket = box.mint(1, now);
    std::atomic<int> opened{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] { opened += box.redeem(ticket, 1, now) ? 1 : 0; });
    for (auto& t : threads)
        t.join();
    EXPECT_EQ(opened, 1);
}

} // namespace
} // namespace clawgate::auth
