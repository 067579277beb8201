#include "pages/pages.hpp"

#include <gtest/gtest.h>

namespace clawgate::pages {
namespace {

constexpr auto en = language::en;
constexpr auto pt = language::pt_br;

struct language_case {
    std::string_view header;
    language expected;
};

class PickLanguage : public testing::TestWithParam<language_case> {};

TEST_P(PickLanguage, FollowsThePreference) {
    EXPECT_EQ(pick_language(GetParam().header), GetParam().expected)
        << "Accept-Language: " << GetParam().header;
}

INSTANTIATE_TEST_SUITE_P(
    Headers, PickLanguage,
    testing::Values(
        // Nothing that we speak: English
        language_case{"", en}, language_case{"*", en}, language_case{"de-DE,fr;q=0.9", en},
        // One of ours
        language_case{"pt", pt}, language_case{"pt-BR", pt}, language_case{"PT-br", pt},
        language_case{"pt-PT", pt}, language_case{"en-US", en},
        // What browsers send
        language_case{"pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7", pt},
        language_case{"en-US,en;q=0.9,pt-BR;q=0.8", en},
        language_case{"de-DE,de;q=0.9,pt;q=0.8,en;q=0.7", pt},
        // Weights before order, order among equals
        language_case{"pt;q=0.5,en;q=0.9", en}, language_case{"en;q=0.5, pt;q=0.51", pt},
        language_case{"en,pt", en}, language_case{"pt,en", pt}, language_case{"en;q=0.8,pt;q=0.800", en},
        language_case{"en;q=0.1,pt-PT;q=0.2,en-GB", en},
        // Not acceptable is not preferred
        language_case{"pt;q=0", en}, language_case{"en;q=0,pt;q=0.001", pt},
        // White space and empty items
        language_case{" , pt-BR ;  q=0.9\t, en;q=0.1,,", pt}, language_case{"pt;Q=0.9,en;q=0.8", pt},
        // Only a whole primary tag counts
        language_case{"ptx,en;q=0.1", en}, language_case{"pt_BR", en}, language_case{"p", en},
        // Malformed weights drop their item
        language_case{"pt;q=2", en}, language_case{"pt;q=", en}, language_case{"pt;q=1.5", en},
        language_case{"pt;q=0.1234", en}, language_case{"pt;q=0,5", en}, language_case{"pt;level=1", en},
        language_case{"pt;", en}, language_case{"en;q=x,pt;q=0.1", pt}));

} // namespace
} // namespace clawgate::pages
