#include "app/body_budget.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace clawgate::app {
namespace {

class BodyBudget : public testing::Test {
protected:
    static constexpr std::size_t mb = 1u << 20;
    std::shared_ptr<body_budget> budget = std::make_shared<body_budget>(512 * mb);
    std::vector<std::unique_ptr<held_bytes>> all;

    bool hold(const std::string& caller, std::size_t bytes) {
        auto h = std::make_unique<held_bytes>(budget, caller);
        const bool granted = h->resize(bytes);
        if (granted) all.push_back(std::move(h));
        return granted;
    }
};

TEST_F(BodyBudget, OneCallerHasAQuarterHoweverManyBodiesItSends) {
    EXPECT_TRUE(hold("agent_1", 64 * mb));
    EXPECT_TRUE(hold("agent_1", 64 * mb));
    EXPECT_FALSE(hold("agent_1", 1));
    EXPECT_TRUE(hold("agent_2", 64 * mb));
}

TEST_F(BodyBudget, WhoHoldsLittleIsServedWhenTheOthersHoldAllThatTheyMay) {
    for (const auto* greedy : {"agent_1", "agent_2", "agent_3"})
        ASSERT_TRUE(hold(greedy, 128 * mb));
    EXPECT_FALSE(hold("agent_4", 9 * mb));
    for (int n = 4; n <= 10; ++n)
        EXPECT_TRUE(hold("agent_" + std::to_string(n), 8 * mb)) << n;
    EXPECT_FALSE(hold("agent_4", mb));
}

TEST_F(BodyBudget, WhatIsGivenBackCanBeHeldAgain) {
    ASSERT_TRUE(hold("agent_1", 128 * mb));
    EXPECT_TRUE(all.back()->resize(mb));
    EXPECT_EQ(budget->held(), mb);
    EXPECT_TRUE(hold("agent_1", 127 * mb));
    EXPECT_FALSE(all.front()->resize(2 * mb));
    EXPECT_EQ(budget->held(), 128 * mb) << "a refusal changes nothing";
    all.clear();
    EXPECT_EQ(budget->held(), 0u);
}

} // namespace
} // namespace clawgate::app
