// What is set on which GPU. Everything goes through parse_config(), as in every command.
#include "core/vram_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace clawgate;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

load_outcome load(environment more) {
    more.emplace("OPENCLAW_WEB_PASSWORD", "correct horse");
    auto out = parse_config(more);
    EXPECT_TRUE(out.problems.empty()) << describe(out.problems);
    return out;
}

load_outcome on(const std::string& cards, environment more = {}) {
    more.emplace("CLAWGATE_GPU", cards);
    return load(std::move(more));
}

constexpr auto rtx_4090 = "NVIDIA GeForce RTX 4090:24564";
constexpr auto a6000 = "NVIDIA RTX A6000:49140";

struct expected {
    std::string card;
    std::string preset;
    int context;
    int parallel;
    std::string kv;
    bool reduced;
};

class OnEachCard : public testing::TestWithParam<expected> {};

TEST_P(OnEachCard, UnsetValuesAreThoseThatFit) {
    const auto& e = GetParam();
    const auto out = on(e.card);
    const auto& c = out.value;
    const auto plan = plan_vram(c);
    EXPECT_TRUE(plan.fits);
    EXPECT_THAT(out.warnings, IsEmpty());
    ASSERT_NE(plan.preset, nullptr);
    EXPECT_EQ(plan.preset->name, e.preset);
    EXPECT_EQ(c.num_ctx, e.context);
    EXPECT_EQ(c.behaviour.context_tokens, e.context);
    EXPECT_EQ(c.ollama.context_length, e.context);
    for (const auto& agent : c.agents)
        EXPECT_EQ(agent.behaviour.context_tokens, e.context);
    EXPECT_EQ(c.ollama.num_parallel, e.parallel);
    EXPECT_EQ(c.ollama.kv_cache_type, e.kv);
    EXPECT_EQ(!plan.changes.empty(), e.reduced);
    EXPECT_LE(plan.need.total(), plan.available);
}

INSTANTIATE_TEST_SUITE_P(
    Plan, OnEachCard,
    testing::Values(expected{"NVIDIA GeForce RTX 3090:24576", "rtx3090", 57344, 1, "q8_0", true},
                    expected{rtx_4090, "rtx4090", 57344, 1, "q8_0", true},
                    expected{"NVIDIA RTX A5000:24564", "a5000", 57344, 1, "q8_0", true},
                    expected{a6000, "a6000", 131072, 2, "q8_0", true},
                    expected{"NVIDIA RTX 6000 Ada Generation:49140", "rtx6000ada", 131072, 2, "q8_0", true},
                    expected{"NVIDIA H100 80GB HBM3:81559", "h100", 200000, 1, "f16", true},
                    expected{"NVIDIA H200:143771", "h200", 200000, 2, "f16", true},
                    expected{"NVIDIA A100-SXM4-80GB:81920", "h100", 200000, 1, "f16", true},
                    expected{"NVIDIA GeForce RTX 5090:32607", "rtx3090", 65536, 2, "q8_0", false},
                    expected{":24576,:24576", "a6000", 131072, 2, "q8_0", true}));

TEST(Plan, OnATooSmallCardSaysSoAndStaysAtTheMinimum) {
    for (const auto* card : {"NVIDIA GeForce RTX 3060:12288", "NVIDIA GeForce RTX 4080:16376"}) {
        const auto out = on(card);
        EXPECT_EQ(out.value.num_ctx, 4096) << card;
        EXPECT_EQ(out.value.ollama.num_parallel, 1) << card;
        EXPECT_FALSE(plan_vram(out.value).fits);
        EXPECT_THAT(out.warnings, ElementsAre(AllOf(HasSubstr("even one request of 4096 tokens"),
                                                    HasSubstr("17.5 GB"), HasSubstr("smaller model"))));
    }
    EXPECT_THAT(on("NVIDIA GeForce RTX 3060:12288").warnings[0],
                HasSubstr("NVIDIA GeForce RTX 3060 has 11.0 GB for it (12.0 GB less 1.0 GB kept free)"));
}

TEST(Plan, WithoutAGpuThatIsKnownChangesNothing) {
    const auto out = load({});
    EXPECT_EQ(out.value.num_ctx, 131072);
    EXPECT_EQ(out.value.behaviour.context_tokens, 131072);
    EXPECT_EQ(out.value.ollama.context_length, 131072);
    EXPECT_EQ(out.value.ollama.num_parallel, 4);
    EXPECT_EQ(out.value.ollama.kv_cache_type, "q8_0");
    EXPECT_THAT(out.value.planned, IsEmpty());
    EXPECT_THAT(out.warnings, IsEmpty());
    EXPECT_THAT(plan_vram(out.value).unknown, HasSubstr("the GPU is not known"));
}

