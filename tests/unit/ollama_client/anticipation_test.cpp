// Conversations and the caches of the slots: who keeps a warm slot, and for how long one stays free.

#include "admission_support.hpp"

#include <gmock/gmock.h>

namespace clawgate::ollama {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// Over one slot: agent_1's first turn runs, and a call of agent_2 waits that has no right to go first, since
/// it is not agent_2's first one.
struct two_agents {
    call_id turn = 0;
    call_id other = 0;
};

class conversation_test : public admission_test {
protected:
    void start(admission& a) {
        const auto before = add(a, call("agent_2", 1000));
        agents.other = add(a, call("agent_2", 1000));
        ASSERT_THAT(dispatched(a), ElementsAre(before));
        agents.turn = add(a, turn_of("agent_1", 0));
        a.finish(before, 0, 0, now += 1ms);
        ASSERT_THAT(dispatched(a), ElementsAre(agents.turn));
    }

    two_agents agents;
};

using WarmSlot = conversation_test;
using Anticipation = conversation_test;

TEST_F(WarmSlot, KeepsAConversationWithinTheWindow) {
    admission a{limits(1)};
    start(a);
    unsigned turns = 1;
    for (call_id running = agents.turn;; ++turns) {
        const auto next_turn = add(a, turn_of("agent_1", turns));
        a.finish(running, 0, 0, now += 5s);
        const auto all = dispatched(a);
        ASSERT_EQ(all.size(), 1u);
        if (all.front() != next_turn) break;
        running = next_turn;
    }
    // Turns of 5, 6, 7 … thousand tokens: after the eighth the conversation is more than 65,536 ahead.
    EXPECT_EQ(turns, 8u);
    EXPECT_EQ(a.statistics().warm, 7u);
}

TEST_F(WarmSlot, CountsForNothingWithoutAWindow) {
    auto l = limits(1);
    l.fairness_window = 0;
    admission a{l};
    start(a);
    add(a, turn_of("agent_1", 1));
    a.finish(agents.turn, 0, 0, now += 5s);
    EXPECT_THAT(dispatched(a), ElementsAre(agents.other));
}

TEST_F(WarmSlot, CountsForNothingWhenSomebodyBeginsToAsk) {
    admission a{limits(1)};
    start(a);
    add(a, turn_of("agent_1", 1));
    const auto newcomer = add(a, turn_of("agent_3", 0));
    add(a, turn_of("agent_3", 1));
    a.finish(agents.turn, 0, 0, now += 5s);
    EXPECT_THAT(dispatched(a), ElementsAre(newcomer));
    a.finish(newcomer, 0, 0, now += 5s);
    EXPECT_THAT(dispatched(a), testing::Not(ElementsAre(agents.other))) << "agent_3's slot is warm now";
}

TEST_F(WarmSlot, PrefersTheLongestOfSeveral) {
    admission a{limits(2)};
    const auto long_one = add(a, turn_of("agent_1", 5));
    const auto short_one = add(a, turn_of("agent_2", 0));
    ASSERT_EQ(dispatched(a).size(), 2u);
    const auto short_next = add(a, turn_of("agent_2", 1));
    const auto long_next = add(a, turn_of("agent_1", 6));
    a.finish(short_one, 0, 0, now += 5s);
    a.finish(long_one, 0, 0, now);
    EXPECT_THAT(dispatched(a), ElementsAre(long_next, short_next));
    EXPECT_EQ(a.statistics().warm, 2u);
}

class AnticipationAfterOneTurn : public conversation_test {
protected:
    admission a{limits(1)};
    call_id other = 0;

