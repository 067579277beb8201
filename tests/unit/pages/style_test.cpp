// The stylesheet's colours, by the contrast rules of WCAG 2.2 (1.4.3 and 1.4.11, level AA).

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>

namespace clawgate::pages {
namespace {

std::string stylesheet() {
    std::ifstream in{CLAWGATE_SOURCE_DIR "/gateway/pages/assets/style.css"};
    return {std::istreambuf_iterator<char>{in}, {}};
}

using palette = std::map<std::string, std::string>;

/// The --name: #rrggbb of one block.
palette colours(const std::string& block) {
    palette found;
    static const std::regex pattern{R"(--([a-z-]+):\s*#([0-9a-f]{6});)"};
    for (auto it = std::sregex_iterator(block.begin(), block.end(), pattern); it != std::sregex_iterator();
         ++it)
        found[(*it)[1]] = (*it)[2];
    return found;
}

palette light() {
    const auto css = stylesheet();
    return colours(css.substr(0, css.find("@media")));
}

palette dark() {
    const auto css = stylesheet();
    const auto from = css.find("prefers-color-scheme: dark");
    return colours(css.substr(from, css.find("\n}", from) - from));
}

double luminance(const std::string& hex) {
    constexpr std::array weights{0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        const double c = std::stoi(hex.substr(2 * i, 2), nullptr, 16) / 255.0;
        sum += weights[i] * (c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

double contrast(const std::string& a, const std::string& b) {
    const auto [low, high] =
        std::minmax({luminance(a), luminance(b)}); // by value: the other overload refers to its arguments
    return (high + 0.05) / (low + 0.05);
}

struct pair_of_colours {
    std::string_view front;
    std::string_view back;
    double least;
};

constexpr double text_contrast = 4.5;
constexpr double shape_contrast = 3.0; // borders of fields and buttons, the focus ring

constexpr pair_of_colours used[] = {
    {"ink", "page", text_contrast},          {"ink", "surface", text_contrast},
    {"quiet", "page", text_contrast},        {"quiet", "surface", text_contrast},
    {"on-accent", "accent", text_contrast},  {"on-accent", "accent-hover", text_contrast},
    {"accent", "page", text_contrast},       {"accent", "surface", text_contrast},
    {"accent-hover", "page", text_contrast}, {"accent-hover", "surface", text_contrast},
    {"good", "good-soft", text_contrast},    {"busy", "busy-soft", text_contrast},
    {"bad", "bad-soft", text_contrast},      {"field-line", "surface", shape_contrast},
    {"field-line", "page", shape_contrast},  {"focus", "surface", shape_contrast},
    {"focus", "page", shape_contrast},       {"bad", "surface", shape_contrast},
};

void expect_readable(const palette& colours) {
    for (const auto& [front, back, least] : used) {
        const auto f = colours.find(std::string(front));
        const auto b = colours.find(std::string(back));
        ASSERT_TRUE(f != colours.end() && b != colours.end()) << front << " or " << back << " is missing";
        EXPECT_GE(contrast(f->second, b->second), least) << front << " on " << back;
    }
}

TEST(Style, TheContrastFormulaKnowsBlackOnWhite) {
    EXPECT_NEAR(contrast("000000", "ffffff"), 21.0, 0.01);
}

TEST(Style, IsReadableInLight) {
    expect_readable(light());
}

TEST(Style, IsReadableInDark) {
    expect_readable(dark());
}

TEST(Style, DarkReplacesEveryColourOfLight) {
    const auto day = light();
    const auto night = dark();
    ASSERT_FALSE(day.empty());
    for (const auto& [name, hex] : day)
        EXPECT_TRUE(night.contains(name) && night.at(name) != hex) << name;
}

TEST(Style, LoadsNothing) {
    const auto css = stylesheet();
    for (const std::string_view loader : {"url(", "@import", "@font-face", "http:", "https:", "</"})
        EXPECT_EQ(css.find(loader), std::string::npos) << loader;
}

TEST(Style, NeverHidesTheFocus) {
    const auto css = stylesheet();
    EXPECT_NE(css.find(":focus-visible { outline: "), std::string::npos);
    EXPECT_EQ(css.find("outline: none"), std::string::npos);
    EXPECT_EQ(css.find("outline: 0"), std::string::npos);
}

} // namespace
} // namespace clawgate::pages