TEST(Plan, ReducesTheRequestsFirst) {
    const auto plan = plan_vram(on(a6000).value);
    EXPECT_EQ(plan.wanted, (vram_settings{131072, 4, "q8_0"}));
    EXPECT_EQ(plan.settings, (vram_settings{131072, 2, "q8_0"}));
    EXPECT_THAT(plan.changes, ElementsAre(AllOf(HasSubstr("OLLAMA_NUM_PARALLEL from 4 to 2"),
                                                HasSubstr("69.5 GB"), HasSubstr("47.0 GB"))));
}

TEST(Plan, ReducesTheContextThen) {
    EXPECT_THAT(
        plan_vram(on(rtx_4090).value).changes,
        ElementsAre(AllOf(HasSubstr("OLLAMA_NUM_PARALLEL from 2 to 1"), HasSubstr("29.5 GB")),
                    AllOf(HasSubstr("OPENCLAW_NUM_CTX, OPENCLAW_CONTEXT_TOKENS, OLLAMA_CONTEXT_LENGTH "
                                    "from 65536 to 57344"),
                          HasSubstr("23.5 GB"))));
}

TEST(Plan, ReducesTheContextAloneWhereTheRequestsAreSet) {
    const auto out = on(rtx_4090, {{"OLLAMA_NUM_PARALLEL", "4"}});
    EXPECT_EQ(out.value.ollama.num_parallel, 4);
    EXPECT_EQ(out.value.num_ctx, 8192);
    EXPECT_THAT(out.warnings, IsEmpty()) << "it fits";
}

TEST(Plan, ReducesTheRequestsAloneWhereTheContextIsSet) {
    const auto out = on(a6000, {{"OPENCLAW_NUM_CTX", "86016"}});
    EXPECT_EQ(out.value.num_ctx, 86016);
    EXPECT_EQ(out.value.behaviour.context_tokens, 86016) << "the three go together";
    EXPECT_EQ(out.value.ollama.context_length, 86016);
    EXPECT_EQ(out.value.ollama.num_parallel, 3);
}

TEST(Plan, KeepsWhatWasSetAndWarnsWithTheSum) {
    const auto out = on(a6000, {{"OPENCLAW_NUM_CTX", "131072"}, {"OLLAMA_NUM_PARALLEL", "4"}});
    EXPECT_EQ(out.value.num_ctx, 131072);
    EXPECT_EQ(out.value.ollama.num_parallel, 4);
    EXPECT_THAT(
        out.warnings,
        ElementsAre(AllOf(HasSubstr("OPENCLAW_NUM_CTX=131072 and OLLAMA_NUM_PARALLEL=4"),
                          HasSubstr("about 69.5 GB of GPU memory (17.0 GB for glm-4.7-flash:latest, 4 × "
                                    "13.0 GB of context at q8_0, 0.5 GB for nomic-embed-text)"),
                          HasSubstr("has 47.0 GB for it (48.0 GB less 1.0 GB kept free)"),
                          HasSubstr("What was set is kept."),
                          HasSubstr("It would fit with OLLAMA_NUM_PARALLEL=2."))));
}

TEST(Plan, SaysWhichContextWouldFit) {
    const auto out = on(rtx_4090, {{"OPENCLAW_NUM_CTX", "131072"}});
    EXPECT_EQ(out.value.num_ctx, 131072);
    EXPECT_EQ(out.value.ollama.num_parallel, 1) << "not set, so reduced as far as it goes";
    EXPECT_THAT(out.warnings, ElementsAre(AllOf(HasSubstr("30.5 GB"), HasSubstr("OPENCLAW_NUM_CTX=57344"),
                                                Not(HasSubstr("OLLAMA_NUM_PARALLEL=")))));
}

TEST(Plan, SaysWhenASmallerCacheAloneWouldDo) {
    const auto out =
        on(a6000,
           {{"OPENCLAW_NUM_CTX", "131072"}, {"OLLAMA_NUM_PARALLEL", "2"}, {"OLLAMA_KV_CACHE_TYPE", "f16"}});
    EXPECT_THAT(out.warnings, ElementsAre(HasSubstr("or OLLAMA_KV_CACHE_TYPE=q8_0 alone")));
}

