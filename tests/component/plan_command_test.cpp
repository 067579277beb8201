// `clawgate plan` for models that only the model server knows.
#include "app/plan_command.hpp"
#include "core/options.hpp"
#include "support/fake_ollama.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clawgate::app {
namespace {

using support::fake_ollama;
using testing::AllOf;
using testing::HasSubstr;

struct answer {
    int status = 0;
    std::string text;
};

answer plan(std::uint16_t port, environment env) {
    env.emplace("OPENCLAW_WEB_PASSWORD", "correct horse");
    env.emplace("CLAWGATE_OLLAMA_URL", "http://127.0.0.1:" + std::to_string(port));
    const auto loaded = parse_config(env);
    EXPECT_TRUE(loaded.problems.empty()) << describe(loaded.problems);
    answer a;
    testing::internal::CaptureStdout();
    a.status = run_plan_command(loaded.value, {});
    a.text = testing::internal::GetCapturedStdout();
    return a;
}

support::fake_ollama_options having(std::vector<std::string> models) {
    support::fake_ollama_options o;
    o.models = std::move(models);
    return o;
}

// 19.0 GB (decimal) of weights, 36 layers with 8 heads of 128: 76.5 KB a token at q8_0.
const environment of_qwen{{"OPENCLAW_MODEL", "qwen3:8b"}};

answer plan_of_qwen(std::uint16_t port, const std::string& card) {
    auto env = of_qwen;
    env.emplace("CLAWGATE_GPU", card);
    return plan(port, std::move(env));
}

TEST(PlanOfOtherModels, AsksTheModelServer) {
    fake_ollama server{having({"qwen3:8b", "nomic-embed-text:latest"})};
    const auto a = plan_of_qwen(server.port(), "NVIDIA H100 80GB HBM3:81559");
    EXPECT_EQ(a.status, 0) << a.text;
    EXPECT_THAT(a.text, AllOf(HasSubstr("18.2 GB  qwen3:8b: weights and buffers (told by the model server)"),
                              HasSubstr("38.2 GB  4 contexts of 131072 tokens at q8_0, 9.6 GB each"),
                              HasSubstr("It fits.")));
    EXPECT_EQ(server.loads(), 0u) << "it only asks";
}

TEST(PlanOfOtherModels, SaysWhatWouldFit) {
    fake_ollama server{having({"qwen3:8b", "nomic-embed-text:latest"})};
    const auto a = plan_of_qwen(server.port(), "NVIDIA RTX A6000:49140");
    EXPECT_EQ(a.status, 1) << a.text;
    EXPECT_THAT(a.text,
                AllOf(HasSubstr("It would fit with OLLAMA_NUM_PARALLEL=2."), HasSubstr("It does not fit.")));
}

TEST(PlanOfOtherModels, AsksForAnotherEmbeddingModelToo) {
    fake_ollama server{having({"big-embed:latest"})};
    const auto a = plan(server.port(),
                        {{"CLAWGATE_GPU", "NVIDIA RTX A6000:49140"}, {"CLAWGATE_EMBED_MODEL", "big-embed"}});
    EXPECT_THAT(a.text, AllOf(HasSubstr("0.8 GB  big-embed (embedding)"), HasSubstr("reduced: ")));
    EXPECT_EQ(a.status, 0) << a.text;
}

TEST(PlanOfOtherModels, CannotSayForOneThatIsNotThere) {
    fake_ollama server{having({"nomic-embed-text:latest"})};
    const auto a = plan_of_qwen(server.port(), "NVIDIA RTX A6000:49140");
    EXPECT_EQ(a.status, 69);
    EXPECT_THAT(
        a.text,
        AllOf(HasSubstr("note: qwen3:8b: the model server does not have qwen3:8b (clawgate model pull"),
              HasSubstr("?  qwen3:8b"), HasSubstr("Whether it fits is not known")));
}

TEST(PlanOfOtherModels, CannotSayWithoutAServer) {
    std::uint16_t port = 0;
    {
        fake_ollama gone{having({})};
        port = gone.port();
    }
    const auto a = plan_of_qwen(port, "NVIDIA RTX A6000:49140");
    EXPECT_EQ(a.status, 69);
    EXPECT_THAT(a.text, HasSubstr("note: qwen3:8b: "));
}

} // namespace
} // namespace clawgate::app
