#include "ollama_client/usage.hpp"

#include <gtest/gtest.h>

#include <string>

namespace clawgate::ollama {
namespace {

using namespace std::chrono_literals;

TEST(FinalNumbers, AreReadFromTheLastRecord) {
    const auto n = numbers_of(R"({"model":"m","message":{"role":"assistant","content":""},"done":true,)"
                              R"("done_reason":"stop","total_duration":9000,"load_duration":1000,)"
                              R"("prompt_eval_count":26,"prompt_eval_duration":2000,)"
                              R"("eval_count":298,"eval_duration":6000})");
    ASSERT_TRUE(n);
    EXPECT_EQ(n->prompt_tokens, 26u);
    EXPECT_EQ(n->answer_tokens, 298u);
    EXPECT_EQ(n->load, 1000ns);
    EXPECT_EQ(n->prefill, 2000ns);
    EXPECT_EQ(n->generation, 6000ns);
    EXPECT_EQ(n->done_reason, "stop");
}

TEST(FinalNumbers, AreZeroWhereTheServerLeavesThemOut) {
    const auto n = numbers_of(R"({"done":true,"done_reason":"load"})");
    ASSERT_TRUE(n);
    EXPECT_EQ(n->prompt_tokens, 0u);
    EXPECT_EQ(n->generation, 0ns);
}

TEST(FinalNumbers, AreNotInOtherRecords) {
    EXPECT_FALSE(numbers_of(R"({"message":{"content":"a"},"done":false,"eval_count":3})"));
    EXPECT_FALSE(numbers_of(R"({"error":"model runner has stopped"})"));
    EXPECT_FALSE(numbers_of(R"({"done":"true"})"));
    EXPECT_FALSE(numbers_of(R"([{"done":true}])"));
    EXPECT_FALSE(numbers_of(R"({"done":true)"));
    EXPECT_FALSE(numbers_of(""));
}

TEST(FinalNumbers, AreReadFromTheAnswerOfAnEmbeddingCall) {
    const auto n =
        numbers_of(R"({"model":"e","embeddings":[[0.1]],"total_duration":5,"prompt_eval_count":8})");
    ASSERT_TRUE(n);
    EXPECT_EQ(n->prompt_tokens, 8u);
}

TEST(FinalNumbers, AreBoundedWhateverTheServerSays) {
    const auto n = numbers_of(R"({"done":true,"prompt_eval_count":-5,"eval_count":1e300,)"
                              R"("load_duration":18446744073709551615,"prompt_eval_duration":"7",)"
                              R"("eval_duration":12.5})");
    ASSERT_TRUE(n);
    EXPECT_EQ(n->prompt_tokens, 0u);
    EXPECT_EQ(n->answer_tokens, 1ull << 32);
    EXPECT_GT(n->load, 0ns);
    EXPECT_LT(n->load, 24h * 365);
    EXPECT_EQ(n->prefill, 0ns);
    EXPECT_EQ(n->generation, 12ns);
}

TEST(Usage, IsKeptByCallerAndModel) {
    usage_book book;
    final_numbers n;
    n.prompt_tokens = 10;
    n.answer_tokens = 4;
    n.prefill = 2s;
    for (int i = 0; i < 3; ++i) {
        auto& totals = book.of("agent_1", "glm");
        ++totals.requests;
        totals.add(n);
    }
    book.of("agent_1", "qwen3").add(n);
    book.of("person", "glm").canceled = 2;

    ASSERT_EQ(book.all().size(), 3u);
    const auto& totals = book.all().at({"agent_1", "glm"});
    EXPECT_EQ(totals.requests, 3u);
    EXPECT_EQ(totals.prompt_tokens, 30u);
    EXPECT_EQ(totals.answer_tokens, 12u);
    EXPECT_EQ(totals.prefill, 6s);

    const auto sum = book.sum();
    EXPECT_EQ(sum.prompt_tokens, 40u);
    EXPECT_EQ(sum.canceled, 2u);
}

TEST(Usage, SumsEveryNumber) {
    usage_totals one;
    one.requests = 1;
    one.failed = 2;
    one.canceled = 3;
    one.prompt_tokens = 4;
    one.answer_tokens = 5;
    one.heartbeats = 6;
    one.reloads_avoided = 7;
    one.pruned_bytes = 8;
    one.queued = 9ns;
    one.load = 10ns;
    one.prefill = 11ns;
    one.generation = 12ns;
    usage_totals two = one;
    two += one;
    EXPECT_EQ(two.requests, 2u);
    EXPECT_EQ(two.failed, 4u);
    EXPECT_EQ(two.canceled, 6u);
    EXPECT_EQ(two.prompt_tokens, 8u);
    EXPECT_EQ(two.answer_tokens, 10u);
    EXPECT_EQ(two.heartbeats, 12u);
    EXPECT_EQ(two.reloads_avoided, 14u);
    EXPECT_EQ(two.pruned_bytes, 16u);
    EXPECT_EQ(two.queued, 18ns);
    EXPECT_EQ(two.load, 20ns);
    EXPECT_EQ(two.prefill, 22ns);
    EXPECT_EQ(two.generation, 24ns);
}

TEST(Usage, IsBoundedWhateverModelsAreNamed) {
    usage_book book;
    for (int i = 0; i < 5000; ++i)
        ++book.of("person", "model" + std::to_string(i)).requests;
    EXPECT_LE(book.all().size(), 1100u);
    EXPECT_EQ(book.sum().requests, 5000u);
}

TEST(UsageTotals, GuessesTheNextAnswerFromThoseThatWereGiven) {
    usage_totals t;
    EXPECT_EQ(t.mean_answer_tokens(), 256u);
    t.requests = 2;
    t.failed = 1;
    t.canceled = 1;
    EXPECT_EQ(t.mean_answer_tokens(), 256u) << "none was answered";
    final_numbers n;
    n.answer_tokens = 60;
    t.add(n);
    n.answer_tokens = 40; // also of a call that its caller gave up
    t.add(n);
    t.add({});
    EXPECT_EQ(t.mean_answer_tokens(), 50u);
}

} // namespace
} // namespace clawgate::ollama