TEST(Plan, CountsAnUnquantisedCacheWithoutFlashAttention) {
    const auto with = plan_vram(on(a6000).value);
    const auto without = plan_vram(on(a6000, {{"OLLAMA_FLASH_ATTENTION", "0"}}).value);
    EXPECT_EQ(without.need.kv_cache_type, "f16");
    EXPECT_EQ(with.need.kv_cache_type, "q8_0");
    EXPECT_LT(without.settings.parallel, with.settings.parallel);
}

TEST(Plan, CountsTheEmbeddingModelWhereItHasRoom) {
    EXPECT_EQ(plan_vram(on(a6000).value).need.embedding, 0.5);
    EXPECT_EQ(plan_vram(on(a6000, {{"OLLAMA_MAX_LOADED_MODELS", "1"}}).value).need.embedding, 0)
        << "it is loaded in the chat model's place";
}

TEST(Plan, KeepsOneAgentsOwnLimit) {
    const auto out = on(rtx_4090, {{"OPENCLAW_AGENT_2_CONTEXT_TOKENS", "16384"}});
    EXPECT_EQ(out.value.agents[0].behaviour.context_tokens, 57344);
    EXPECT_EQ(out.value.agents[1].behaviour.context_tokens, 16384);
}

TEST(Plan, WarnsOfALimitAboveThePlannedWindow) {
    const auto out = on(rtx_4090, {{"OPENCLAW_CONTEXT_TOKENS", "100000"}});
    EXPECT_EQ(out.value.behaviour.context_tokens, 100000);
    EXPECT_THAT(out.warnings, ElementsAre(AllOf(HasSubstr("OPENCLAW_CONTEXT_TOKENS (100000)"),
                                                HasSubstr("OPENCLAW_NUM_CTX (57344)"))));
}

TEST(Plan, OfAModelThatIsNotKnownReducesNothingAndSaysHowToAsk) {
    const auto out = on("NVIDIA H100 80GB HBM3:81559", {{"OPENCLAW_MODEL", "qwen3:32b"}});
    EXPECT_EQ(out.value.num_ctx, 131072) << "the preset would raise it";
    EXPECT_EQ(out.value.ollama.num_parallel, 4);
    EXPECT_EQ(out.value.ollama.kv_cache_type, "q8_0");
    EXPECT_THAT(out.warnings, ElementsAre(AllOf(HasSubstr("qwen3:32b"), HasSubstr("clawgate plan"))));
    EXPECT_THAT(plan_vram(out.value).unknown_models, ElementsAre("qwen3:32b"));

    const auto small = on(rtx_4090, {{"OPENCLAW_AGENT_2_MODEL", "qwen3:8b"}});
    EXPECT_EQ(small.value.num_ctx, 65536) << "a preset may lower";
    EXPECT_EQ(small.value.ollama.num_parallel, 2);
}

TEST(Plan, LeavesLayersInMainMemoryToTheUser) {
    const auto out = on(rtx_4090, {{"OLLAMA_NUM_GPU", "20"}});
    EXPECT_THAT(plan_vram(out.value).unknown, HasSubstr("OLLAMA_NUM_GPU=20"));
    EXPECT_EQ(out.value.num_ctx, 65536) << "the preset's";
    EXPECT_THAT(out.warnings, IsEmpty());
}

TEST(Preset, ThatIsNamedReplacesTheCardsOwn) {
    const auto out = on(a6000, {{"OPENCLAW_GPU_PRESET", "RTX 4090"}});
    EXPECT_EQ(out.value.gpu_preset, "rtx4090");
    EXPECT_EQ(out.value.num_ctx, 65536);
    EXPECT_EQ(out.value.ollama.num_parallel, 2);
    EXPECT_TRUE(plan_vram(out.value).fits);
}

TEST(Preset, ThatIsNamedStandsForItsCardWhereNoneIsKnown) {
    const auto out = load({{"OPENCLAW_GPU_PRESET", "rtx4090"}});
    EXPECT_EQ(out.value.num_ctx, 57344);
    EXPECT_EQ(out.value.ollama.num_parallel, 1);
    EXPECT_EQ(plan_vram(out.value).gpu_source, "OPENCLAW_GPU_PRESET");
}

