#include "ollama_client/parameters.hpp"
#include "ollama_client/pruning.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace clawgate::ollama {
namespace {

void learn(token_calibration& c, int times, double bytes_per_token) {
    constexpr std::uint64_t tokens = 10'000;
    for (int i = 0; i < times; ++i)
        c.learn(static_cast<std::size_t>(bytes_per_token * tokens), tokens);
}

TEST(TokenCalibration, BeginsWithTheCommonGuess) {
    EXPECT_DOUBLE_EQ(token_calibration{}.bytes_per_token(), bytes_per_token);
}

TEST(TokenCalibration, ComesWithinAStepOfWhatTheServerCounts) {
    for (const double truth : {2.0, 3.0, 3.6, 4.4, 6.5}) {
        token_calibration c;
        learn(c, 100, truth);
        EXPECT_NEAR(c.bytes_per_token(), truth, truth * 0.11);
    }
}

TEST(TokenCalibration, OnePromptAloneChangesLittle) {
    token_calibration c;
    learn(c, 1, 7.9);
    EXPECT_LE(c.bytes_per_token(), bytes_per_token * 1.13);
}

TEST(TokenCalibration, NoiseOfTenPerCentLeavesItWhereItIs) {
    token_calibration c;
    learn(c, 100, 2.4);
    std::mt19937 random{7};
    std::uniform_real_distribution<double> noise{2.16, 2.64};
    std::set<double> published;
    for (int i = 0; i < 1000; ++i) {
        learn(c, 1, noise(random));
        published.insert(c.bytes_per_token());
    }
    EXPECT_LE(published.size(), 2u); // one step, when it stood at the edge of one
}

TEST(TokenCalibration, MovesInStepsOfATenthAtLeast) {
    token_calibration c;
    auto before = c.bytes_per_token();
    int steps = 0;
    for (int i = 0; i < 200; ++i) {
        learn(c, 1, 6.0);
        const auto now = c.bytes_per_token();
        if (now == before) continue;
        EXPECT_GE(now, before * 1.0999);
        before = now;
        ++steps;
    }
    EXPECT_GE(steps, 1);
    EXPECT_LE(steps, 6);
}

TEST(TokenCalibration, StaysWithinReasonWhateverAServerSays) {
    token_calibration many;
    learn(many, 500, 1000.0);
    EXPECT_LE(many.bytes_per_token(), 8.0);
    EXPECT_GT(many.bytes_per_token(), 6.0);
    token_calibration few;
    learn(few, 500, 0.01);
    EXPECT_GE(few.bytes_per_token(), 1.5);
    EXPECT_LT(few.bytes_per_token(), 2.0);
}

TEST(TokenCalibration, ShortAndMissingCountsTeachNothing) {
    token_calibration c;
    for (int i = 0; i < 500; ++i) {
        c.learn(100'000, 0);
        c.learn(0, 100'000);
        c.learn(30, 20);
    }
    EXPECT_DOUBLE_EQ(c.bytes_per_token(), bytes_per_token);
}

} // namespace
} // namespace clawgate::ollama
