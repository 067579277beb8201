#include "ollama_client/model_slots.hpp"

#include <gtest/gtest.h>

namespace clawgate::ollama {
namespace {

model_facts of_architecture(std::string architecture) {
    model_facts f;
    f.name = "m:latest";
    f.known = true;
    f.architecture = std::move(architecture);
    return f;
}

TEST(ModelSlots, SomeFamiliesHaveOneWhateverTheVariableSays) {
    for (const auto* one : {"qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe", "qwen3next", "lfm2", "lfm2moe",
                            "nemotron_h", "nemotron_h_moe"})
        EXPECT_EQ(slots_of(of_architecture(one), 4), 1u) << one;
    for (const auto* many : {"glm4moelite", "qwen3", "qwen3moe", "llama", ""})
        EXPECT_EQ(slots_of(of_architecture(many), 4), 4u) << many;
    auto embedding = of_architecture("nomic-bert");
    embedding.embedding = true;
    EXPECT_EQ(slots_of(embedding, 4), 1u);
}

TEST(ModelSlots, AreTheVariablesUntilTheModelIsKnown) {
    model_slots s{4};
    EXPECT_EQ(s.of("m:latest"), 4u);
    s.learn(of_architecture("qwen35"));
    EXPECT_EQ(s.of("m:latest"), 1u);
    EXPECT_EQ(s.of("other:latest"), 4u);
}

TEST(ModelSlots, AForeignServerHasShownHowManyItHasForSure) {
    model_slots s{4};
    EXPECT_EQ(s.sure("m"), 1u);
    s.answer_began("m");
    s.answer_ended("m");
    s.answer_began("m");
    EXPECT_EQ(s.sure("m"), 1u) << "one after another";
    s.answer_began("m");
    EXPECT_EQ(s.sure("m"), 2u);
    s.answer_ended("m");
    s.answer_ended("m");
    EXPECT_EQ(s.sure("m"), 2u) << "it has had two at once";
    for (int i = 0; i < 9; ++i)
        s.answer_began("m");
    EXPECT_EQ(s.sure("m"), 4u);
}

TEST(ModelSlots, OurOwnServerWasToldHowManyItHas) {
    model_slots s{4};
    s.server_is_ours();
    EXPECT_EQ(s.sure("m:latest"), 4u);
    s.learn(of_architecture("lfm2"));
    EXPECT_EQ(s.sure("m:latest"), 1u);
}

} // namespace
} // namespace clawgate::ollama
