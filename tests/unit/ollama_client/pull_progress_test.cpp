#include "ollama_client/pull_progress.hpp"

#include <gtest/gtest.h>

namespace clawgate::ollama {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const steady_time start = steady_time{} + std::chrono::hours{1};

std::string layer(const std::string& digest, std::uint64_t total, std::uint64_t completed) {
    auto line = R"({"status":"pulling )" + digest + R"(","digest":"sha256:)" + digest + R"(","total":)" +
                std::to_string(total);
    if (completed > 0) line += R"(,"completed":)" + std::to_string(completed);
    return line + "}";
}

TEST(PullProgress, KnowsNoPercentageBeforeTheFirstLayer) {
    pull_progress p;
    p.take(R"({"status":"pulling manifest"})", start);
    EXPECT_EQ(p.status(), "pulling manifest");
    EXPECT_FALSE(p.percent());
    EXPECT_EQ(describe(p, start), "pulling manifest");
}

TEST(PullProgress, SumsItsLayers) {
    pull_progress p;
    p.take(layer("a", 900, 0), start);
    p.take(layer("b", 100, 100), start);
    p.take(layer("a", 900, 450), start);
    EXPECT_EQ(p.total(), 1000u);
    EXPECT_EQ(p.completed(), 550u);
    EXPECT_EQ(p.percent(), 55);
}

TEST(PullProgress, CountsAPartThatIsFetchedOnceMore) {
    pull_progress p;
    p.take(layer("a", 1000, 600), start);
    p.take(layer("a", 1000, 400), start);
    EXPECT_EQ(p.completed(), 400u);
    EXPECT_EQ(p.bytes_per_second(start + seconds{1}), 0);
}

TEST(PullProgress, MeasuresTheLastSecondsOnly) {
    pull_progress p;
    p.take(layer("a", 10'000'000, 0), start);
    p.take(layer("a", 10'000'000, 5'000'000), start + seconds{1});
    for (int s = 2; s <= 30; ++s)
        p.take(layer("a", 10'000'000, 5'000'000 + 1000u * static_cast<unsigned>(s - 1)), start + seconds{s});
    EXPECT_NEAR(p.bytes_per_second(start + seconds{30}), 1000, 1);
    EXPECT_NEAR(static_cast<double>(p.time_left(start + seconds{30})->count()), 4971, 5);
}

TEST(PullProgress, WhatWasThereBeforeIsNoSpeed) {
    pull_progress p;
    p.take(layer("a", 1'000'000, 900'000), start);
    p.take(layer("a", 1'000'000, 901'000), start + seconds{1});
    EXPECT_EQ(p.percent(), 90);
    EXPECT_NEAR(p.bytes_per_second(start + seconds{1}), 1000, 1);
}

TEST(PullProgress, RepeatedLinesAreNoAdvance) {
    pull_progress p;
    p.take(layer("a", 1000, 10), start);
    for (int i = 1; i < 100; ++i)
        p.take(layer("a", 1000, 10), start + milliseconds{60 * i});
    EXPECT_EQ(p.last_advance(), start);
    p.take(layer("a", 1000, 11), start + seconds{7});
    EXPECT_EQ(p.last_advance(), start + seconds{7});
}

TEST(PullProgress, AStallBringsTheSpeedDown) {
    pull_progress p;
    p.take(layer("a", 100'000, 0), start);
    p.take(layer("a", 100'000, 10'000), start + seconds{1});
    for (int s = 2; s <= 15; ++s)
        p.take(layer("a", 100'000, 10'000), start + seconds{s});
    EXPECT_EQ(p.bytes_per_second(start + seconds{15}), 0);
    EXPECT_FALSE(p.time_left(start + seconds{15}));
}

TEST(PullProgress, SaysWhenOnlyCheckingIsLeft) {
    pull_progress p;
    p.take(R"({"status":"pulling manifest"})", start);
    EXPECT_FALSE(p.finishing());
    p.take(layer("a", 1000, 1000), start);
    EXPECT_FALSE(p.finishing());
    p.take(R"({"status":"verifying sha256 digest"})", start);
    EXPECT_TRUE(p.finishing());
    EXPECT_EQ(describe(p, start), "verifying sha256 digest");
}

TEST(PullProgress, EndsWithSuccess) {
    pull_progress p;
    p.take(R"({"status":"writing manifest"})", start);
    EXPECT_FALSE(p.succeeded());
    p.take(R"({"status":"success"})", start);
    EXPECT_TRUE(p.succeeded());
    EXPECT_EQ(p.percent(), 100);
}

TEST(PullProgress, KeepsTheServersError) {
    pull_progress p;
    p.take(R"({"error":"pull model manifest: file does not exist"})", start);
    EXPECT_EQ(p.error(), "pull model manifest: file does not exist");
    EXPECT_FALSE(p.succeeded());
}

TEST(PullProgress, TakesNonsenseAsSilence) {
    pull_progress p;
    for (const auto* line : {"<html>", "[]", "7", R"({"digest":7,"total":"x"})",
                             R"({"digest":"d","total":-5,"completed":1e30})", R"({"status":null})"})
        p.take(line, start);
    EXPECT_EQ(p.total(), 0u);
    EXPECT_EQ(p.completed(), 0u);
    EXPECT_TRUE(p.error().empty());
    p.take(R"({"digest":"d","total":18446744073709551615,"completed":18446744073709551615})", start);
    EXPECT_EQ(p.percent(), 100);
}

TEST(PullProgress, IsShownInOneLine) {
    pull_progress p;
    p.take(layer("a", 19'000'000'000, 0), start);
    p.take(layer("a", 19'000'000'000, 950'000'000), start + seconds{10});
    EXPECT_EQ(describe(p, start + seconds{10}), "5 %, 950.0 MB of 19.0 GB, 95.0 MB/s, 3 min 10 s left");
}

TEST(ShownBytes, AreDecimal) {
    EXPECT_EQ(shown_bytes(0), "0 B");
    EXPECT_EQ(shown_bytes(999), "999 B");
    EXPECT_EQ(shown_bytes(999'960), "1.0 MB");
    EXPECT_EQ(shown_bytes(19'019'270'000.0), "19.0 GB");
}

TEST(ShownDuration, NamesTheTwoLargestUnits) {
    EXPECT_EQ(shown_duration(seconds{59}), "59 s");
    EXPECT_EQ(shown_duration(seconds{3900}), "1 h 5 min");
}

} // namespace
} // namespace clawgate::ollama
