#include "auth/door_passwords.hpp"
#include "auth/password.hpp"

#include "support.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <set>
#include <string>

namespace clawgate::auth {
namespace {

const keyed_digest compare{test::make_key('c'), "compare"};
const keyed_digest mark{test::make_key('m'), "mark"};

secret hash_of(const std::string& text) {
    std::string out(crypto_pwhash_STRBYTES, '\0');
    EXPECT_EQ(crypto_pwhash_str(out.data(), text.data(), text.size(), crypto_pwhash_OPSLIMIT_MIN,
                                crypto_pwhash_MEMLIMIT_MIN),
              0);
    out.resize(out.find('\0'));
    return secret{out};
}

TEST(KeyedDigest, DependsOnKeyPurposeAndEveryPart) {
    const keyed_digest d{test::make_key('a'), "one"};
    const std::set<digest> all{
        d({"ab", "c"}),
        d({"a", "bc"}),
        d({"abc"}),
        d({"ab", "c", ""}),
        d({}),
        d({""}),
        keyed_digest{test::make_key('b'), "one"}({"abc"}),
        keyed_digest{test::make_key('a'), "two"}({"abc"}),
    };
    EXPECT_EQ(all.size(), 8u);
    EXPECT_EQ(d({"abc"}), (keyed_digest{test::make_key('a'), "one"}({"abc"})));
}

TEST(KeyedDigest, NeedsAKey) {
    EXPECT_THROW((keyed_digest{secret{}, "x"}), std::invalid_argument);
    EXPECT_THROW((keyed_digest{secret{"short"}, "x"}), std::invalid_argument);
}

TEST(Password, MatchesItsPlainTextAlone) {
    const password p{secret{"correct horse"}, secret{}, compare, mark};
    EXPECT_EQ(p.kind(), password::form::plain);
    EXPECT_TRUE(p.matches(compare({"correct horse"})));
    for (const std::string wrong : {"", "correct hors", "correct horse ", "Correct horse", "correct horsf"})
        EXPECT_FALSE(p.matches(compare({wrong}))) << wrong;
    EXPECT_FALSE(p.matches(compare({std::string{"correct horse\0", 14}})));
    EXPECT_FALSE(p.matches(mark({"correct horse"}))) << "made with another key";
}

TEST(Password, ThatIsNotSetMatchesNothing) {
    const password p{secret{}, secret{}, compare, mark};
    EXPECT_EQ(p.kind(), password::form::none);
    EXPECT_FALSE(p.matches(compare({""})));
    EXPECT_FALSE(p.matches(digest{}));
    EXPECT_FALSE(password{}.matches(digest{}));
}

TEST(Password, HashWinsOverPlain) {
    const password p{secret{"plain"}, hash_of("hashed"), compare, mark};
    EXPECT_EQ(p.kind(), password::form::hashed);
    EXPECT_FALSE(p.matches(compare({"plain"})));
}

TEST(Password, MarkFollowsTheConfiguredValue) {
    const auto of = [](const std::string& plain, const std::string& hash) {
        return password{secret{plain}, secret{hash}, compare, mark}.mark();
    };
    EXPECT_EQ(of("a", ""), of("a", ""));
    EXPECT_NE(of("a", ""), of("b", ""));
    EXPECT_NE(of("a", ""), of("", "a"));
    EXPECT_NE(of("", "a"), of("", "b"));
    const keyed_digest other{test::make_key('x'), "mark"};
    EXPECT_NE(of("a", ""), (password{secret{"a"}, secret{}, compare, other}.mark()));
}

TEST(PasswordHash, VerifiesArgon2id) {
    const auto hash = hash_of("correct horse");
    ASSERT_TRUE(hash.reveal().starts_with("$argon2id$"));
    EXPECT_TRUE(verify_hash(hash, secret{"correct horse"}));
    EXPECT_FALSE(verify_hash(hash, secret{"correct horsf"}));
    EXPECT_FALSE(verify_hash(hash, secret{}));
}

TEST(PasswordHash, OfOtherImplementationsIsVerified) {
    // Made with four lanes, as the argon2 command and most libraries do by default.
    const secret four_lanes{"$argon2id$v=19$m=1024,t=2,p=4$/RyRdxJKw47W8QA1pYaPdw$"
                            "vGJlG46bdWIbz+lksYb9mNf0LZIKNoSNLOPmpPke+CE"};
    EXPECT_TRUE(verify_hash(four_lanes, secret{"correct horse"}));
    EXPECT_FALSE(verify_hash(four_lanes, secret{"wrong"}));
}

TEST(PasswordHash, ThatIsBrokenVerifiesNothing) {
    for (const std::string hash :
         {"", "x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=8,t=1,p=1$"})
        EXPECT_FALSE(verify_hash(secret{hash}, secret{""})) << hash;
}

TEST(DoorPasswords, AreEachTheirOwnOrTheCommonOne) {
    auto c = test::make_config(3);
    c.agents[1].password = secret{"another"};
    c.agents[2].password = secret{};
    const door_passwords doors{c, compare, mark};
    EXPECT_TRUE(doors.of(control_door).matches(compare({"correct horse"})));
    EXPECT_TRUE(doors.of(1).matches(compare({"correct horse"})));
    EXPECT_TRUE(doors.of(2).matches(compare({"another"})));
    EXPECT_FALSE(doors.of(2).matches(compare({"correct horse"})));
    for (const door none : {-1, 3, 4, 10, 11, 1'000'000})
        EXPECT_EQ(doors.of(none).kind(), password::form::none) << none;

    EXPECT_TRUE(doors.same(1, control_door));
    EXPECT_FALSE(doors.same(1, 2));
    EXPECT_FALSE(doors.same(3, 4)) << "two closed doors share nothing";
}

} // namespace
} // namespace clawgate::auth
