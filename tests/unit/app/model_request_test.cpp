#include "app/model_request.hpp"

#include <gtest/gtest.h>

namespace clawgate::app {
namespace {

using ollama::call_kind;

ollama::call_policy policy() {
    ollama::model_facts f;
    f.name = "glm-4.7-flash:latest";
    f.known = true;
    return ollama::policy_for(config{}, nullptr, f);
}

std::uint32_t prompt_tokens(call_kind kind, const std::string& body) {
    model_request r;
    EXPECT_TRUE(r.understand(body, {kind, nullptr, false}, "id"));
    EXPECT_TRUE(r.prepare(policy(), {}));
    return r.prompt_tokens;
}

const std::string picture(6u << 20, 'A');

TEST(ModelRequest, APictureWeighsWhatItCostsTheModelAndNotItsBase64) {
    EXPECT_LT(prompt_tokens(call_kind::chat, R"({"messages":[{"role":"user","content":"look","images":[")" +
                                                 picture + R"("]}]})"),
              3000u);
    EXPECT_LT(prompt_tokens(call_kind::generate, R"({"prompt":"look","images":[")" + picture + R"("]})"),
              3000u);
}

TEST(ModelRequest, APromptIsChargedNoMoreThanTheContextHolds) {
    EXPECT_EQ(prompt_tokens(call_kind::generate, R"({"prompt":")" + picture + R"("})"), 131072u);
}

TEST(ModelRequest, WhileItWaitsHardlyMoreThanItsBodyIsHeld) {
    std::string body = R"({"messages":[{"role":"user","content":"x"})";
    for (std::size_t i = 1; i < ollama::max_messages; ++i)
        body += ",{}";
    body += "]}";
    model_request r;
    ASSERT_TRUE(r.understand(body, {call_kind::chat, nullptr, false}, "id"));
    EXPECT_GT(r.memory(), body.size());
    ASSERT_TRUE(r.prepare(policy(), {}));
    EXPECT_LT(r.memory(), 3 * body.size()) << "and not what was read of each message";
}

TEST(ModelRequest, EmbeddingsFailInTheFormOfTheirInterface) {
    const std::string body = R"({"model":"nomic-embed-text","input":"x"})";
    for (const bool openai : {false, true}) {
        model_request r;
        ASSERT_TRUE(r.understand(body, {call_kind::embed, nullptr, openai}, "id"));
        std::string out;
        r.writer->fail(502, "it broke", out);
        EXPECT_EQ(out.find(R"({"error":"it broke"})") == 0, !openai) << out;
        EXPECT_EQ(out.find(R"({"error":{"message":"it broke")") == 0, openai) << out;
    }
}

TEST(EmbeddingNumbers, AreReadWithoutTheVectors) {
    const auto n = embedding_numbers(
        R"({"model":"m","embeddings":[[0.1,0.2]],"total_duration":9,"load_duration":5,"prompt_eval_count":7})");
    ASSERT_TRUE(n);
    EXPECT_EQ(n->prompt_tokens, 7u);
    EXPECT_EQ(n->load, std::chrono::nanoseconds{5});
    EXPECT_FALSE(embedding_numbers("not JSON"));
    EXPECT_FALSE(embedding_numbers(R"({"embedding":[0.1]})"));
}

} // namespace
} // namespace clawgate::app
