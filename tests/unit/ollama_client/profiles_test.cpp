#include "ollama_client/parameters.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace clawgate;
using namespace clawgate::ollama;

TEST(Profiles, AreFoundByTheNameWithoutRegistryUserAndTag) {
    EXPECT_EQ(profile_of("glm-4.7-flash").family, "glm-4.7-flash");
    EXPECT_EQ(profile_of("glm-4.7-flash:latest").family, "glm-4.7-flash");
    EXPECT_EQ(profile_of("glm-4.7-flash:q4_K_M").family, "glm-4.7-flash");
    EXPECT_EQ(profile_of("registry.example:5000/someone/glm-4.7-flash:q8_0").family, "glm-4.7-flash");
    EXPECT_EQ(profile_of("hf.co/unsloth/GLM-4.7-Flash-GGUF:Q4_K_M").family, "glm-4.7-flash");
    EXPECT_EQ(profile_of("hf.co/someone/zai-org_GLM-4.7-Flash-GGUF").family, "glm-4.7-flash");
    // A user's name and a tag are not the model's.
    EXPECT_EQ(profile_of("glm-4.7-flash/other").family, "");
    EXPECT_EQ(profile_of("other:qwen3").family, "");
    EXPECT_EQ(profile_of("xglm-4.7").family, "");
}

TEST(Profiles, TheLongestFamilyWins) {
    EXPECT_EQ(profile_of("glm-4.7:cloud").family, "glm-4.7");
    EXPECT_EQ(profile_of("glm4:9b").family, "glm");
    EXPECT_EQ(profile_of("qwen3-coder:30b").family, "qwen3-coder");
    EXPECT_EQ(profile_of("qwen3-coder-next").family, "qwen3-coder");
    EXPECT_EQ(profile_of("hf.co/unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF").family, "qwen3-coder");
    EXPECT_EQ(profile_of("qwen3:8b").family, "qwen3");
}

TEST(Profiles, NewerQwensAreLikeQwen3) {
    for (const std::string model : {"qwen3.5:35b", "qwen3-next:80b", "qwen3-vl:8b", "qwen4"}) {
        EXPECT_EQ(profile_of(model).temperature, 0.6) << model;
        EXPECT_EQ(profile_of(model).top_k, 20) << model;
    }
    EXPECT_EQ(profile_of("qwen2.5:7b").family, "");
    EXPECT_EQ(profile_of("qwen:7b").family, "");
}

TEST(Profiles, InstructModelsDoNotThink) {
    for (const std::string model :
         {"qwen3:30b-a3b-instruct-2507-q4_K_M", "hf.co/Qwen/Qwen3-4B-Instruct-2507-GGUF"}) {
        EXPECT_EQ(profile_of(model).temperature, 0.7) << model;
        EXPECT_EQ(profile_of(model).top_p, 0.8) << model;
        EXPECT_EQ(profile_of(model).top_k, 20) << model;
        EXPECT_EQ(profile_of(model).min_p, 0.0) << model;
    }
    EXPECT_EQ(profile_of("qwen3:30b-a3b-thinking-2507").temperature, 0.6);
}

TEST(Profiles, SayWhatTheMakersRecommend) {
    const auto& glm = profile_of("glm-4.7-flash");
    EXPECT_EQ(glm.temperature, 0.7);
    EXPECT_EQ(glm.top_p, 0.95);
    EXPECT_EQ(glm.repeat_penalty, 1.0);
    EXPECT_TRUE(glm.force_repeat_penalty);
    EXPECT_TRUE(profile_of("glm-5").force_repeat_penalty);

    const auto& coder = profile_of("qwen3-coder");
    EXPECT_EQ(coder.temperature, 0.7);
    EXPECT_EQ(coder.top_p, 0.8);
    EXPECT_EQ(coder.top_k, 20);
    EXPECT_EQ(coder.repeat_penalty, 1.05);
    EXPECT_FALSE(coder.force_repeat_penalty);

    const auto& thinking = profile_of("qwen3");
    EXPECT_EQ(thinking.top_p, 0.95);
    EXPECT_EQ(thinking.min_p, 0.0);
    ASSERT_NE(thinking.without_thinking, nullptr);
    EXPECT_EQ(thinking.without_thinking->top_p, 0.8);
}

TEST(Profiles, OtherModelsHaveNoneOfTheirOwn) {
    for (const std::string model :
         {"nomic-embed-text", "nomic-embed-text:latest", "llama3.3", "", ":", "/"}) {
        const auto& p = profile_of(model);
        EXPECT_EQ(p.family, "") << model;
        EXPECT_FALSE(p.temperature || p.top_p || p.top_k || p.min_p || p.repeat_penalty);
        EXPECT_FALSE(p.force_repeat_penalty);
        EXPECT_EQ(p.without_thinking, nullptr);
    }
}

} // namespace
