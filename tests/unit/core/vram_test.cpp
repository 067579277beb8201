// The arithmetic of GPU memory.
#include "core/vram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace clawgate;

const model_memory glm = *known_model_memory("glm-4.7-flash:latest");

double total(int context, int parallel, const std::string& kv = "q8_0") {
    return need_of({glm}, 0, {context, parallel, kv}).total();
}

TEST(Memory, HitsEveryRowOfTheTable) {
    for (const auto& [tokens, gb] : std::vector<std::pair<int, double>>{{4096, 17},
                                                                        {8192, 18},
                                                                        {16384, 19},
                                                                        {32768, 20},
                                                                        {65536, 23},
                                                                        {86016, 25},
                                                                        {131072, 30},
                                                                        {200000, 48}})
        EXPECT_DOUBLE_EQ(total(tokens, 1), gb) << tokens;
}

TEST(Memory, LiesOnAStraightLineBetweenTwoRows) {
    EXPECT_DOUBLE_EQ(total(49152, 1), 21.5);
    EXPECT_DOUBLE_EQ(total(12288, 1), 18.5);
    EXPECT_DOUBLE_EQ(total(1024, 1), 17) << "less than the first row takes no less";
}

TEST(Memory, NeverFallsAsTheContextGrows) {
    for (int tokens = 256; tokens < 260'000; tokens += 256)
        ASSERT_LE(total(tokens, 1), total(tokens + 256, 1)) << tokens;
}

TEST(Memory, GoesOnBeyondTheTableUpToWhatTheModelWasTrainedFor) {
    EXPECT_GT(total(202'752, 1), 48);
    EXPECT_DOUBLE_EQ(total(1'000'000, 1), total(202'752, 1)) << "Ollama gives it no more";
}

TEST(Memory, IsThatOfTheContextForEveryRequest) {
    EXPECT_DOUBLE_EQ(total(131072, 4), 69) << "the specification's own example";
    EXPECT_DOUBLE_EQ(total(65536, 2), 29);
}

TEST(Memory, OfTheContextFollowsTheCachesPrecision) {
    EXPECT_DOUBLE_EQ(kv_factor("q8_0"), 1);
    EXPECT_NEAR(kv_factor("f16"), 1.882, 0.001);
    EXPECT_DOUBLE_EQ(kv_factor("bf16"), kv_factor("f16"));
    EXPECT_DOUBLE_EQ(kv_factor("f32"), 2 * kv_factor("f16"));
    EXPECT_NEAR(kv_factor("q4_0"), 0.529, 0.001);
    EXPECT_NEAR(total(131072, 1, "f16"), 17 + 13 * 1.882, 0.01);
    EXPECT_NEAR(total(131072, 1, "q4_0"), 17 + 13 * 0.529, 0.01);
    for (const auto* smaller : {"q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"})
        EXPECT_LT(kv_factor(smaller), 1) << smaller;
}

TEST(Memory, IsKnownForTheTablesModelOnly) {
    for (const auto* same : {"glm-4.7-flash", "glm-4.7-flash:latest", "glm-4.7-flash:q4_K_M"})
        EXPECT_TRUE(known_model_memory(same)) << same;
    for (const auto* other : {"glm-4.7", "glm-4.7-flash:q8_0", "glm-4.7-flash:bf16", "qwen3:8b",
                              "hf.co/unsloth/GLM-4.7-Flash-GGUF:Q8_0", "somebody/glm-4.7-flash"})
        EXPECT_FALSE(known_model_memory(other)) << other;
}

TEST(Memory, OfSeveralModelsIsTheSum) {
    model_memory other;
    other.name = "qwen3:8b";
    other.base = 5;
    other.context = {{0, 0}, {1024, 1}};
    other.most_context = 2048;
    const auto need = need_of({glm, other}, 0.5, {65536, 2, "q8_0"});
    EXPECT_DOUBLE_EQ(need.total(), 17 + 2 * 6 + 5 + 2 * 2 + 0.5);
    EXPECT_EQ(need.models[1].context, 2048);
}

TEST(Memory, OfAFamilyThatServesOneRequestIsThatOfOneContext) {
    auto one = glm;
    one.one_request = true;
    EXPECT_DOUBLE_EQ(need_of({one}, 0, {65536, 4, "q8_0"}).total(), 23);
}

} // namespace
