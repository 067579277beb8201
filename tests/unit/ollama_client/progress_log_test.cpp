#include "ollama_client/model_keeper.hpp"

#include <gtest/gtest.h>

namespace clawgate::ollama {
namespace {

using std::chrono::seconds;

const steady_time start = steady_time{} + std::chrono::hours{1};

pull_progress at(unsigned percent) {
    pull_progress p;
    p.take(R"({"digest":"d","total":100,"completed":)" + std::to_string(percent) + "}", start);
    return p;
}

TEST(ProgressLog, BeginsWithALine) {
    progress_log log;
    EXPECT_TRUE(log.due({}, start));
    EXPECT_FALSE(log.due(at(1), start + seconds{10}));
}

TEST(ProgressLog, HasALineForEachTenPerCent) {
    progress_log log;
    EXPECT_TRUE(log.due(at(0), start));
    EXPECT_TRUE(log.due(at(10), start + seconds{5}));
    EXPECT_FALSE(log.due(at(19), start + seconds{20}));
    EXPECT_TRUE(log.due(at(20), start + seconds{20}));
}

TEST(ProgressLog, HasNoMoreThanOneInFiveSeconds) {
    progress_log log;
    EXPECT_TRUE(log.due(at(0), start));
    EXPECT_FALSE(log.due(at(50), start + std::chrono::milliseconds{4999}));
    EXPECT_TRUE(log.due(at(50), start + seconds{5}));
}

TEST(ProgressLog, SaysOnceAMinuteThatItIsStillGoingOn) {
    progress_log log;
    EXPECT_TRUE(log.due(at(11), start));
    EXPECT_FALSE(log.due(at(12), start + seconds{59}));
    EXPECT_TRUE(log.due(at(12), start + seconds{60}));
}

} // namespace
} // namespace clawgate::ollama
