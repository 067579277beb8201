// error, secret, encoding, clock.
#include "core/clock.hpp"
#include "core/encoding.hpp"
#include "core/error.hpp"
#include "core/secret.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <type_traits>

namespace {

using namespace clawgate;

TEST(Error, NamesAreStable) {
    EXPECT_EQ(to_string(errc::bad_request), "bad_request");
    EXPECT_EQ(to_string(errc::corrupt), "corrupt");
    EXPECT_EQ(to_string(fault::upstream), "upstream");
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(errc::corrupt); ++i)
        EXPECT_TRUE(names.insert(to_string(static_cast<errc>(i))).second) << i;
    EXPECT_FALSE(names.contains("unknown"));
}

TEST(Error, IsThrownByValueOfAFailedResult) {
    const result<int> r = error{errc::timeout, fault::upstream, retry::later, "too slow"};
    try {
        (void)r.value();
        FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& e) {
        EXPECT_STREQ(e.what(), "timeout: too slow");
    }
}

template <class T>
concept printable = requires(std::ostream& out, const T& value) {
    out << value;
};

TEST(Secret, CannotBePrinted) {
    static_assert(!printable<secret>);
    static_assert(!std::is_convertible_v<secret, std::string> &&
                  !std::is_convertible_v<secret, std::string_view>);
    EXPECT_EQ(secret{"hunter2"}.masked(), "(set)");
    EXPECT_EQ(secret{}.masked(), "(not set)");
}

TEST(Secret, ComparesWhole) {
    const secret s{"hunter2"};
    EXPECT_TRUE(s.equals("hunter2"));
    EXPECT_FALSE(s.equals("hunter") || s.equals("hunter22") || s.equals("Hunter2") || s.equals(""));
    EXPECT_TRUE(secret{}.equals(""));
    EXPECT_TRUE(s == secret{"hunter2"});
}

TEST(Secret, MovesAndCopies) {
    for (const auto* text : {"short", "a value that is too long for the small buffer of a string"}) {
        secret a{text};
        secret b{a};
        EXPECT_TRUE(a.equals(text) && b.equals(text));
        const secret c{std::move(a)};
        EXPECT_TRUE(c.equals(text));
        EXPECT_TRUE(a.empty()); // NOLINT(bugprone-use-after-move): the contract under test
        b = c;
        b = *&b;
        EXPECT_TRUE(b.equals(text));
    }
}

TEST(RandomToken, HasItsLengthAndDiffers) {
    const auto a = random_token(32);
    EXPECT_EQ(base64url_decode(a).value_or("").size(), 32u);
    EXPECT_NE(a, random_token(32));
}

TEST(Base64, RoundTripsEveryByte) {
    std::string bytes;
    for (int i = 0; i < 256; ++i)
        bytes.push_back(static_cast<char>(i));
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const auto part = bytes.substr(0, length);
        EXPECT_EQ(base64url_decode(base64url_encode(part)), part);
        EXPECT_EQ(base64_decode(base64_encode(part)), part);
    }
    EXPECT_EQ(base64_encode(":pass"), "OnBhc3M=");
    EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
}

TEST(Base64, AcceptsOneSpellingOnly) {
    for (const auto* bad : {"-_8=", "-_9", "+/8", "A", "AAAAA", "-_ 8", "-_8\n", "-_8=="})
        EXPECT_FALSE(base64url_decode(bad)) << bad;
    for (const auto* bad : {"OnBhc3M", "OnBhc3N=", "OnBh=3M=", "OnBhc3M==", " OnBhc3M=", "=", "====", "O==="})
        EXPECT_FALSE(base64_decode(bad)) << bad;
}

TEST(Base64, KnowsNoLettersBeyondAscii) {
    for (int c = 128; c < 256; ++c) {
        const std::string text(4, static_cast<char>(c));
        EXPECT_FALSE(base64_decode(text)) << c;
        EXPECT_FALSE(base64url_decode(text)) << c;
        EXPECT_FALSE(base64_decode("AAA" + text.substr(0, 1))) << c;
    }
}

TEST(Percent, DecodesStrictly) {
    EXPECT_EQ(percent_decode("a%20b%2Fc%2f"), "a b/c/");
    EXPECT_EQ(percent_decode("a+b"), "a+b");
    EXPECT_EQ(percent_decode("a+b", true), "a b");
    EXPECT_EQ(percent_decode("%41"), "A");
    for (const auto* bad : {"%", "%4", "%4g", "a%", "%%41"})
        EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(Percent, RoundTrips) {
    EXPECT_EQ(percent_encode("a b/ç~-._"), "a%20b%2F%C3%A7~-._");
    EXPECT_EQ(percent_decode(percent_encode("?&=#%+\n")), "?&=#%+\n");
}

TEST(Html, EscapesWhatCouldEndTextOrAttribute) {
    EXPECT_EQ(html_escape("<a href=\"x\" id='y'>&"), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;");
}

TEST(Clock, CoarseTimeIsOnTheSteadyClockAndNotAheadOfIt) {
    const auto coarse = coarse_now();
    const auto fine = steady_clock::now();
    EXPECT_LE(coarse, fine);
    EXPECT_LE(coarse, coarse_now());
}

} // namespace
