// GPU memory of a model from what Ollama tells of it.
#include "ollama_client/model_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace clawgate;
using ollama::read_model_memory;
using testing::HasSubstr;

constexpr auto tags = R"({"models":[{"name":"other:latest","size":1},
    {"name":"qwen3:8b","size":5225388164},{"name":"plain:latest","size":1073741824}]})";

// The real numbers of qwen3:8b.
constexpr auto qwen3 = R"({"capabilities":["completion","tools"],"model_info":{
    "general.architecture":"qwen3","qwen3.block_count":36,"qwen3.attention.head_count":32,
    "qwen3.attention.head_count_kv":8,"qwen3.attention.key_length":128,"qwen3.attention.value_length":128,
    "qwen3.embedding_length":4096,"qwen3.context_length":40960}})";

double at_f16(const model_memory& m, int tokens) {
    return context_memory(m, tokens, "f16");
}

TEST(ModelMemory, IsWeightsAndLayersTimesHeads) {
    const auto m = read_model_memory("qwen3:8b", qwen3, tags);
    ASSERT_TRUE(m) << m.error().detail;
    EXPECT_EQ(m->name, "qwen3:8b");
    EXPECT_NEAR(m->base, 5225388164.0 / (1 << 30) + 0.5, 0.01);
    // 36 layers × 8 heads × (128 + 128) elements × 2 bytes = 147456 bytes a token
    EXPECT_NEAR(at_f16(*m, 32768), 147456.0 * 32768 / (1 << 30), 0.001);
    EXPECT_NEAR(context_memory(*m, 32768, "q8_0"), 147456.0 / 2 * 34 / 32 * 32768 / (1 << 30), 0.001);
    EXPECT_DOUBLE_EQ(at_f16(*m, 131072), at_f16(*m, 40960)) << "it was trained for no more";
    EXPECT_FALSE(m->one_request);
}

TEST(ModelMemory, TakesTheUsualSizeOfAHeadWhereNoneIsGiven) {
    const auto m = read_model_memory("plain", R"({"model_info":{"general.architecture":"llama",
        "llama.block_count":32,"llama.attention.head_count":32,"llama.attention.head_count_kv":8,
        "llama.embedding_length":4096}})",
                                     tags);
    ASSERT_TRUE(m) << m.error().detail;
    EXPECT_EQ(m->name, "plain:latest");
    EXPECT_NEAR(at_f16(*m, 8192), 1.0, 0.001); // 128 KiB a token
    EXPECT_EQ(m->most_context, 0);
}

TEST(ModelMemory, CountsTheHeadsOfEachLayer) {
    const auto m = read_model_memory("plain", R"({"model_info":{"general.architecture":"x","x.block_count":4,
        "x.attention.head_count_kv":[0,8,0,8],"x.attention.key_length":128,"x.attention.value_length":128}})",
                                     tags);
    ASSERT_TRUE(m) << m.error().detail;
    EXPECT_NEAR(at_f16(*m, 131072), 2 * 8 * 256 * 2.0 * 131072 / (1 << 30), 0.001);
}

TEST(ModelMemory, KnowsWhoServesOneRequestAtATime) {
    const auto m = read_model_memory("plain", R"({"model_info":{"general.architecture":"qwen3next",
        "qwen3next.block_count":48,"qwen3next.attention.head_count_kv":2,"qwen3next.attention.key_length":256,
        "qwen3next.attention.value_length":256}})",
                                     tags);
    ASSERT_TRUE(m) << m.error().detail;
    EXPECT_TRUE(m->one_request);
}

TEST(ModelMemory, OfAnEmbeddingModelIsItsWeights) {
    const auto m = read_model_memory("plain", R"({"capabilities":["embedding"]})", tags);
    ASSERT_TRUE(m) << m.error().detail;
    EXPECT_NEAR(m->base, 1.5, 0.001);
    EXPECT_EQ(at_f16(*m, 8192), 0);
}

TEST(ModelMemory, SaysWhatIsMissing) {
    EXPECT_THAT(read_model_memory("absent", qwen3, tags).error().detail, HasSubstr("size of absent:latest"));
    for (const auto* show :
         {"{}", R"({"model_info":null})", R"({"model_info":{"general.architecture":7}})",
          R"({"model_info":{"general.architecture":"x","x.block_count":-1,"x.attention.head_count_kv":8,
              "x.attention.key_length":1e300,"x.attention.value_length":"a"}})"})
        EXPECT_THAT(read_model_memory("qwen3:8b", show, tags).error().detail, HasSubstr("layers of qwen3:8b"))
            << show;
    EXPECT_THAT(read_model_memory("qwen3:8b", "<html>", tags).error().detail, HasSubstr("Ollama"));
    EXPECT_THAT(read_model_memory("qwen3:8b", qwen3, "[]").error().detail, HasSubstr("Ollama"));
}

} // namespace
