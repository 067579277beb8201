#include "ollama_client/model_watchdog.hpp"

#include <gtest/gtest.h>

namespace clawgate::ollama {
namespace {

using std::chrono::seconds;

const steady_time start = steady_time{} + std::chrono::hours{1};

class SilenceDetector : public testing::Test {
protected:
    bool at(int second, unsigned dispatched, int last_record = -1000, bool excused = false) {
        const door_activity a{dispatched, dispatched >= 4, seconds{600}, start + seconds{last_record}};
        return detector.suspicious(a, excused, start + seconds{second});
    }
    silence_detector detector{watchdog_limits{}};
};

TEST_F(SilenceDetector, SuspectsNothingWhileNobodyCalls) {
    for (int s = 0; s < 10'000; s += 100)
        EXPECT_FALSE(at(s, 0));
}

TEST_F(SilenceDetector, CountsFromTheFirstCallAfterAPause) {
    EXPECT_FALSE(at(0, 0));
    EXPECT_FALSE(at(119, 1));
    EXPECT_TRUE(at(120, 1));
}

TEST_F(SilenceDetector, ARecordOfAnyCallIsASignOfLife) {
    EXPECT_FALSE(at(0, 0));
    EXPECT_FALSE(at(150, 3, 100));
    EXPECT_TRUE(at(220, 3, 100));
}

TEST_F(SilenceDetector, WaitsForTheCallsOwnTimeLimitsWhenEverySlotIsTaken) {
    EXPECT_FALSE(at(0, 0));
    EXPECT_FALSE(at(500, 4)) << "four long prompts may be evaluated, and a probe would have to wait";
    EXPECT_FALSE(at(659, 4));
    EXPECT_TRUE(at(660, 4)) << "calls that ended by their limits have freed every slot";
}

TEST_F(SilenceDetector, ASlotThatBecomesFreeMakesSilenceSuspicious) {
    EXPECT_FALSE(at(0, 0));
    EXPECT_FALSE(at(300, 4));
    EXPECT_TRUE(at(301, 3));
}

TEST_F(SilenceDetector, ALoadIsNoSilence) {
    EXPECT_FALSE(at(0, 1, -1000, true));
    EXPECT_FALSE(at(500, 1, -1000, true));
    EXPECT_FALSE(at(619, 1));
    EXPECT_TRUE(at(620, 1));
}

TEST_F(SilenceDetector, WaitsAsLongAgainAfterAnAnsweredProbe) {
    EXPECT_FALSE(at(0, 0));
    EXPECT_TRUE(at(130, 1));
    detector.begin_anew(start + seconds{130});
    EXPECT_FALSE(at(249, 1));
    EXPECT_TRUE(at(250, 1));
}

} // namespace
} // namespace clawgate::ollama
