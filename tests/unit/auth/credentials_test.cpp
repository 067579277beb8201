#include "auth/credentials.hpp"

#include "core/encoding.hpp"

#include <gtest/gtest.h>

#include <string>

namespace clawgate::auth {
namespace {

using namespace std::chrono_literals;
using enum credential_scheme;

struct authorization_case {
    std::string field;
    credential_scheme scheme;
    std::string value;
};

std::string basic_field(const std::string& user_pass) {
    return "Basic " + base64_encode(user_pass);
}

TEST(Authorization, IsReadByItsScheme) {
    const std::string nul{"user:pa\0ss", 10};
    const authorization_case cases[] = {
        {"", none, ""},
        {"  ", none, ""},
        {basic_field("user:correct horse"), basic, "correct horse"},
        {basic_field(":x"), basic, "x"},
        {basic_field("u:with:colons:"), basic, "with:colons:"},
        {basic_field("u:"), basic, ""},
        {basic_field("u:pässwörd ✓"), basic, "pässwörd ✓"},
        {"bAsIc " + base64_encode("u:p"), basic, "p"},
        {"Basic   " + base64_encode("u:p") + "  ", basic, "p"},
        {basic_field("nocolon"), malformed, ""},
        {basic_field(nul), malformed, ""},
        {basic_field("u:line\nbreak"), malformed, ""},
        {basic_field("u:tab\tin"), malformed, ""},
        {basic_field("u:del\x7f"), malformed, ""},
        {"Basic", malformed, ""},
        {"Basic ", malformed, ""},
        {"Basic !!!", malformed, ""},
        {"Basic dTpw dTpw", malformed, ""},
        {"Basic dTpwcA", malformed, ""},   // padding is missing
        {"Basic dTpwcB==", malformed, ""}, // trailing bits are set
        {"Basic dTpwcA==", basic, "pp"},
        {"Basic dTpwcA===", malformed, ""},
        {"Basic Oj4+", basic, ">>"},
        {"Basic Oj4\xab", malformed, ""}, // no character of the alphabet
        {"Bearer abc.DEF-123_~+/==", bearer, "abc.DEF-123_~+/=="},
        {"BEARER t", bearer, "t"},
        {"Bearer", malformed, ""},
        {"Bearer ", malformed, ""},
        {"Bearer correct horse", bearer, "correct horse"}, // real passwords hold spaces and punctuation
        {"Bearer    two  spaces  ", bearer, "two  spaces"},
        {"Bearer a=b", bearer, "a=b"},
        {"Bearer =", bearer, "="},
        {"Bearer \"a,b\\c\"", bearer, "\"a,b\\c\""},
        {"Bearer p\xc3\xa4ss \xe2\x9c\x93", bearer, "p\xc3\xa4ss \xe2\x9c\x93"},
        {"Bearer no\xff\xfeUTF-8", bearer, "no\xff\xfeUTF-8"},
        {"Bearer tab\tin", malformed, ""},
        {"Bearer del\x7f", malformed, ""},
        {std::string{"Bearer nul\0in", 13}, malformed, ""},
        {"Digest username=\"x\"", other, ""},
        {"Negotiate abc", other, ""},
        {"BearerX abc", other, ""},
        {"Bea(rer abc", malformed, ""},
        {"\xff abc", malformed, ""},
    };
    for (const auto& c : cases) {
        const auto got = parse_authorization(c.field);
        EXPECT_EQ(got.scheme, c.scheme) << c.field;
        EXPECT_EQ(got.value.reveal(), c.value) << c.field;
    }
}

/// The values found, with "|" between them.
std::string joined(std::string_view header, std::string_view name) {
    std::vector<std::string_view> values;
    append_cookies(header, name, values);
    if (values.empty()) return "(none)";
    std::string out{values.front()};
    for (std::size_t i = 1; i < values.size(); ++i)
        out.append("|").append(values[i]);
    return out;
}

TEST(DeviceToken, IsKnownByItsShape) {
    for (int n = 0; n < 10; ++n)
        EXPECT_TRUE(looks_like_a_device_token(secret{random_token(32)}));
    for (const auto& text : {std::string{}, std::string{"correct horse"}, random_token(31), random_token(33),
                             random_token(32) + "=", std::string(43, '/'), std::string(42, 'A') + "B"})
        EXPECT_FALSE(looks_like_a_device_token(secret{text})) << text;
}

TEST(Cookies, AreFoundByTheirExactName) {
    const auto find = [](std::string_view header) { return joined(header, "clawgate-18790"); };
    EXPECT_EQ(find("clawgate-18790=abc"), "abc");
    EXPECT_EQ(find("a=1; clawgate-18790=abc; b=2"), "abc");
    EXPECT_EQ(find("a=1;clawgate-18790=abc;b=2"), "abc");
    EXPECT_EQ(find(" \t clawgate-18790=abc \t"), "abc");
    EXPECT_EQ(find(";; ;clawgate-18790=abc;;"), "abc");
    EXPECT_EQ(find("clawgate-18790=first; clawgate-18790=second"), "first|second");
    EXPECT_EQ(find("clawgate-18790=; a=1; clawgate-18790=second"), "|second");
    EXPECT_EQ(find("clawgate-18790=a=b"), "a=b");
    EXPECT_EQ(find("clawgate-18790="), "");

    EXPECT_EQ(find(""), "(none)");
    EXPECT_EQ(find("clawgate-18790"), "(none)");
    EXPECT_EQ(find("Clawgate-18790=abc"), "(none)");
    EXPECT_EQ(find("xclawgate-18790=abc"), "(none)");
    EXPECT_EQ(find("clawgate-187900=abc"), "(none)");
    EXPECT_EQ(find("__Host-clawgate-18790=abc"), "(none)");
    EXPECT_EQ(find("clawgate-18790 =abc"), "(none)");
    EXPECT_EQ(find("a=clawgate-18790=abc"), "(none)");
    EXPECT_EQ(find("a=\"; clawgate-18790=abc\""), "(none)") << "a quote is not part of any value of ours";
}

TEST(Cookies, WithForeignBytesAreNotTaken) {
    for (const char bad : std::string{"\"\\, \x7f\x01\xff"}) {
        const auto header = std::string{"n=a"} + bad + "b";
        EXPECT_EQ(joined(header, "n"), "(none)") << static_cast<int>(bad);
    }
    EXPECT_EQ(joined(std::string{"n=a\0b", 5}, "n"), "(none)");
    EXPECT_EQ(joined("n=a b; n=good", "n"), "good") << "what is no value shadows nothing";
}

TEST(Cookies, OfOneNameAreBounded) {
    std::string header;
    for (int i = 0; i < 1000; ++i)
        header += "n=" + std::to_string(i) + "; ";
    EXPECT_EQ(joined(header, "n"), "0|1|2|3|4|5|6|7");
    std::vector<std::string_view> values;
    append_cookies(header, "n", values);
    append_cookies(header, "n", values);
    EXPECT_EQ(values.size(), max_cookies_of_a_name) << "also when they come in several fields";
}

TEST(Cookies, OfOursNeverReachAnAgent) {
    EXPECT_EQ(strip_cookies(""), "");
    EXPECT_EQ(strip_cookies("a=1; b=2"), "a=1; b=2");
    EXPECT_EQ(strip_cookies("clawgate-18790=x"), "");
    EXPECT_EQ(strip_cookies("__Host-clawgate-18790=x"), "");
    EXPECT_EQ(strip_cookies("a=1; clawgate-18790=x; b=2"), "a=1; b=2");
    EXPECT_EQ(strip_cookies("clawgate-18790=x; __Host-clawgate-18799=y;a=1"), "a=1");
    EXPECT_EQ(strip_cookies("a=1;clawgate-1=x;clawgate-2=y; clawgate-1=z"), "a=1");
    EXPECT_EQ(strip_cookies("CLAWGATE-18790=x; __host-clawgate-1=y"), "");
    EXPECT_EQ(strip_cookies("clawgate-18790 =x; \tclawgate-18791\t=y"), "");
    EXPECT_EQ(strip_cookies("clawgate-18790"), "");
    EXPECT_EQ(strip_cookies(";; a=1 ;;"), "a=1");
    EXPECT_EQ(strip_cookies("xclawgate-1=1; clawgat=2; __Host-other=3; __Host-=4"),
              "xclawgate-1=1; clawgat=2; __Host-other=3; __Host-=4");
    EXPECT_EQ(strip_cookies("a=\"clawgate-1=x\"; flag"), "a=\"clawgate-1=x\"; flag");
}

TEST(Cookies, AreNamedAfterPortAndScheme) {
    EXPECT_EQ(session_cookie_name(18790, true), "__Host-clawgate-18790");
    EXPECT_EQ(session_cookie_name(18790, false), "clawgate-18790");
}

TEST(Cookies, AreSetAndClearedForTheWholeOriginOnly) {
    EXPECT_EQ(set_cookie_header("__Host-clawgate-1", "v", true, 60s),
              "__Host-clawgate-1=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
    EXPECT_EQ(set_cookie_header("clawgate-1", "v", false, 60s),
              "clawgate-1=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
    EXPECT_EQ(clear_cookie_header("__Host-clawgate-1", true),
              "__Host-clawgate-1=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
}

TEST(SafeNext, KeepsLocalPaths) {
    for (const std::string next :
         {"/", "/overview", "/overview/", "/a/b.c?x=1&y=http://other.example/#part", "/chat?session=a%20b",
          "/p%C3%A4th", "/100%25", "/_gatewayed", "/a/_gateway/x", "/...", "/.well-known/x", "/a..b",
          "/?a=%2F%2Fb", "/x#//y"})
        EXPECT_EQ(safe_next(next), next);
    EXPECT_EQ(safe_next('/' + std::string(2047, 'a')).size(), 2048u);
}

TEST(SafeNext, GoesHomeForEverythingElse) {
    for (const std::string next : {"",
                                   "overview",
                                   "http://evil.example/",
                                   "https:evil.example",
                                   "//evil.example",
                                   "///evil.example",
                                   "/\\evil.example",
                                   "\\/evil.example",
                                   "/a\\b",
                                   "/a//b",
                                   "/%2fevil.example",
                                   "/%2Fevil.example",
                                   "/%252fevil.example",
                                   "/%25252fevil.example",
                                   "/%5cevil.example",
                                   "/%255cevil.example",
                                   "/a%0d%0aX: y",
                                   "/a%00",
                                   "/a%250a",
                                   "/a%7f",
                                   "/a?x=%0d%0aY",
                                   "/a?x=%",
                                   "/a%",
                                   "/a%2",
                                   "/a%zz",
                                   "/a b",
                                   "/\tx",
                                   "/x\r\nY: z",
                                   "/\xc3\xa4",
                                   "/_gateway",
                                   "/_gateway/",
                                   "/_gateway/logout",
                                   "/_gateway?x",
                                   "/_gateway#x",
                                   "/_GATEWAY/logout",
                                   "/%5fgateway/logout",
                                   "/%255fgateway/logout",
                                   "/_gateway%2flogout",
                                   "/_gateway;x/logout",
                                   "/./_gateway/logout",
                                   "/a/../_gateway/logout",
                                   "/a/%2e%2e/_gateway/logout",
                                   "/a/%252e%252e/x",
                                   "/..",
                                   "/a/.",
                                   "/.%2e/",
                                   "javascript:alert(1)",
                                   " /overview",
                                   "?x",
                                   "#x"})
        EXPECT_EQ(safe_next(next), "/") << next;
    EXPECT_EQ(safe_next(std::string{"/a\0b", 4}), "/");
    EXPECT_EQ(safe_next('/' + std::string(2048, 'a')), "/");
}

TEST(SafeNext, EndsForPathsThatNeverStopDecoding) {
    std::string next = "/%";
    for (int i = 0; i < 300; ++i)
        next += "25";
    EXPECT_EQ(safe_next(next + "2fx"), "/");
}

} // namespace
} // namespace clawgate::auth
