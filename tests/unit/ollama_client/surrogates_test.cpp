#include "ollama_client/surrogates.hpp"

#include "ollama_client/json_fields.hpp"
#include "ollama_client/request.hpp"

#include <gtest/gtest.h>

namespace clawgate::ollama {
namespace {

struct sample {
    std::string_view escapes;
    std::string_view mended; // the same with every half as U+FFFD
    std::string_view text;   // what Go's decoder makes of it
};

constexpr sample samples[] = {
    {R"(\ud83d\ude00)", R"(\ud83d\ude00)", "😀"},
    {R"(a\uD83D)", R"(a\ufffd)", "a\ufffd"},
    {R"(\ude00z)", R"(\ufffdz)", "\ufffdz"},
    {R"(\ud83d\n)", R"(\ufffd\n)", "\ufffd\n"},
    {R"(\ud83d\u0041)", R"(\ufffd\u0041)", "\ufffdA"},
    {R"(\ud83d\ud83d\ude00)", R"(\ufffd\ud83d\ude00)", "\ufffd😀"},
    {R"(\ude00\ud83d)", R"(\ufffd\ufffd)", "\ufffd\ufffd"},
    {R"(\\ud83d)", R"(\\ud83d)", R"(\ud83d)"}, // a backslash and five letters
    {R"(\\\ud83d\")", R"(\\\ufffd\")", "\\\ufffd\""},
};

TEST(Surrogates, HalvesBecomeTheReplacementCharacter) {
    for (const auto& s : samples) {
        const auto quoted = '"' + std::string{s.escapes} + '"';
        EXPECT_EQ(with_halves_replaced(quoted), '"' + std::string{s.mended} + '"');
        EXPECT_EQ(json_string(quoted), std::string{s.text}) << s.escapes;
    }
}

TEST(Surrogates, TranslatedRequestsMayHoldHalves) {
    for (const auto& s : samples) {
        json_parser parser;
        const auto body = R"({"a":")" + std::string{s.escapes} + "\"}";
        const auto tree = parse_body(parser, body);
        ASSERT_TRUE(tree) << s.escapes;
        EXPECT_EQ(tree->at("a").get<std::string>(), s.text);
    }
}

TEST(Surrogates, OnlyWholeEscapesAreLookedAt) {
    EXPECT_EQ(escaped_unit(R"(\ud83)"), 0u);
    EXPECT_EQ(escaped_unit(R"(\ud83x)"), 0u);
    EXPECT_EQ(escaped_unit("ud83d"), 0u);
    EXPECT_EQ(escaped_pair(R"(\ud83d\ude0)"), 0u);
    EXPECT_EQ(escaped_pair(R"(\ud83d)"), 0u);
    EXPECT_FALSE(may_have_surrogates(R"(\u0041d)"));
}

} // namespace
} // namespace clawgate::ollama
