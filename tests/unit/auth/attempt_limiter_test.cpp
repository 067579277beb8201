#include "auth/attempt_limiter.hpp"

#include "auth/client_address.hpp"

#include <gtest/gtest.h>

#include <string>

namespace clawgate::auth {
namespace {

using namespace std::chrono_literals;

digest wrong(int n) {
    digest d{};
    d[0] = static_cast<unsigned char>(n & 0xff);
    d[1] = static_cast<unsigned char>(n >> 8 & 0xff);
    d[2] = static_cast<unsigned char>(n >> 16 & 0xff);
    return d;
}

class Limiter : public ::testing::Test {
protected:
    void guess(const std::string& client, int from, int count, const std::string& lane = {}) {
        for (int n = from; n < from + count; ++n)
            limiter.count_wrong(client, lane, wrong(n), now);
    }
    [[nodiscard]] bool locked(const std::string& client, const std::string& lane = {}) {
        return limiter.locked(client, lane, now).has_value();
    }

    steady_time now{1000h};
    attempt_limiter limiter;
};

TEST_F(Limiter, LocksAfterTenDistinctWrongPasswordsFor300Seconds) {
    guess("a", 0, 9);
    EXPECT_FALSE(locked("a"));
    guess("a", 9, 1);
    EXPECT_EQ(limiter.locked("a", "", now), 300s);
    now += 299s;
    EXPECT_EQ(limiter.locked("a", "", now), 1s);
    now += 500ms;
    EXPECT_EQ(limiter.locked("a", "", now), 1s) << "rounded up: a client must not come back too early";
    now += 500ms;
    EXPECT_FALSE(locked("a"));
}

TEST_F(Limiter, CountsTheSameWrongPasswordOnce) {
    for (int i = 0; i < 1000; ++i) {
        now += 1s;
        guess("a", 7, 1);
    }
    EXPECT_FALSE(locked("a"));
    guess("a", 100, 8);
    EXPECT_FALSE(locked("a"));
    guess("a", 200, 1);
    EXPECT_TRUE(locked("a"));
}

TEST_F(Limiter, ForgetsAWrongPasswordSixtySecondsAfterItsLastUse) {
    guess("a", 0, 9);
    now += 59s;
    guess("a", 0, 1); // moves the first one's time
    now += 1s;
    guess("a", 50, 8); // 1 kept + 8
    EXPECT_FALSE(locked("a"));
    guess("a", 60, 1);
    EXPECT_TRUE(locked("a"));
}

TEST_F(Limiter, LocksOneClientOnly) {
    guess("a", 0, 10);
    EXPECT_TRUE(locked("a"));
    EXPECT_FALSE(locked("b"));
}

TEST_F(Limiter, StartsAnewAfterALock) {
    guess("a", 0, 10);
    now += 300s;
    guess("a", 20, 9);
    EXPECT_FALSE(locked("a"));
    guess("a", 40, 1);
    EXPECT_TRUE(locked("a"));
}

TEST_F(Limiter, DoesNotProlongALockWhenLateResultsArrive) {
    guess("a", 0, 10);
    now += 100s;
    guess("a", 100, 20);
    EXPECT_EQ(limiter.locked("a", "", now), 200s);
}

TEST_F(Limiter, ARightPasswordResetsItsOwnClientAlone) {
    guess("a", 0, 9);
    guess("b", 0, 9);
    limiter.count_right("a", "");
    guess("a", 20, 9);
    EXPECT_FALSE(locked("a"));
    guess("b", 20, 1);
    EXPECT_TRUE(locked("b"));
}

TEST_F(Limiter, ARightPasswordDoesNotLiftALock) {
    guess("a", 0, 10);
    limiter.count_right("a", "");
    EXPECT_TRUE(locked("a"));
}

TEST_F(Limiter, TheCeilingLocksEverybodyWithoutALane) {
    for (int c = 0; c < 11; ++c)
        guess("client" + std::to_string(c), 0, 9); // 99; the passwords are the same, the clients are not
    EXPECT_FALSE(locked("stranger"));
    guess("client11", 0, 1);
    EXPECT_EQ(limiter.locked("stranger", "", now), 60s);
    EXPECT_FALSE(locked("stranger", "lane"));
    now += 60s;
    EXPECT_FALSE(locked("stranger"));
}

TEST_F(Limiter, TheCeilingCountsTheSamePasswordOfTheSameClientOnce) {
    for (int i = 0; i < 500; ++i)
        guess("a", 1, 1);
    for (int c = 0; c < 98; ++c)
        guess("client" + std::to_string(c), 0, 1);
    EXPECT_FALSE(locked("stranger"));
    guess("b", 0, 1);
    EXPECT_TRUE(locked("stranger"));
}

TEST_F(Limiter, TheCeilingForgetsAfterSixtySeconds) {
    for (int c = 0; c < 99; ++c)
        guess("client" + std::to_string(c), 0, 1);
    now += 60s;
    guess("b", 0, 1);
    EXPECT_FALSE(locked("stranger"));
}

TEST_F(Limiter, ALaneIsCountedApartFromTheCeiling) {
    for (int l = 0; l < 30; ++l)
        guess("client" + std::to_string(l), 0, 9, "lane" + std::to_string(l)); // 270 in all
    EXPECT_FALSE(locked("stranger"));
}

TEST_F(Limiter, ALaneDoesNotExemptFromTheClientsOwnLock) {
    guess("a", 0, 10);
    EXPECT_TRUE(locked("a", "lane"));
}

TEST_F(Limiter, ALaneUsedForTenWrongPasswordsIsNoLaneAnyMore) {
    for (int n = 0; n < 10; ++n)
        guess("client" + std::to_string(n), n, 1, "stolen");
    for (int c = 0; c < 100; ++c)
        guess("other" + std::to_string(c), 0, 1);
    EXPECT_TRUE(locked("fresh", "stolen"));
    EXPECT_FALSE(locked("fresh", "clean"));
}

TEST_F(Limiter, WrongPasswordsOfASpentLaneCountUnderTheCeiling) {
    for (int n = 0; n < 110; ++n)
        guess("client" + std::to_string(n), n, 1, "stolen");
    EXPECT_TRUE(locked("stranger"));
}

TEST_F(Limiter, ARightPasswordResetsItsLane) {
    for (int n = 0; n < 9; ++n)
        guess("client" + std::to_string(n), n, 1, "lane");
    limiter.count_right("z", "lane");
    guess("y", 50, 1, "lane");
    for (int c = 0; c < 100; ++c)
        guess("other" + std::to_string(c), 0, 1);
    EXPECT_FALSE(locked("z", "lane"));
}

TEST_F(Limiter, ForgetsClientsThatCameToNothing) {
    guess("a", 0, 3);
    guess("b", 0, 10);
    EXPECT_EQ(limiter.clients(), 2u);
    EXPECT_TRUE(limiter.counting());
    now += 60s;
    (void)locked("x");
    EXPECT_EQ(limiter.clients(), 1u);
    EXPECT_FALSE(limiter.counting());
    now += 240s;
    (void)locked("x");
    EXPECT_EQ(limiter.clients(), 0u);
}

TEST_F(Limiter, KnowsTheLatestEndOfAnyLock) {
    EXPECT_LT(limiter.latest_lock(), now);
    guess("a", 0, 10);
    EXPECT_EQ(limiter.latest_lock(), now + 300s);
    now += 100s;
    guess("b", 0, 10);
    EXPECT_EQ(limiter.latest_lock(), now + 300s);
}

// The bound itself, with a table that is quick to fill.
class LimiterTable : public ::testing::Test {
protected:
    [[nodiscard]] bool locked(const std::string& key) { return table.locked_until(key, now).has_value(); }

