// What `clawgate plan` says, for each GPU of the specification and for two that are too small.
#include "app/plan_report.hpp"

#include "app/plan_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace clawgate;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct answer {
    int status = 0;
    std::string text;
};

answer plan(environment env, bool as_json = false) {
    env.emplace("OPENCLAW_WEB_PASSWORD", "correct horse");
    const auto loaded = parse_config(env);
    EXPECT_TRUE(loaded.problems.empty()) << describe(loaded.problems);
    app::plan_options options;
    options.as_json = as_json;
    options.gpu_origin = "--gpu";
    answer a;
    testing::internal::CaptureStdout();
    a.status = app::run_plan_command(loaded.value, options);
    a.text = testing::internal::GetCapturedStdout();
    return a;
}

struct row {
    std::string card;
    std::string shown;
    std::string preset;
    std::string contexts; ///< the line of the sum
    std::string needed;
    std::string there;
    std::string parallel; ///< the reduction
};

class PlanCommand : public testing::TestWithParam<row> {};

TEST_P(PlanCommand, ShowsCardPresetSumValuesAndReductions) {
    const auto& r = GetParam();
    const auto a = plan({{"CLAWGATE_GPU", r.card}});
    EXPECT_EQ(a.status, 0) << a.text;
    EXPECT_THAT(a.text, AllOf(HasSubstr("GPU      " + r.shown + " (--gpu)\n"),
                              HasSubstr("preset   " + r.preset + " (by the GPU's name): starts with "),
                              HasSubstr("17.0 GB  glm-4.7-flash:latest: weights and buffers (table"),
                              HasSubstr(r.contexts), HasSubstr("0.5 GB  nomic-embed-text (embedding)"),
                              HasSubstr(r.needed + " GB  needed\n"), HasSubstr(r.there + " GB  there: ")));
    EXPECT_THAT(a.text, HasSubstr("reduced: OLLAMA_NUM_PARALLEL from " + r.parallel));
    EXPECT_THAT(a.text, AllOf(HasSubstr("It fits. All sizes are estimates"), Not(HasSubstr("warning"))));
}

INSTANTIATE_TEST_SUITE_P(
    Of, PlanCommand,
    testing::Values(
        row{"NVIDIA GeForce RTX 3090:24576", "NVIDIA GeForce RTX 3090, 24.0 GB", "rtx3090",
            "5.2 GB  1 context of 57344 tokens at q8_0, 5.2 GB each", "22.8", "23.0", "2 to 1"},
        row{"NVIDIA GeForce RTX 4090:24564", "NVIDIA GeForce RTX 4090, 24.0 GB", "rtx4090",
            "5.2 GB  1 context of 57344 tokens at q8_0, 5.2 GB each", "22.8", "23.0", "2 to 1"},
        row{"NVIDIA RTX A5000:24564", "NVIDIA RTX A5000, 24.0 GB", "a5000",
            "5.2 GB  1 context of 57344 tokens at q8_0, 5.2 GB each", "22.8", "23.0", "3 to 1"},
        row{"NVIDIA RTX A6000:49140", "NVIDIA RTX A6000, 48.0 GB", "a6000",
            "26.0 GB  2 contexts of 131072 tokens at q8_0, 13.0 GB each", "43.5", "47.0", "4 to 2"},
        row{"NVIDIA RTX 6000 Ada Generation:49140", "NVIDIA RTX 6000 Ada Generation, 48.0 GB", "rtx6000ada",
            "26.0 GB  2 contexts of 131072 tokens at q8_0, 13.0 GB each", "43.5", "47.0", "4 to 2"},
        row{"NVIDIA H100 80GB HBM3:81559", "NVIDIA H100 80GB HBM3, 79.6 GB", "h100",
            "58.4 GB  1 context of 200000 tokens at f16, 58.4 GB each", "75.9", "78.6", "6 to 1"},
        row{"NVIDIA H200:143771", "NVIDIA H200, 140.4 GB", "h200",
            "116.7 GB  2 contexts of 200000 tokens at f16, 58.4 GB each", "134.2", "139.4", "6 to 2"}));

TEST(PlanCommand, SaysThatItDoesNotFit) {
    for (const auto* card : {"NVIDIA GeForce RTX 3060:12288", "NVIDIA GeForce RTX 4080:16376"}) {
        const auto a = plan({{"CLAWGATE_GPU", card}});
        EXPECT_EQ(a.status, 1) << card;
        EXPECT_THAT(a.text, AllOf(HasSubstr("preset   none (none for so little memory)"),
                                  HasSubstr("17.5 GB  needed"), HasSubstr("warning: even one request"),
                                  HasSubstr("It does not fit.")));
    }
}

TEST(PlanCommand, WithoutAGpuCannotSay) {
    const auto a = plan({});
    EXPECT_EQ(a.status, 69);
    EXPECT_THAT(a.text, AllOf(HasSubstr("Whether it fits is not known: the GPU is not known"),
                              HasSubstr("OPENCLAW_NUM_CTX         131072   default")));
}

TEST(PlanCommand, OnAPodThatLostItsGpuSaysSo) {
    const auto a = plan({{"RUNPOD_GPU_COUNT", "0"}});
    EXPECT_EQ(a.status, 1);
    EXPECT_THAT(a.text, AllOf(HasSubstr("GPU      none (RUNPOD_GPU_COUNT)"), HasSubstr("THERE IS NO GPU")));
}

TEST(PlanCommand, ShowsWhatWasSet) {
    const auto a = plan({{"CLAWGATE_GPU", "NVIDIA RTX A6000:49140"}, {"OLLAMA_NUM_PARALLEL", "4"}});
    EXPECT_EQ(a.status, 0);
    EXPECT_THAT(a.text, AllOf(HasSubstr("OLLAMA_NUM_PARALLEL      4        given"),
                              HasSubstr("OPENCLAW_NUM_CTX         77824    planned")));
}

TEST(PlanCommand, SpeaksJson) {
    const auto a = plan({{"CLAWGATE_GPU", "NVIDIA RTX A6000:49140"}, {"OPENCLAW_NUM_CTX", "131072"}}, true);
    EXPECT_EQ(a.status, 0);
    const auto told = json::parse(a.text);
    EXPECT_EQ(told["gpus"], json::parse(R"([{"name":"NVIDIA RTX A6000","mib":49140}])"));
    EXPECT_EQ(told["preset"], "a6000");
    EXPECT_EQ(told["fits"], true);
    EXPECT_EQ(told["needed_gb"], 43.5);
    EXPECT_EQ(told["models"][0]["requests"], 2);
    EXPECT_EQ(told["variables"]["OPENCLAW_NUM_CTX"], json::parse(R"({"value":"131072","source":"given"})"));
    EXPECT_EQ(told["variables"]["OLLAMA_NUM_PARALLEL"], json::parse(R"({"value":"2","source":"planned"})"));
    EXPECT_EQ(told["changes"].size(), 1u);
    EXPECT_EQ(json::parse(plan({}, true).text)["fits"], nullptr);
    EXPECT_EQ(json::parse(plan({{"CLAWGATE_GPU", "none"}}, true).text)["fits"], false);
}

} // namespace
