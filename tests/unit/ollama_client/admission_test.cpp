#include "admission_support.hpp"

#include <gmock/gmock.h>

namespace clawgate::ollama {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

using Admission = admission_test;

TEST_F(Admission, GivesOutAsManySlotsAsThereAre) {
    admission a{limits(2)};
    const auto first = add(a, call("agent_1"));
    const auto second = add(a, call("agent_1"));
    const auto third = add(a, call("agent_1"));
    EXPECT_THAT(dispatched(a), ElementsAre(first, second));
    EXPECT_EQ(a.active(), 2u);
    EXPECT_EQ(a.queued(), 1u);
    a.finish(first, 0, 0, now);
    EXPECT_THAT(dispatched(a), ElementsAre(third));
}

TEST_F(Admission, LetsOneCallPastAHundredOfAnotherAgent) {
    admission a{limits(1)};
    for (int i = 0; i < 100; ++i)
        add(a, call("agent_1", 20'000));
    const auto running = dispatched(a);
    ASSERT_EQ(running.size(), 1u);
    now += 10s;
    const auto other = add(a, call("agent_2"));
    EXPECT_THAT(dispatched(a), IsEmpty());
    a.finish(running.front(), 0, 0, now += 10s);
    EXPECT_THAT(dispatched(a), ElementsAre(other));
}

TEST_F(Admission, LetsOneCallPastAHundredWhoseCacheIsWarm) {
    admission a{limits(1)};
    for (unsigned i = 0; i < 100; ++i)
        add(a, turn_of("agent_1", i));
    const auto running = dispatched(a);
    ASSERT_EQ(running.size(), 1u);
    const auto other = add(a, turn_of("agent_2", 0));
    a.finish(running.front(), 0, 0, now += 10s);
    EXPECT_THAT(dispatched(a), ElementsAre(other));
}

TEST_F(Admission, KeepsEachFlowBelowItsOwnLimit) {
    admission a{limits(4)};
    auto r = call("agent_1");
    r.max_concurrent = 2;
    const auto first = add(a, r);
    const auto second = add(a, r);
    const auto third = add(a, r);
    const auto other = add(a, call("agent_2"));
    EXPECT_THAT(dispatched(a), ElementsAre(first, other, second));
    EXPECT_EQ(a.active_of("agent_1"), 2u);
    EXPECT_EQ(a.queued_of("agent_1"), 1u);
    a.finish(second, 0, 0, now);
    EXPECT_THAT(dispatched(a), ElementsAre(third));
}

TEST_F(Admission, CountsAllRanksOfAFlowAgainstItsLimit) {
    admission a{limits(4)};
    auto own = call("agent_1");
    auto background = call("agent_1", 1000, priority::background);
    own.max_concurrent = background.max_concurrent = 1;
    add(a, background);
    const auto first = add(a, own);
    EXPECT_THAT(dispatched(a), ElementsAre(first));
}

TEST_F(Admission, ServesPeopleThenAgentsThenBackground) {
    admission a{limits(1)};
    const auto running = add(a, call("agent_9"));
    ASSERT_THAT(dispatched(a), ElementsAre(running));
    const auto background = add(a, call("agent_1", 1, priority::background));
    const auto agent = add(a, call("agent_2", 50'000));
    const auto person = add(a, call("person", 100'000, priority::person));
    const auto person_again = add(a, call("person", 100'000, priority::person));
    call_id last = running;
    for (const auto expected : {person, person_again, agent, background}) {
        a.finish(last, 0, 0, now);
        ASSERT_THAT(dispatched(a), ElementsAre(expected));
        last = expected;
    }
}

TEST_F(Admission, ServesALowerRankWhenTheHigherOneIsAtItsLimit) {
    admission a{limits(2)};
    auto person = call("person", 1000, priority::person);
    person.max_concurrent = 1;
    const auto first = add(a, person);
    add(a, person);
    const auto background = add(a, call("agent_1", 1000, priority::background));
    EXPECT_THAT(dispatched(a), ElementsAre(first, background));
}

TEST_F(Admission, ChargesWhatACallReallyUsed) {
    admission a{limits(1)};
    auto modest = call("agent_1", 10);
    const auto first = add(a, modest);
    const auto other = add(a, call("agent_2", 1000));
    const auto second = add(a, modest);
    ASSERT_THAT(dispatched(a), ElementsAre(first));
    a.finish(first, 4000, 1000, now); // 10 were announced
    ASSERT_THAT(dispatched(a), ElementsAre(other));
    const auto other_again = add(a, call("agent_2", 1000));
    a.finish(other, 0, 0, now); // unknown: as announced
    EXPECT_THAT(dispatched(a), ElementsAre(other_again));
    (void)second;
}

TEST_F(Admission, GivesBackWhatWasAnnouncedTooHigh) {
    admission a{limits(1)};
    auto r = call("agent_1", 1000);
    r.answer_tokens = 32'000;
    const auto first = add(a, r);
    const auto second = add(a, r);
    add(a, call("agent_2", 1000));
    const auto other = add(a, call("agent_2", 1000));
    ASSERT_THAT(dispatched(a), ElementsAre(first));
    a.finish(first, 1000, 100, now);
    const auto running = dispatched(a); // agent_2, which had nothing yet
    ASSERT_EQ(running.size(), 1u);
    a.finish(running.front(), 1000, 200, now);
    EXPECT_THAT(dispatched(a), ElementsAre(second));
    (void)other;
}

TEST_F(Admission, GivesNoCreditForStandingStill) {
    auto l = limits(1);
    l.fairness_window = 10'000;
    admission a{l};
    serve(a, call("agent_2"), 1s);
    for (int i = 0; i < 100; ++i)
        serve(a, call("agent_1", 10'000), 1s);
    // agent_2 stood still while agent_1 had a million tokens.
    for (int i = 0; i < 200; ++i) {
        add(a, call("agent_1", 1000));
        add(a, call("agent_2", 1000));
    }
    unsigned before_the_other = 0;
    for (auto running = dispatched(a); a.active_of("agent_1") == 0; running = dispatched(a)) {
        ASSERT_EQ(running.size(), 1u);
        ++before_the_other;
        a.finish(running.front(), 0, 0, now);
    }
    EXPECT_GE(before_the_other, 1u);
    EXPECT_LE(before_the_other, 10u); // as much as agent_1's last call
}

TEST_F(Admission, GivesNoCreditForBeingAtTheOwnLimit) {
    auto l = limits(2);
    l.fairness_window = 10'000;
    admission a{l};
    auto limited = call("agent_1");
    limited.max_concurrent = 1;
    const auto long_one = add(a, limited);
    add(a, limited);
    ASSERT_THAT(dispatched(a), ElementsAre(long_one));
    for (int i = 0; i < 100; ++i)
        serve(a, call("agent_2", 10'000), 1s);
    a.set_slots(1);
    a.finish(long_one, 0, 0, now);
    for (int i = 0; i < 200; ++i) {
        add(a, call("agent_1"));
        add(a, call("agent_2"));
    }
    unsigned before_the_other = 0;
    for (auto running = dispatched(a); a.active_of("agent_2") == 0; running = dispatched(a)) {
        ASSERT_EQ(running.size(), 1u);
        ++before_the_other;
        a.finish(running.front(), 0, 0, now);
    }
    EXPECT_LE(before_the_other, 10u); // as much as agent_2's last call
}

TEST_F(Admission, TreatsNewcomersAlikeHoweverManyCome) {
    auto l = limits(1);
    l.fairness_window = 10'000;
    admission a{l};
    for (int i = 0; i < 50; ++i)
        serve(a, call("agent_1", 10'000), 1s);
    std::vector<call_id> first;
    for (int agent = 2; agent <= 6; ++agent) {
        first.push_back(add(a, call("agent_" + std::to_string(agent), 1000)));
        add(a, call("agent_" + std::to_string(agent), 1000));
    }
    std::vector<call_id> order;
    for (std::size_t i = 0; i < first.size(); ++i) {
        const auto running = dispatched(a);
        ASSERT_EQ(running.size(), 1u);
        order.push_back(running.front());
        a.finish(running.front(), 0, 0, now);
    }
    EXPECT_EQ(order, first);
}

TEST_F(Admission, RefusesWhatTheQueueCannotHold) {
    auto l = limits(1);
    l.max_queued = 3;
    admission a{l};
    for (int i = 0; i < 3; ++i)
        add(a, call("agent_1"));
    const auto refused = a.enqueue(call("agent_1"), now);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, errc::locked_out);
    EXPECT_EQ(refused.error().again, retry::later);
    EXPECT_EQ(a.queued(), 3u);
    EXPECT_EQ(dispatched(a).size(), 1u);
    add(a, call("agent_1"));
}

TEST_F(Admission, HasAPlaceForOthersWhenOneFillsTheQueue) {
    auto l = limits(1);
    l.max_queued = 16;
    l.max_queued_bytes = 1600;
    admission a{l};
    while (a.enqueue(call("agent_1"), now)) {
    }
    EXPECT_EQ(a.queued_of("agent_1"), 16u);
    add(a, call("agent_2"));
    EXPECT_TRUE(a.enqueue(call("agent_2"), now).has_error());
    add(a, call("agent_3"));
    EXPECT_TRUE(a.enqueue(call("agent_4"), now).has_error());
}

TEST_F(Admission, RefusesMoreBytesThanItMayHold) {
    auto l = limits(1);
    l.max_queued_bytes = 1000;
    admission a{l};
    auto big = call("agent_1");
    big.bytes = 500;
    const auto first = add(a, big);
    EXPECT_TRUE(a.enqueue(big, now).has_error()) << "the last quarter is for others";
    big.flow = "agent_2";
    add(a, big);
    EXPECT_EQ(a.queued_bytes(), 1000u);
    EXPECT_TRUE(a.enqueue(call("agent_3"), now).has_error());
    EXPECT_THAT(dispatched(a), ElementsAre(first));
    EXPECT_EQ(a.queued_bytes(), 500u);
    add(a, call("agent_3"));
    auto huge = call("agent_4");
    huge.bytes = std::numeric_limits<std::size_t>::max();
    EXPECT_TRUE(a.enqueue(huge, now).has_error());
}

TEST_F(Admission, FreesPlaceAndBytesWhenACallerLeaves) {
    auto l = limits(1);
    l.max_queued = 2;
    admission a{l};
    const auto first = add(a, call("agent_1"));
    const auto second = add(a, call("agent_1"));
    a.cancel(first);
    EXPECT_EQ(a.queued(), 1u);
    EXPECT_EQ(a.queued_bytes(), 10u);
    EXPECT_EQ(a.queued_of("agent_1"), 1u);
    EXPECT_FALSE(a.place_of(first, now));
    const auto third = add(a, call("agent_1"));
    a.cancel(first); // again: harmless
    EXPECT_THAT(dispatched(a), ElementsAre(second));
    a.cancel(second); // runs, so it is not the queue's
    EXPECT_EQ(a.active(), 1u);
    a.finish(second, 0, 0, now);
    a.finish(second, 0, 0, now);
    EXPECT_EQ(a.active(), 0u);
    EXPECT_THAT(dispatched(a), ElementsAre(third));
    EXPECT_EQ(a.queued_bytes(), 0u);
}

TEST_F(Admission, FollowsTheNumberOfSlots) {
    admission a{limits(1)};
    for (int i = 0; i < 8; ++i)
        add(a, call("agent_1"));
    auto running = dispatched(a);
    ASSERT_EQ(running.size(), 1u);
    a.set_slots(4);
    for (const auto id : dispatched(a))
        running.push_back(id);
    ASSERT_EQ(running.size(), 4u);
    a.set_slots(2);
    EXPECT_THAT(dispatched(a), IsEmpty());
    EXPECT_EQ(a.active(), 4u) << "what runs goes on";
    a.finish(running[0], 0, 0, now);
    a.finish(running[1], 0, 0, now);
    EXPECT_THAT(dispatched(a), IsEmpty());
    a.finish(running[2], 0, 0, now);
    EXPECT_EQ(dispatched(a).size(), 1u);
    EXPECT_EQ(a.active(), 2u);
    a.set_slots(0);
    a.finish(running[3], 0, 0, now);
    EXPECT_THAT(dispatched(a), IsEmpty()) << "at least one slot, which is taken";
    a.set_slots(3);
    EXPECT_EQ(dispatched(a).size(), 2u);
}

TEST_F(Admission, TellsThePlaceInTheQueueAndTheWait) {
    admission a{limits(2)};
    serve(a, call("agent_1"), 10s); // the mean service time is 10 s now
    const auto one = add(a, call("agent_1"));
    const auto two = add(a, call("agent_1"));
    ASSERT_THAT(dispatched(a), ElementsAre(one, two));
    std::vector<call_id> waiting;
    for (int i = 0; i < 4; ++i)
        waiting.push_back(add(a, call("agent_1")));
    const auto other = add(a, call("agent_2"));
    const auto person = add(a, call("person", 1000, priority::person));

    EXPECT_FALSE(a.place_of(one, now));
    EXPECT_EQ(a.place_of(person, now)->position, 1u);
    EXPECT_EQ(a.place_of(person, now)->estimated_wait, 10s);
    EXPECT_EQ(a.place_of(other, now)->position, 1u) << "it has had nothing yet";
    EXPECT_EQ(a.place_of(other, now)->estimated_wait, 15s) << "after the person";
    EXPECT_EQ(a.place_of(waiting[0], now)->position, 2u);
    EXPECT_EQ(a.place_of(waiting[3], now)->position, 5u);
    EXPECT_EQ(a.place_of(person, now + 4s)->estimated_wait, 6s);
    EXPECT_EQ(a.place_of(person, now + 60s)->estimated_wait, 0s);
}

TEST_F(Admission, EstimatesTheWaitOfAFlowAtItsOwnLimit) {
    admission a{limits(8)};
    auto r = call("agent_1");
    r.max_concurrent = 1;
    serve(a, r, 10s);
    call_id last = 0;
    for (int i = 0; i < 6; ++i)
        last = add(a, r);
    ASSERT_EQ(dispatched(a).size(), 1u);
    EXPECT_GE(a.place_of(last, now)->estimated_wait, 40s);
}

TEST_F(Admission, ForgetsCallersThatDoNothing) {
    admission a{limits(1)};
    for (int i = 0; i < 5000; ++i)
        serve(a, turn_of("person " + std::to_string(i), 0), 1ms);
    EXPECT_EQ(a.queued_of("person 4999"), 0u);
    EXPECT_EQ(a.active(), 0u);
    EXPECT_EQ(a.statistics().dispatched, 5000u);
}

TEST_F(Admission, AModelWithFewerSlotsThanThereAreHasNoMoreCallsAtOnce) {
    admission a{limits(4)};
    const auto of_model = [](const char* flow, const char* model, unsigned slots) {
        auto r = call(flow);
        r.model = model;
        r.model_slots = slots;
        return r;
    };
    const auto first = add(a, of_model("agent_1", "qwen35", 1));
    const auto second = add(a, of_model("agent_2", "qwen35", 1));
    const auto other = add(a, of_model("agent_3", "glm", 4));
    EXPECT_EQ(dispatched(a), (std::vector{first, other})) << "another model's slot is none for it";
    a.finish(other, 0, 0, now += 1s);
    EXPECT_TRUE(dispatched(a).empty());
    a.finish(first, 0, 0, now);
    EXPECT_EQ(dispatched(a), std::vector{second});
}

} // namespace
} // namespace clawgate::ollama
