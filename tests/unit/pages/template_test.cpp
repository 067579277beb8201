#include "pages/template.hpp"

#include <gtest/gtest.h>

namespace clawgate::pages {
namespace {

std::string expanded(std::string_view page, values v) {
    return expand(page, language::en, v).html();
}

TEST(Template, EscapesEveryValue) {
    EXPECT_EQ(expanded("<p title=\"{{x}}\">{{x}}</p>", {{"x", R"(<&>"')"}}),
              "<p title=\"&lt;&amp;&gt;&quot;&#39;\">&lt;&amp;&gt;&quot;&#39;</p>");
}

TEST(Template, TakesRenderedPiecesAsTheyAre) {
    EXPECT_EQ(expanded("<p>{{x}}</p>", {{"x", expand("<b>{{y}}</b>", language::en, {{"y", "<"}})}}),
              "<p><b>&lt;</b></p>");
}

TEST(Template, BracesInAValueMeanNothing) {
    EXPECT_EQ(expanded("{{x}} {{y}}", {{"x", "{{y}} {{t.sign_in}}"}, {"y", "1"}}), "{{y}} {{t.sign_in}} 1");
}

TEST(Template, FillsInTextsOfTheLanguage) {
    EXPECT_EQ(expand("[{{t.sign_in}}]", language::en, {}).html(), "[Sign in]");
    EXPECT_EQ(expand("[{{t.sign_in}}]", language::pt_br, {}).html(), "[Entrar]");
}

TEST(Template, EscapesValuesInsideTexts) {
    EXPECT_EQ(expand("{{t.starting}}", language::en, {{"name", "<b>"}}).html(), "&lt;b&gt; is starting");
    EXPECT_EQ(expand_text("starting", language::en, {{"name", "<b>"}}).html(), "&lt;b&gt; is starting");
}

TEST(Template, APlaceholderWithoutAValueIsABug) {
    EXPECT_THROW(expanded("{{x}}", {}), std::logic_error);
    EXPECT_THROW(expanded("{{t.nonsense}}", {}), std::logic_error);
    EXPECT_THROW(expanded("{{x", {{"x", "1"}}), std::logic_error);
}

} // namespace
} // namespace clawgate::pages
