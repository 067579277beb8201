#include "ollama_client/prompt_prefixes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace clawgate::ollama {
namespace {

std::vector<prompt_prefix> prefixes(call_kind kind, const std::string& body, std::string_view model = "m") {
    const auto request = read_native(kind, body);
    EXPECT_TRUE(request) << body;
    std::vector<native_message> messages;
    if (kind == call_kind::chat) messages = read_messages(*request).value();
    return prefixes_of(*request, messages, model, 0.25);
}

std::size_t shared(const std::vector<prompt_prefix>& a, const std::vector<prompt_prefix>& b) {
    const auto same = [](const prompt_prefix& x, const prompt_prefix& y) { return x.hash == y.hash; };
    const auto end = std::mismatch(a.begin(), a.begin() + static_cast<long>(std::min(a.size(), b.size())),
                                   b.begin(), same);
    return static_cast<std::size_t>(end.first - a.begin());
}

std::string prompt_of(std::size_t letters) {
    return R"({"system":"be kind","prompt":")" + std::string(letters, 'x') + "\"}";
}

TEST(PromptPrefixes, TheNextTurnSharesAllOfTheLastOne) {
    const auto one = prefixes(call_kind::chat, R"({"tools":[],"messages":[{"role":"user","content":"a"}]})");
    const auto two = prefixes(call_kind::chat, R"({"tools":[],"messages":[{"role":"user","content":"a"},)"
                                               R"({"role":"assistant","content":"b"}]})");
    EXPECT_EQ(shared(one, two), one.size());
    EXPECT_EQ(two.size(), one.size() + 1);
}

TEST(PromptPrefixes, OfTwoModelsAreNeverTheSame) {
    const std::string body = R"({"messages":[{"role":"user","content":"a"}]})";
    EXPECT_EQ(shared(prefixes(call_kind::chat, body, "m"), prefixes(call_kind::chat, body, "n")), 0u);
}

TEST(PromptPrefixes, AnExtendedPromptSharesWhatItExtends) {
    const auto shorter = prefixes(call_kind::generate, prompt_of(10'000));
    const auto longer = prefixes(call_kind::generate, prompt_of(20'000));
    EXPECT_EQ(shared(shorter, longer), shorter.size() - 1) << "all but the piece that has grown";
    EXPECT_NEAR(longer.back().tokens, 5000, 10);
}

} // namespace
} // namespace clawgate::ollama
