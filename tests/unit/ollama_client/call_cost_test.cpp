#include "ollama_client/call_cost.hpp"

#include <gtest/gtest.h>

namespace clawgate::ollama {
namespace {

using std::chrono::seconds;

call_course taken() {
    call_course c;
    c.estimated_prompt = 10'000;
    c.taken = true;
    return c;
}

TEST(CallCost, IsWhatTheLastRecordSays) {
    auto c = taken();
    c.records = 20;
    c.numbers.emplace();
    c.numbers->prompt_tokens = 9'000;
    c.numbers->answer_tokens = 30;
    EXPECT_EQ(cost_of(c).prompt_tokens, 9'000u);
    EXPECT_EQ(cost_of(c).answer_tokens, 30u);
    c.numbers->answer_tokens = 0;
    EXPECT_EQ(cost_of(c).answer_tokens, 20u) << "never less than was seen";
}

TEST(CallCost, OfACallerThatLeavesBeforeTheLastRecordIsWhatWasGenerated) {
    auto c = taken();
    c.records = 55;
    EXPECT_EQ(cost_of(c).answer_tokens, 55u);
    EXPECT_EQ(cost_of(c).prompt_tokens, 0u) << "as estimated: all of it was evaluated";
}

TEST(CallCost, OfAPromptThatWasGivenUpIsWhatCanHaveBeenEvaluated) {
    auto c = taken();
    c.ran = seconds{2};
    EXPECT_EQ(cost_of(c).prompt_tokens, 0u) << "nothing is known of the server's speed";
    c.prompt_tokens_a_second = 1'000;
    EXPECT_EQ(cost_of(c).prompt_tokens, 2'000u);
    EXPECT_EQ(cost_of(c).answer_tokens, 1u);
    c.ran = seconds{60};
    EXPECT_EQ(cost_of(c).prompt_tokens, 10'000u) << "at most all of it";
}

TEST(CallCost, OfWhatTheServerNeverGotIsNothing) {
    call_course c;
    c.estimated_prompt = 10'000;
    c.ran = seconds{5};
    EXPECT_EQ(cost_of(c).prompt_tokens, 1u);
    EXPECT_EQ(cost_of(c).answer_tokens, 1u);
}

} // namespace
} // namespace clawgate::ollama
