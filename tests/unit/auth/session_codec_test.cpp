#include "auth/session_codec.hpp"

#include "support.hpp"

#include "core/encoding.hpp"

#include <gtest/gtest.h>

#include <string>

namespace clawgate::auth {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

session make_session() {
    const wall_time issued{std::chrono::seconds{1'790'000'000}};
    return {random_token(16), 3, issued, issued + 10s, issued + 24h};
}

password_mark make_mark() {
    password_mark m{};
    for (std::size_t i = 0; i < m.size(); ++i)
        m[i] = static_cast<unsigned char>(i * 17);
    return m;
}

class SessionCodec : public ::testing::Test {
protected:
    const session_codec codec{test::make_key()};
    const session s = make_session();
    const std::string cookie = codec.encode(s, make_mark()).value();
};

TEST_F(SessionCodec, ReadsBackWhatItWrote) {
    const auto back = codec.decode(cookie);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->what.id, s.id);
    EXPECT_EQ(back->what.where, s.where);
    EXPECT_EQ(back->what.issued, s.issued);
    EXPECT_EQ(back->what.renewed, s.renewed);
    EXPECT_EQ(back->what.expires, s.expires);
    EXPECT_EQ(back->mark, make_mark());
}

TEST_F(SessionCodec, WritesOnlyWhatACookieMayHold) {
    EXPECT_EQ(cookie.find_first_not_of(std::string{alphabet} + "."), std::string::npos);
    EXPECT_LT(cookie.size(), 200u);
}

TEST_F(SessionCodec, RefusesEveryFlippedBit) {
    for (std::size_t i = 0; i < cookie.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            auto changed = cookie;
            changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
            EXPECT_FALSE(codec.decode(changed)) << "byte " << i << ", bit " << bit;
        }
}

TEST_F(SessionCodec, RefusesEveryOtherCharacterAtEveryPlace) {
    // More than bit flips: this meets the other spellings of the last character of each half, too.
    for (std::size_t i = 0; i < cookie.size(); ++i)
        for (const char c : alphabet) {
            if (cookie[i] == c) continue;
            auto changed = cookie;
            changed[i] = c;
            EXPECT_FALSE(codec.decode(changed)) << "byte " << i << " as " << c;
        }
}

TEST_F(SessionCodec, RefusesEveryOtherLength) {
    for (std::size_t n = 0; n < cookie.size(); ++n)
        EXPECT_FALSE(codec.decode(cookie.substr(0, n))) << n;
    EXPECT_FALSE(codec.decode(cookie + "A"));
    EXPECT_FALSE(codec.decode(cookie + "="));
    EXPECT_FALSE(codec.decode("A" + cookie));
    EXPECT_FALSE(codec.decode(cookie + '.' + cookie));
    EXPECT_FALSE(codec.decode(std::string(1 << 20, 'A')));
    EXPECT_FALSE(codec.decode(std::string(cookie.size(), '\0')));
}

TEST_F(SessionCodec, RefusesAnotherKey) {
    const session_codec other{test::make_key('x')};
    EXPECT_FALSE(other.decode(cookie));
    EXPECT_TRUE(session_codec{test::make_key()}.decode(cookie)) << "the same key after a restart";
}

TEST_F(SessionCodec, RefusesPartsOfTwoCookies) {
    auto later = s;
    later.expires += 1s;
    const auto other = codec.encode(later, make_mark()).value();
    const auto dot = cookie.find('.');
    EXPECT_FALSE(codec.decode(other.substr(0, dot) + cookie.substr(dot)));
}

TEST_F(SessionCodec, EncodesNoSessionThatCannotExist) {
    for (const std::string id : {"", "short", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAA=="}) {
        auto bad = s;
        bad.id = id;
        EXPECT_FALSE(codec.encode(bad, make_mark())) << id;
    }
    auto bad = s;
    bad.where = -1;
    EXPECT_FALSE(codec.encode(bad, make_mark()));
    bad.where = 256;
    EXPECT_FALSE(codec.encode(bad, make_mark()));
}

TEST(SessionCodecKey, MustHave32Bytes) {
    EXPECT_THROW(session_codec{secret{"short"}}, std::invalid_argument);
    EXPECT_THROW(session_codec{secret{std::string(33, 'k')}}, std::invalid_argument);
}

} // namespace
} // namespace clawgate::auth
