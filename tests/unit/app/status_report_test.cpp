#include "app/status_report.hpp"

#include <gmock/gmock.h>

namespace clawgate::app {
namespace {

using nlohmann::json;
using std::chrono::seconds;

TEST(StatusReport, ShowsADownloadWithSpeedAndTimeLeft) {
    ollama::keeper_status k;
    k.server_up = true;
    k.server_version = "0.13.0";
    ollama::model_status m;
    m.name = "glm-4.7-flash:latest";
    m.phase = ollama::model_phase::pulling;
    const steady_time begin{seconds{100}};
    m.progress.emplace();
    m.progress->take(R"({"status":"pulling a","digest":"sha256:a","total":1000,"completed":100})", begin);
    m.progress->take(R"({"status":"pulling a","digest":"sha256:a","total":1000,"completed":300})", begin + seconds{2});
    k.models.push_back(m);
    const auto j = report_models(k, begin + seconds{2});
    EXPECT_EQ(j["server_version"], "0.13.0");
    EXPECT_FALSE(j.contains("server_problem"));
    const auto& download = j["models"][0]["download"];
    EXPECT_EQ(j["models"][0]["state"], "pulling");
    EXPECT_EQ(download["percent"], 30);
    EXPECT_EQ(download["completed_bytes"], 300);
    EXPECT_GT(download["bytes_per_second"].get<double>(), 0);
    EXPECT_GT(download["seconds_left"].get<int>(), 0);
}

TEST(StatusReport, SaysWhyTheServerIsNotUp) {
    ollama::keeper_status k;
    k.server_problem = "connection refused";
    k.models.push_back({});
    k.models[0].phase = ollama::model_phase::failed;
    k.models[0].reason = "no space left";
    const auto j = report_models(k, {});
    EXPECT_EQ(j["server_up"], false);
    EXPECT_EQ(j["server_problem"], "connection refused");
    EXPECT_EQ(j["models"][0]["reason"], "no space left");
    EXPECT_FALSE(j["models"][0].contains("download"));
}

TEST(StatusReport, ShowsProgramsWithMemoryAndWhatHappened) {
    pod_status s;
    s.supervised = true;
    s.programs = {{"openclaw-agent_1", "RUNNING", 7, 1'700'000'000, ""}, {"ollama", "BACKOFF", 0, 0, "exited too quickly"}};
    s.agents = {{"agent_1", s.programs[0], 900u << 20}};
    s.events = {{wall_time{}, "openclaw-agent_1", "out_of_memory", 5}};
    s.facts.notices = {{"not_mounted", "no volume"}};
    json j;
    report_pod(j, &s);
    EXPECT_EQ(j["programs"][0]["memory_bytes"], 900u << 20);
    EXPECT_EQ(j["programs"][0]["started"].get<std::string>().substr(0, 10), "2023-11-14");
    EXPECT_EQ(j["programs"][1]["problem"], "exited too quickly");
    EXPECT_FALSE(j["programs"][1].contains("started"));
    EXPECT_EQ(j["events"][0]["bytes"], 5);
    EXPECT_EQ(j["notices"][0]["key"], "not_mounted");
}

TEST(StatusReport, IsWholeWithoutAnybodyWhoLooksAfterThePod) {
    json j;
    report_pod(j, nullptr);
    EXPECT_EQ(j["supervised"], false);
    EXPECT_TRUE(j["events"].is_array() && j["notices"].is_array() && j["programs"].is_array());
}

TEST(StatusReport, TellsAnAgentThatNeverCameFromOneThatWent) {
    EXPECT_EQ(agent_state(true, true), "ready");
    EXPECT_EQ(agent_state(false, true), "down");
    EXPECT_EQ(agent_state(false, false), "starting");
}

} // namespace
} // namespace clawgate::app