TEST(Preset, NoneStartsFromTheDefaults) {
    const auto out = on("NVIDIA H200:143771", {{"OPENCLAW_GPU_PRESET", "none"}});
    EXPECT_EQ(out.value.num_ctx, 131072);
    EXPECT_EQ(out.value.ollama.num_parallel, 4);
    EXPECT_EQ(out.value.ollama.kv_cache_type, "q8_0");
    EXPECT_EQ(on(a6000, {{"OPENCLAW_GPU_PRESET", "none"}}).value.ollama.num_parallel, 2) << "still reduced";
}

TEST(Preset, OfNoCardIsAMistake) {
    const auto out =
        parse_config({{"OPENCLAW_WEB_PASSWORD", "correct horse"}, {"OPENCLAW_GPU_PRESET", "gtx1080"}});
    ASSERT_EQ(out.problems.size(), 1u);
    EXPECT_THAT(out.problems[0].message, HasSubstr("rtx6000ada"));
    EXPECT_EQ(parse_config({{"OPENCLAW_WEB_PASSWORD", "correct horse"}, {"CLAWGATE_GPU", "RTX 4090"}})
                  .problems.size(),
              1u);
}

TEST(ZeroGpus, AreSaidAloudAndReduceNothing) {
    for (const environment& env :
         {environment{{"RUNPOD_GPU_COUNT", "0"}}, environment{{"CLAWGATE_GPU", "none"}}}) {
        const auto out = load(env);
        EXPECT_THAT(out.warnings,
                    ElementsAre(AllOf(HasSubstr("THERE IS NO GPU"), HasSubstr("stop the pod"))));
        EXPECT_EQ(out.value.num_ctx, 131072);
        EXPECT_EQ(out.value.ollama.num_parallel, 4);
        EXPECT_THAT(out.value.planned, IsEmpty());
        EXPECT_TRUE(plan_vram(out.value).no_gpu);
    }
    EXPECT_THAT(load({{"CLAWGATE_GPU", "none"}, {"RUNPOD_GPU_COUNT", "1"}}).warnings[0],
                HasSubstr("RUNPOD_GPU_COUNT is 1"));
    EXPECT_THAT(on(a6000, {{"RUNPOD_GPU_COUNT", "0"}}).warnings, Contains(HasSubstr("THERE IS NO GPU")))
        << "the card's name may stand in a template";
}

TEST(ZeroGpus, NeedANumber) {
    EXPECT_THAT(load({{"RUNPOD_GPU_COUNT", "2"}}).warnings, IsEmpty());
    const auto out = load({{"RUNPOD_GPU_COUNT", "one"}});
    EXPECT_THAT(out.warnings, ElementsAre(HasSubstr("RUNPOD_GPU_COUNT is ignored")));
    EXPECT_FALSE(out.value.runpod.gpu_count);
}

TEST(Plan, IsMadeWithoutAPasswordAndNotWithOtherMistakes) {
    const auto out = parse_config({{"CLAWGATE_GPU", rtx_4090}});
    ASSERT_EQ(out.problems.size(), 1u);
    EXPECT_EQ(out.value.num_ctx, 57344);
    const auto broken =
        parse_config({{"CLAWGATE_GPU", "NVIDIA GeForce RTX 3060:12288"}, {"OPENCLAW_TOP_P", "7"}});
    EXPECT_THAT(broken.warnings, IsEmpty()) << "the mistakes come first";
}

TEST(Plan, IsShownAsSuch) {
    const auto text = print_config(on(rtx_4090, {{"OLLAMA_NUM_PARALLEL", "1"}}).value);
    EXPECT_THAT(text, AllOf(HasSubstr("OPENCLAW_NUM_CTX = 57344 (planned for the GPU)\n"),
                            HasSubstr("OPENCLAW_CONTEXT_TOKENS = 57344 (planned for the GPU)\n"),
                            HasSubstr("OLLAMA_NUM_PARALLEL = 1 (given)\n"),
                            HasSubstr("OLLAMA_KV_CACHE_TYPE = q8_0 (default)\n"),
                            HasSubstr("CLAWGATE_GPU = NVIDIA GeForce RTX 4090:24564 (given)\n")));
    EXPECT_THAT(print_config(on("NVIDIA H100 PCIe:81559").value),
                HasSubstr("OLLAMA_KV_CACHE_TYPE = f16 (planned for the GPU)\n"));
}

