#include "auth/desk.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace clawgate::auth {
namespace {

using namespace std::chrono_literals;

const wall_time start{
    std::chrono::seconds{4'000'000'000}}; // later than any test: nothing is pruned meanwhile

class Desk : public ::testing::Test {
protected:
    [[nodiscard]] session_state state(const std::string& cookie, wall_time at, door where = 1) const {
        return d.examine(cookie, where, at).state;
    }
    [[nodiscard]] session open(const std::string& cookie, door where = 1) const {
        return d.examine(cookie, where, start).who;
    }

    test::temporary_directory directory;
    const config c = test::make_config(3); // 7 days, 24 hours idle
    desk d{c, test::make_key(), directory.path()};
};

TEST_F(Desk, IssuesSessionsThatAreValidAtTheirDoor) {
    const auto cookie = d.issue(1, start);
    const auto v = d.examine(cookie, 1, start);
    EXPECT_EQ(v.state, session_state::valid);
    EXPECT_TRUE(v.ok());
    EXPECT_TRUE(v.genuine());
    EXPECT_EQ(v.who.where, 1);
    EXPECT_EQ(v.who.issued, start);
    EXPECT_EQ(v.who.renewed, start);
    EXPECT_EQ(v.who.expires, start + c.session_lifetime);
    EXPECT_EQ(v.who.id.size(), 22u);
}

TEST_F(Desk, GivesEverySessionAnIdOfItsOwn) {
    std::set<std::string> ids;
    for (int i = 0; i < 100; ++i)
        ids.insert(open(d.issue(1, start)).id);
    EXPECT_EQ(ids.size(), 100u);
}

TEST_F(Desk, TellsAbsentFromForged) {
    EXPECT_EQ(state("", start), session_state::absent);
    EXPECT_EQ(state("x", start), session_state::forged);
    auto cookie = d.issue(1, start);
    cookie[3] = cookie[3] == 'A' ? 'B' : 'A';
    const auto v = d.examine(cookie, 1, start);
    EXPECT_EQ(v.state, session_state::forged);
    EXPECT_FALSE(v.genuine());
    EXPECT_TRUE(v.who.id.empty());
}

TEST_F(Desk, RefusesASessionOfAnotherDoor) {
    const auto cookie = d.issue(1, start);
    for (const door other : {control_door, 2, 3, 4, -1, 99}) {
        const auto v = d.examine(cookie, other, start);
        EXPECT_EQ(v.state, session_state::foreign) << other;
        EXPECT_FALSE(v.ok());
        EXPECT_TRUE(v.genuine());
    }
}

TEST_F(Desk, KeepsSessionsAcrossARestart) {
    const auto cookie = d.issue(1, start);
    const desk restarted{c, test::make_key(), directory.path()};
    EXPECT_EQ(restarted.examine(cookie, 1, start).state, session_state::valid);
    const desk other_key{c, test::make_key('x'), ""};
    EXPECT_EQ(other_key.examine(cookie, 1, start).state, session_state::forged);
}

TEST_F(Desk, EndsSessionsWhenThePasswordChanges) {
    const auto one = d.issue(1, start);
    const auto two = d.issue(2, start);
    auto changed = c;
    changed.agents[0].password = secret{"another"};
    const desk after{changed, test::make_key(), directory.path()};
    EXPECT_EQ(after.examine(one, 1, start).state, session_state::stale);
    EXPECT_EQ(after.examine(two, 2, start).state, session_state::valid);
    changed.agents[0].password = secret{};
    const desk closed{changed, test::make_key(), directory.path()};
    EXPECT_EQ(closed.examine(one, 1, start).state, session_state::stale);
    changed.agents[0].password_hash = secret{"correct horse"};
    const desk hashed{changed, test::make_key(), directory.path()};
    EXPECT_EQ(hashed.examine(one, 1, start).state, session_state::stale);
}

TEST_F(Desk, ASessionAtADoorWithoutPasswordIsWorthless) {
    EXPECT_EQ(state(d.issue(7, start), start, 7), session_state::stale);
}

TEST_F(Desk, AsksForRenewalAfterAnHour) {
    const auto cookie = d.issue(1, start);
    EXPECT_EQ(state(cookie, start + 1h), session_state::valid);
    EXPECT_EQ(state(cookie, start + 1h + 1s), session_state::renew);
    EXPECT_TRUE(d.examine(cookie, 1, start + 2h).ok());
}

TEST(DeskIdle, AsksForRenewalAfterAQuarterOfAShortIdleLimit) {
    auto c = test::make_config(1);
    c.session_idle = 40s;
    desk d{c, test::make_key(), ""};
    const auto cookie = d.issue(1, start);
    EXPECT_EQ(d.examine(cookie, 1, start + 10s).state, session_state::valid);
    EXPECT_EQ(d.examine(cookie, 1, start + 11s).state, session_state::renew);
    EXPECT_EQ(d.examine(cookie, 1, start + 40s).state, session_state::idle_expired);
}

TEST_F(Desk, EndsASessionThatIsIdleTooLong) {
    const auto cookie = d.issue(1, start);
    EXPECT_EQ(state(cookie, start + 24h - 1s), session_state::renew);
    EXPECT_EQ(state(cookie, start + 24h), session_state::idle_expired);
    EXPECT_TRUE(d.examine(cookie, 1, start + 24h).genuine());
}

TEST_F(Desk, RenewsTheIdleLimitAndKeepsTheEnd) {
    auto cookie = d.issue(1, start);
    const auto first = open(cookie);
    for (auto at = start; at < first.expires; at += 23h) {
        ASSERT_TRUE(d.examine(cookie, 1, at).ok());
        cookie = d.renew(d.examine(cookie, 1, at).who, at);
        const auto again = d.examine(cookie, 1, at).who;
        EXPECT_EQ(again.id, first.id);
        EXPECT_EQ(again.issued, first.issued);
        EXPECT_EQ(again.renewed, at);
        EXPECT_EQ(again.expires, first.expires);
    }
    EXPECT_TRUE(d.examine(cookie, 1, first.expires - 1s).ok());
    EXPECT_EQ(state(cookie, first.expires), session_state::expired);
    EXPECT_EQ(state(d.renew(first, first.expires), first.expires), session_state::expired);
}

TEST_F(Desk, CountsTrafficInATunnelAsUse) {
    const auto cookie = d.issue(1, start);
    const auto s = open(cookie);
    d.touch(s, start + 20h);
    EXPECT_EQ(state(cookie, start + 43h), session_state::renew);
    EXPECT_EQ(state(cookie, start + 44h), session_state::idle_expired);
    d.touch(s, s.expires);
    EXPECT_EQ(state(cookie, s.expires), session_state::expired) << "the absolute end stays";
}

TEST_F(Desk, RevokesOneSession) {
    const auto cookie = d.issue(1, start);
    const auto other = d.issue(1, start);
    const auto before = d.revocation_epoch();
    d.revoke(open(cookie));
    EXPECT_EQ(state(cookie, start), session_state::revoked);
    EXPECT_EQ(state(d.renew(open(cookie), start), start), session_state::revoked) << "all its cookies";
    EXPECT_EQ(state(other, start), session_state::valid);
    EXPECT_NE(d.revocation_epoch(), before);
}

TEST_F(Desk, RemembersRevocationsAcrossARestart) {
    std::string revoked;
    std::string kept;
    {
        desk first{c, test::make_key(), directory.path()};
        revoked = first.issue(1, start);
        kept = first.issue(1, start);
        first.revoke(first.examine(revoked, 1, start).who);
    }
    const desk second{c, test::make_key(), directory.path()};
    EXPECT_EQ(second.examine(revoked, 1, start).state, session_state::revoked);
    EXPECT_EQ(second.examine(kept, 1, start).state, session_state::valid);
}

TEST_F(Desk, StoresAtItsEndWhatCouldNotBeStoredBefore) {
    const auto state_dir = directory.file("later");
    std::string revoked;
    {
        desk first{c, test::make_key(), state_dir};
        revoked = first.issue(1, start);
        first.revoke(first.examine(revoked, 1, start).who);
        // Answered after the attempt to store, which failed: the directory was not there.
        std::promise<void> answered;
        first.verify({}, [&](verdict) { answered.set_value(); });
        answered.get_future().get();
        std::filesystem::create_directory(state_dir);
    }
    const desk second{c, test::make_key(), state_dir};
    EXPECT_EQ(second.examine(revoked, 1, start).state, session_state::revoked);
}

TEST_F(Desk, DoesNotStartOverABrokenListOfRevocations) {
    std::ofstream{directory.file("revoked-sessions")} << "garbage";
    EXPECT_THROW((desk{c, test::make_key(), directory.path()}), std::runtime_error);
}

TEST_F(Desk, NeedsAKey) {
    EXPECT_THROW((desk{c, secret{}, ""}), std::exception);
}

TEST_F(Desk, MintsTicketsForDoorsWithTheSamePassword) {
    auto own = c;
    own.agents[1].password = secret{"another"};
    own.agents[2].password = secret{};
    desk mixed{own, test::make_key(), ""};
    EXPECT_TRUE(mixed.same_password(1, control_door));
    EXPECT_FALSE(mixed.same_password(2, control_door));
    const auto ticket = mixed.mint_ticket(1, start);
    ASSERT_TRUE(ticket);
    EXPECT_FALSE(mixed.mint_ticket(2, start));
    EXPECT_FALSE(mixed.mint_ticket(3, start));
    EXPECT_FALSE(mixed.mint_ticket(9, start));
    EXPECT_TRUE(mixed.redeem_ticket(*ticket, 1, start + 1s));
    EXPECT_FALSE(mixed.redeem_ticket(*ticket, 1, start + 1s));
}

TEST_F(Desk, ChecksPasswords) {
    candidate right{1, boost::asio::ip::make_address("198.51.100.1"), "", secret{"correct horse"}};
    ASSERT_TRUE(d.verify_now(right));
    std::promise<verdict> answer;
    d.verify(right, [&](verdict v) { answer.set_value(v); });
    EXPECT_EQ(answer.get_future().get().what, outcome::accepted);
    auto wrong = right;
    wrong.password = secret{"incorrect horse"};
    EXPECT_FALSE(d.verify_now(wrong));
}

TEST_F(Desk, ServesManyThreadsAtOnce) {
    std::atomic<int> bad{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            const door where = t % 3 + 1;
            for (int n = 0; n < 50; ++n) {
                const auto cookie = d.issue(where, start);
                const auto v = d.examine(cookie, where, start);
                d.touch(v.who, start + 1h);
                if (!v.ok() || !d.examine(cookie, where, start + 24h + 30min).ok()) ++bad;
                const auto ticket = d.mint_ticket(where, start);
                if (!ticket || !d.redeem_ticket(*ticket, where, start)) ++bad;
                const auto epoch = d.revocation_epoch();
                d.revoke(v.who);
                if (d.examine(cookie, where, start).state != session_state::revoked) ++bad;
                if (d.revocation_epoch() == epoch) ++bad;
            }
        });
    for (auto& t : threads)
        t.join();
    EXPECT_EQ(bad, 0);
    EXPECT_EQ(d.revocation_epoch(), 200u);
}

} // namespace
} // namespace clawgate::auth
