#include "auth/activity.hpp"
#include "auth/verified_cache.hpp"

#include <gtest/gtest.h>

#include <string>

namespace clawgate::auth {
namespace {

using namespace std::chrono_literals;

digest make(int n) {
    digest d{};
    d[0] = static_cast<unsigned char>(n);
    d[9] = static_cast<unsigned char>(n >> 8);
    return d;
}

TEST(VerifiedCache, RemembersRightAndWrongForItsLifetime) {
    verified_cache cache{4, 300s};
    const steady_time now{1000h};
    EXPECT_FALSE(cache.find(make(1), now));
    cache.remember(make(1), true, now);
    cache.remember(make(2), false, now);
    EXPECT_EQ(cache.find(make(1), now + 299s), true);
    EXPECT_EQ(cache.find(make(2), now + 299s), false);
    EXPECT_FALSE(cache.find(make(1), now + 300s));
    EXPECT_FALSE(cache.find(make(2), now + 300s));
    EXPECT_EQ(cache.size(), 0u);
}

TEST(VerifiedCache, IsNotProlongedByUse) {
    verified_cache cache{4, 300s};
    const steady_time now{1000h};
    cache.remember(make(1), true, now);
    cache.remember(make(1), true, now + 200s);
    EXPECT_FALSE(cache.find(make(1), now + 300s));
}

TEST(VerifiedCache, KeepsTheRightOnesWhileWrongOnesFlood) {
    verified_cache cache{4, 300s};
    const steady_time now{1000h};
    cache.remember(make(1), true, now);
    for (int n = 2; n < 1000; ++n)
        cache.remember(make(n), false, now);
    EXPECT_EQ(cache.find(make(1), now), true);
    EXPECT_FALSE(cache.find(make(2), now)) << "the oldest wrong one went";
    EXPECT_EQ(cache.find(make(999), now), false);
    EXPECT_EQ(cache.size(), 5u);
}

TEST(Activity, KnowsWhenASessionWasLastSeen) {
    activity table;
    const wall_time now{std::chrono::seconds{1'790'000'000}};
    EXPECT_FALSE(table.last("a"));
    table.touch("a", now);
    EXPECT_EQ(table.last("a"), now);
    table.touch("a", now + 5s);
    EXPECT_EQ(table.last("a"), now + 5s);
    table.touch("a", now + 1s);
    EXPECT_EQ(table.last("a"), now + 5s);
}

TEST(Activity, ForgetsTheSessionThatIsIdleTheLongest) {
    activity table;
    const wall_time now{std::chrono::seconds{1'790'000'000}};
    for (std::size_t n = 0; n < activity::capacity; ++n)
        table.touch(std::to_string(n), now + std::chrono::seconds{n});
    table.touch("0", now + 24h);
    table.touch("new", now + 24h);
    EXPECT_EQ(table.size(), activity::capacity);
    EXPECT_TRUE(table.last("new"));
    EXPECT_TRUE(table.last("0"));
    EXPECT_FALSE(table.last("1"));
}

} // namespace
} // namespace clawgate::auth