    steady_time now{1000h};
    attempt_table table{{2, 60s, 300s, 3}};
};

TEST_F(LimiterTable, EvictsTheLeastRecentlyUsedEntryThatIsNotLocked) {
    table.count("locked", wrong(1), now);
    table.count("locked", wrong(2), now);
    table.count("old", wrong(1), now);
    table.count("used", wrong(1), now);
    table.count("old", wrong(1), now); // now "used" is the older one
    table.count("new", wrong(1), now);
    EXPECT_EQ(table.size(), 3u);
    EXPECT_TRUE(locked("locked"));
    table.count("old", wrong(2), now);
    EXPECT_TRUE(locked("old")) << "it kept its first wrong password";
    table.count("used", wrong(2), now);
    EXPECT_FALSE(locked("used")) << "its first wrong password was evicted";
}

TEST_F(LimiterTable, RefusesToCountWhenFullOfLockedEntries) {
    for (const std::string key : {"a", "b", "c"}) {
        table.count(key, wrong(1), now);
        table.count(key, wrong(2), now);
    }
    EXPECT_FALSE(table.count("d", wrong(1), now));
    EXPECT_EQ(table.size(), 3u);
    EXPECT_TRUE(locked("a"));
    now += 300s;
    EXPECT_TRUE(table.count("d", wrong(1), now));
    EXPECT_EQ(table.size(), 1u);
}

TEST_F(LimiterTable, CountingALockedEntryChangesNothing) {
    table.count("a", wrong(1), now);
    table.count("a", wrong(2), now);
    const auto end = table.locked_until("a", now);
    EXPECT_TRUE(table.count("a", wrong(3), now + 10s));
    EXPECT_EQ(table.locked_until("a", now + 10s), end);
    table.reset("a");
    EXPECT_EQ(table.locked_until("a", now + 10s), end);
}

TEST_F(Limiter, StaysWithinItsBoundUnderTwentyThousandClients) {
    for (int c = 0; c < 20'000; ++c)
        guess("client" + std::to_string(c), 0, 1, "lane" + std::to_string(c % 500));
    EXPECT_LE(limiter.clients(), 10'000u);
}

TEST(LimiterFull, ClientsThatCannotBeCountedMeetTheCeiling) {
    attempt_limiter::limits l;
    l.client.capacity = 2;
    attempt_limiter limiter{l};
    const steady_time now{1000h};
    for (int n = 0; n < 10; ++n) {
        limiter.count_wrong("a", "", wrong(n), now);
        limiter.count_wrong("b", "", wrong(n), now);
    }
    for (int n = 0; n < 79; ++n)
        limiter.count_wrong("c", "", wrong(n), now);
    EXPECT_FALSE(limiter.locked("c", "", now)) << "there was no room to count it alone";
    limiter.count_wrong("c", "", wrong(79), now);
    EXPECT_TRUE(limiter.locked("c", "", now));
    EXPECT_EQ(limiter.clients(), 2u);
}

TEST_F(Limiter, LocalGuessesLockTheirOwnClientAndNeverEverybody) {
    const auto local = limiter_key(boost::asio::ip::make_address("127.0.0.1"));
    for (int round = 0; round < 30; ++round) {
        guess(local, 100 * round, 10);
        EXPECT_TRUE(locked(local)) << "in round " << round;
        EXPECT_FALSE(locked("198.51.100.1")) << "in round " << round;
        now += 301s;
    }
    attempt_limiter::limits many;
    many.client.distinct = 1'000'000;
    attempt_limiter unlocked{many};
    for (int n = 0; n < 500; ++n)
        unlocked.count_wrong(local, "", wrong(n), now);
    EXPECT_FALSE(unlocked.locked("198.51.100.1", "", now)) << "however fast they come";
    for (int n = 0; n < 100; ++n)
        unlocked.count_wrong("203.0.113.1", "", wrong(n), now);
    EXPECT_TRUE(unlocked.locked("198.51.100.1", "", now)) << "others still meet the ceiling";
}

} // namespace
} // namespace clawgate::auth