    void SetUp() override {
        ASSERT_NO_FATAL_FAILURE(start(a));
        other = agents.other;
        a.finish(agents.turn, 0, 0, now += 20s);
    }
};

TEST_F(AnticipationAfterOneTurn, KeepsTheSlotFreeForAMoment) {
    EXPECT_THAT(dispatched(a), IsEmpty());
    EXPECT_EQ(a.next_decision(), now + 50ms);
    now += 30ms;
    const auto again = add(a, turn_of("agent_1", 1));
    EXPECT_THAT(dispatched(a), ElementsAre(again));
    EXPECT_FALSE(a.next_decision());
    EXPECT_EQ(a.statistics().came_back, 1u);
}

TEST_F(AnticipationAfterOneTurn, EndsWhenTheConversationDoesNotComeBack) {
    EXPECT_THAT(dispatched(a), IsEmpty());
    now += 50ms;
    EXPECT_THAT(dispatched(a), ElementsAre(other));
    EXPECT_FALSE(a.next_decision());
    EXPECT_EQ(a.statistics().came_back, 0u);
}

TEST_F(AnticipationAfterOneTurn, EndsForSomebodyOfAHigherRank) {
    EXPECT_THAT(dispatched(a), IsEmpty());
    const auto person = add(a, call("person", 1000, priority::person));
    EXPECT_THAT(dispatched(a), ElementsAre(person));
    EXPECT_FALSE(a.next_decision());
}

TEST_F(AnticipationAfterOneTurn, EndsWithNobodyElseWaiting) {
    EXPECT_THAT(dispatched(a), IsEmpty());
    a.cancel(other);
    EXPECT_THAT(dispatched(a), IsEmpty());
    EXPECT_FALSE(a.next_decision());
}

TEST_F(AnticipationAfterOneTurn, IsNotForAnotherConversationOfTheSameFlow) {
    EXPECT_THAT(dispatched(a), IsEmpty());
    const auto unrelated = add(a, call("agent_1"));
    const auto next = dispatched(a);
    ASSERT_EQ(next.size(), 1u) << "the flow has something to do: the slot is given away at once";
    EXPECT_EQ(next.front(), other) << "which has had less";
    EXPECT_EQ(a.statistics().came_back, 0u);
    (void)unrelated;
}

TEST_F(Anticipation, IsNotForOneThatIsAheadByMoreThanTheWindow) {
    auto l = limits(1);
    l.fairness_window = 3000;
    admission a{l};
    start(a); // 5,000 tokens against 1,000
    a.finish(agents.turn, 0, 0, now += 20s);
    EXPECT_THAT(dispatched(a), ElementsAre(agents.other));
}

TEST_F(Anticipation, StopsAfterTwoVainWaitsAndStartsAgainWithAQuickTurn) {
    auto l = limits(1);
    l.fairness_window = 1'000'000;
    admission a{l};
    // One turn of agent_1, which then stays away while somebody of no rank to speak of waits. Was the slot
    // kept free?
    const auto is_waited_for = [&] {
        const auto turn = add(a, turn_of("agent_1", 0));
        EXPECT_THAT(dispatched(a), ElementsAre(turn));
        auto r = call("agent_2");
        r.rank = priority::background;
        const auto other = add(a, r);
        a.finish(turn, 0, 0, now += 20s);
        auto next = dispatched(a);
        const bool waited = next.empty();
        if (waited) {
            now = a.next_decision().value();
            next = dispatched(a);
        }
        EXPECT_THAT(next, ElementsAre(other));
        a.finish(other, 0, 0, now += 20s);
        now += 10s;
        return waited;
    };
    EXPECT_TRUE(is_waited_for());
    EXPECT_TRUE(is_waited_for());
    EXPECT_FALSE(is_waited_for());
    EXPECT_FALSE(is_waited_for());
    // A quick turn: nobody had to wait for it, but it is seen.
    serve(a, turn_of("agent_1", 0), 20s);
    now += 5ms;
    serve(a, turn_of("agent_1", 1), 20s);
    EXPECT_TRUE(is_waited_for());
}

TEST_F(Anticipation, IsPaidOutOfTheTimeServed) {
    admission a{limits(1)};
    start(a);
    a.finish(agents.turn, 0, 0, now += 9s); // 0.5 % of it are less than the 50 ms that a wait may last
    EXPECT_THAT(dispatched(a), ElementsAre(agents.other));
}

TEST_F(Anticipation, KeepsOnlyTheWarmSlotFree) {
    admission a{limits(2)};
    serve(a, turn_of("agent_1", 0), 20s);
    const auto other = add(a, turn_of("agent_2", 0));
    EXPECT_THAT(dispatched(a), ElementsAre(other)) << "the other slot";
    const auto again = add(a, turn_of("agent_1", 1));
    EXPECT_THAT(dispatched(a), ElementsAre(again));
    EXPECT_EQ(a.statistics().warm, 1u);
}

// --- prefixes

TEST(PrefixBuilder, SharesThePrefixesOfAGrowingConversation) {
    prefix_builder b;
    b.add("system");
    b.add("question");
    const auto before = b.take(0.5);
    b.add("system");
    b.add("question");
    b.add("answer, and the next question");
    const auto after = b.take(0.5);
    ASSERT_EQ(before.size(), 2u);
    ASSERT_EQ(after.size(), 3u);
    EXPECT_EQ(before[0].hash, after[0].hash);
    EXPECT_EQ(before[1].hash, after[1].hash);
    EXPECT_EQ(after[0].tokens, 3u);
    EXPECT_EQ(after[1].tokens, 7u);
}

TEST(PrefixBuilder, TellsEveryDifferenceApart) {
    const auto hash_of = [](std::initializer_list<std::string_view> messages) {
        prefix_builder b;
        for (const auto m : messages)
            b.add(m);
        return b.take(1.0).back().hash;
    };
    std::string text(100, 'a');
    const auto original = hash_of({text});
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto changed = text;
        changed[i] = 'b';
        EXPECT_NE(hash_of({changed}), original) << i;
    }
    EXPECT_NE(hash_of({"ab", "c"}), hash_of({"a", "bc"}));
    EXPECT_NE(hash_of({"a"}), hash_of({std::string_view{"a\0", 2}}));
    EXPECT_NE(hash_of({""}), hash_of({"", ""}));
}

TEST(PrefixBuilder, KeepsFewBoundariesOfAVeryLongConversationAndAlwaysTheSame) {
    prefix_builder b;
    for (int i = 0; i < 100'000; ++i)
        b.add("m");
    const auto before = b.take(1.0);
    for (int i = 0; i < 100'003; ++i)
        b.add("m");
    const auto after = b.take(1.0);
    EXPECT_LT(before.size(), 6000u);
    ASSERT_LE(before.size(), after.size());
    for (std::size_t i = 0; i < before.size(); ++i)
        ASSERT_EQ(before[i].hash, after[i].hash) << i;
    EXPECT_GT(before.back().tokens, 99'000u);
}

TEST(PrefixBuilder, SaturatesWhereTokensCannotBeCounted) {
    prefix_builder b;
    b.add("text");
    EXPECT_EQ(b.take(1e30).back().tokens, std::numeric_limits<std::uint32_t>::max());
    b.add("text");
    EXPECT_EQ(b.take(-1).back().tokens, 0u);
    EXPECT_TRUE(b.take(1.0).empty());
}

} // namespace
} // namespace clawgate::ollama