TEST(Plan, HasASummaryOfOneLine) {
    EXPECT_EQ(
        summary(plan_vram(on(rtx_4090).value)),
        "NVIDIA GeForce RTX 4090, 24.0 GB: 1 request at once, 57344 tokens each, q8_0; about 22.8 GB of "
        "23.0 GB");
    EXPECT_THAT(summary(plan_vram(load({}).value)), HasSubstr("CLAWGATE_GPU"));
    EXPECT_EQ(summary(plan_vram(load({{"CLAWGATE_GPU", "none"}}).value)), "none");
}

TEST(Plan, JudgesWhatIsInEffectByWhatTheServerTold) {
    model_memory told;
    told.name = "qwen3:8b";
    told.base = 6;
    told.context = {{0, 0}, {65536, 5}};
    auto out = on(rtx_4090, {{"OPENCLAW_MODEL", "qwen3:8b"}});
    const auto fits = plan_vram(out.value, {told});
    EXPECT_EQ(fits.settings, (vram_settings{65536, 2, "q8_0"}));
    EXPECT_TRUE(fits.fits);
    EXPECT_DOUBLE_EQ(fits.need.total(), 16.5);

    told.context = {{0, 0}, {65536, 10}};
    const auto too_much = plan_vram(out.value, {told});
    EXPECT_FALSE(too_much.fits);
    EXPECT_EQ(too_much.settings.parallel, 2) << "nothing that runs could know it";
    EXPECT_THAT(too_much.warnings, ElementsAre(HasSubstr("It would fit with OLLAMA_NUM_PARALLEL=1.")));
}

// Every amount of memory, with every combination of what was set.
TEST(Plan, IsTheLargestThatFitsAndComesOutTheSameAgain) {
    const environment all{
        {"OPENCLAW_NUM_CTX", "98304"}, {"OLLAMA_NUM_PARALLEL", "3"}, {"OLLAMA_KV_CACHE_TYPE", "q4_0"}};
    for (unsigned set = 0; set < 8; ++set) {
        environment given;
        unsigned bit = 1;
        for (const auto& variable : all) {
            if ((set & bit) != 0) given.insert(variable);
            bit <<= 1;
        }
        for (int mib = 8192; mib <= 200'000; mib += 1500) {
            const auto out = on(":" + std::to_string(mib), given);
            const auto& c = out.value;
            const auto p = plan_vram(c);
            SCOPED_TRACE(std::to_string(mib) + " MiB, set: " + std::to_string(set));
            // Planned from the values that were put there, it is the same plan.
            ASSERT_EQ(p.settings, (vram_settings{c.num_ctx, c.ollama.num_parallel, c.ollama.kv_cache_type}));
            for (const auto& [name, value] : given)
                ASSERT_EQ(find_option(name)->show(c, nullptr), value);
            const bool least = (c.num_ctx == 4096 || given.contains("OPENCLAW_NUM_CTX")) &&
                               (c.ollama.num_parallel == 1 || given.contains("OLLAMA_NUM_PARALLEL"));
            ASSERT_TRUE(p.fits || least);
            ASSERT_EQ(out.warnings.empty(), p.fits);
            if (p.settings.context == p.wanted.context && p.settings.parallel == p.wanted.parallel) continue;
            // One step back would not fit.
            auto more = p.settings;
            if (p.settings.context != p.wanted.context)
                more.context = std::min(p.wanted.context, more.context + 4096);
            else
                ++more.parallel;
            const auto glm = *known_model_memory("glm-4.7-flash");
            ASSERT_GT(need_of({glm}, 0.5, more).total(), p.available);
        }
    }
}

TEST(Variables, CLAWGATE_GPU) {
    const environment password{{"OPENCLAW_WEB_PASSWORD", "correct horse"}};
    auto env = password;
    env.emplace("CLAWGATE_GPU", "NVIDIA GeForce RTX 4090:24564");
    const auto planned = parse_config(env).value;
    EXPECT_EQ(planned.ollama.num_parallel, 1);
    EXPECT_LT(planned.num_ctx, parse_config(password).value.num_ctx);
}

TEST(Variables, OPENCLAW_GPU_PRESET) {
    const auto context = [](const char* preset) {
        return parse_config({{"OPENCLAW_WEB_PASSWORD", "correct horse"},
                             {"CLAWGATE_GPU", "NVIDIA H100 80GB HBM3:81559"},
                             {"OPENCLAW_GPU_PRESET", preset}})
            .value.num_ctx;
    };
    EXPECT_EQ(context("auto"), 200000);
    EXPECT_EQ(context("none"), 131072);
}

} // namespace
