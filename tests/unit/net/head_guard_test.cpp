#include "net/head_guard.hpp"

#include <gmock/gmock.h>

namespace clawgate::net {
namespace {

using testing::HasSubstr;

request_head parsed(std::string_view head) {
    request_head h;
    const auto r = parse_request(head, h);
    EXPECT_TRUE(r) << (r ? "" : r.error().detail);
    return h;
}

std::string refusal(std::string_view head) {
    request_head h;
    const auto r = parse_request(head, h);
    return r ? "accepted" : r.error().detail;
}

std::string with_fields(std::string_view fields) {
    return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string{fields} + "\r\n";
}

TEST(HeadGuard, ReadsARequestAsViews) {
    const std::string head =
        "GET /a/b?c=d HTTP/1.1\r\nHost: example.org:80\r\nAccept:  text/html \r\nX-Y: z\r\n\r\n";
    const auto h = parsed(head);
    EXPECT_EQ(h.method, "GET");
    EXPECT_EQ(h.path, "/a/b");
    EXPECT_EQ(h.query, "c=d");
    EXPECT_EQ(h.minor_version, 1);
    EXPECT_EQ(h.fields.get(field_name::host), "example.org:80");
    EXPECT_EQ(h.fields.get(field_name::accept), "text/html");
    EXPECT_EQ(h.body, body_kind::none);
    EXPECT_TRUE(h.keep_alive);
}

TEST(HeadGuard, KnowsTheFramingOfABody) {
    EXPECT_EQ(parsed(with_fields("Content-Length: 12\r\n")).content_length, 12u);
    EXPECT_EQ(parsed(with_fields("Content-Length: 12\r\n")).body, body_kind::length);
    EXPECT_EQ(parsed(with_fields("Transfer-Encoding: Chunked\r\n")).body, body_kind::chunked);
    EXPECT_EQ(parsed(with_fields("Content-Length: 0\r\n")).body, body_kind::none);
}

TEST(HeadGuard, KeepsAConnectionAsTheVersionAndTheClientSay) {
    EXPECT_TRUE(parsed("GET / HTTP/1.1\r\nHost: h\r\n\r\n").keep_alive);
    EXPECT_FALSE(parsed("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n").keep_alive);
    EXPECT_FALSE(parsed("GET / HTTP/1.0\r\nHost: h\r\n\r\n").keep_alive);
    EXPECT_TRUE(parsed("GET / HTTP/1.0\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST(HeadGuard, RecognisesAnUpgradeToWebSocketByItsTokens) {
    const std::string upgrade =
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    EXPECT_TRUE(parsed(upgrade).websocket);
    EXPECT_FALSE(
        parsed("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n").websocket);
    EXPECT_THAT(refusal("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
                HasSubstr("Sec-WebSocket-Key"));
}

struct hostile {
    const char* name;
    std::string head;
    const char* why;
};

class HeadGuardRefuses : public testing::TestWithParam<hostile> {};

TEST_P(HeadGuardRefuses, WhatTwoParsersCouldReadDifferently) {
    EXPECT_THAT(refusal(GetParam().head), HasSubstr(GetParam().why)) << GetParam().head;
}

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(
    Smuggling, HeadGuardRefuses,
    testing::Values(
        hostile{"NoHost", "GET / HTTP/1.1\r\n\r\n", "one Host"},
        hostile{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "one Host"},
        hostile{"HostWithUserInfo", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "not a host"},
        hostile{"HostWithComma", "GET / HTTP/1.1\r\nHost: a,b/c\r\n\r\n", "not a host"},
        hostile{"ObsFold", with_fields("X: a\r\n b\r\n"), "folded"},
        hostile{"FoldedFirstLine", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "folded"},
        hostile{"BareLf", "GET / HTTP/1.1\nHost: h\r\n\r\n", "CRLF"},
        hostile{"BareLfInFields", with_fields("X: a\nY: b\r\n"), "CRLF"},
        hostile{"BareCr", with_fields("X: a\rY: b\r\n"), "control character"},
        hostile{"Nul", with_fields("X: a\0b\r\n"s), "control character"},
        hostile{"SpaceBeforeColon", with_fields("Content-Length : 3\r\n"), "not a token"},
        hostile{"NoColon", with_fields("nonsense\r\n"), "colon"},
        hostile{"EmptyName", with_fields(": x\r\n"), "not a token"},
        hostile{"TwoLengths", with_fields("Content-Length: 3\r\nContent-Length: 3\r\n"),
                "more than one Content-Length"},
        hostile{"LengthList", with_fields("Content-Length: 3, 3\r\n"), "decimal"},
        hostile{"LengthWithPlus", with_fields("Content-Length: +3\r\n"), "decimal"},
        hostile{"NegativeLength", with_fields("Content-Length: -3\r\n"), "decimal"},
        hostile{"HexLength", with_fields("Content-Length: 0x3\r\n"), "decimal"},
        hostile{"EmptyLength", with_fields("Content-Length:\r\n"), "decimal"},
        hostile{"HugeLength", with_fields("Content-Length: 99999999999999999999\r\n"), "decimal"},
        hostile{"LengthAndChunked", with_fields("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
                "both"},
        hostile{"ChunkedAndLength", with_fields("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
                "both"},
        hostile{"GzipCoding", with_fields("Transfer-Encoding: gzip\r\n"), "other than chunked"},
        hostile{"Xchunked", with_fields("Transfer-Encoding: xchunked\r\n"), "other than chunked"},
        hostile{"GzipThenChunked", with_fields("Transfer-Encoding: gzip, chunked\r\n"), "other than chunked"},
        hostile{"ChunkedTwice", with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                "more than one Transfer"},
        hostile{"QuotedChunked", with_fields("Transfer-Encoding: \"chunked\"\r\n"), "other than chunked"},
        hostile{"VerticalTabChunked",
                with_fields("Transfer-Encoding: \x0b"
                            "chunked\r\n"),
                "control character"},
        hostile{"ChunkedInOneZero", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.0"},
        hostile{"AbsoluteForm", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "origin-form"},
        hostile{"AsteriskForm", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "origin-form"},
        hostile{"AuthorityForm", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "origin-form"},
        hostile{"Trace", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "not served"},
        hostile{"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "percent-encoded"},
        hostile{"TabInRequestLine", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "METHOD TARGET VERSION"},
        hostile{"ControlInTarget", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "percent-encoded"},
        hostile{"FragmentInTarget", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "percent-encoded"},
        hostile{"RawUtf8InTarget", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "percent-encoded"},
        hostile{"LowerCaseVersion", "GET / http/1.1\r\nHost: a\r\n\r\n", "version"},
        hostile{"NoVersion", "GET /\r\nHost: a\r\n\r\n", "METHOD TARGET VERSION"},
        hostile{"MethodNotToken", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "not a token"},
        hostile{"TwoExpects",
                with_fields("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"),
                "more than one Expect"},
        hostile{"ExpectAndAnother",
                with_fields("Expect: 100-continue\r\nexpect: magic\r\nContent-Length: 1\r\n"),
                "more than one Expect"},
        hostile{"OtherExpect", with_fields("Expect: magic\r\nContent-Length: 1\r\n"), "Expect"}),
    [](const auto& i) { return i.param.name; });

TEST(HeadGuard, AnswersAnotherMajorVersionApart) {
    request_head h;
    const auto r = parse_request("GET / HTTP/2.0\r\nHost: a\r\n\r\n", h);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, errc::not_found);
}

TEST(HeadGuard, BoundsTheNumberOfFields) {
    std::string fields;
    for (int i = 0; i < 200; ++i)
        fields += "X-" + std::to_string(i) + ": y\r\n";
    request_head h;
    const auto r = parse_request(with_fields(fields), h);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, errc::too_large);
}

TEST(HeadGuard, FindsTheEndOfAHeadThatComesByteByByte) {
    const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\nrest";
    std::size_t searched = 0;
    for (std::size_t n = 1; n < head.size() - 4; ++n)
        EXPECT_EQ(find_head_end(head.substr(0, n), searched), 0u);
    EXPECT_EQ(find_head_end(head, searched), head.size() - 4);
}

response_head response(std::string_view head, bool to_head = false) {
    response_head h;
    const auto r = parse_response(head, to_head, h);
    EXPECT_TRUE(r) << (r ? "" : r.error().detail);
    return h;
}

TEST(HeadGuard, KnowsWhereAResponseEnds) {
    EXPECT_EQ(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").body, body_kind::length);
    EXPECT_EQ(response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").body, body_kind::chunked);
    const auto until_close = response("HTTP/1.1 200 OK\r\n\r\n");
    EXPECT_EQ(until_close.body, body_kind::until_close);
    EXPECT_FALSE(until_close.keep_alive);
    EXPECT_EQ(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).body, body_kind::none);
    EXPECT_EQ(response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").body, body_kind::none);
    EXPECT_EQ(response("HTTP/1.1 204 No Content\r\n\r\n").body, body_kind::none);
    EXPECT_EQ(response("HTTP/1.1 103 Early Hints\r\n\r\n").body, body_kind::none);
    EXPECT_EQ(response("HTTP/1.1 200\r\n\r\n").status, 200);
}

TEST(HeadGuard, RefusesBrokenResponses) {
    response_head h;
    for (const auto* head :
         {"HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 99 Low\r\n\r\n", "ICY 200 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "HTTP/1.1 200 OK\nX: y\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"}) {
        const auto r = parse_response(head, false, h);
        ASSERT_FALSE(r) << head;
        EXPECT_EQ(r.error().code, errc::bad_upstream);
        EXPECT_EQ(r.error().whose, fault::upstream);
    }
}

TEST(HeadGuard, NormalisesPathsOnce) {
    EXPECT_EQ(*normalise_path("/"), "/");
    EXPECT_EQ(*normalise_path("/a/./b/../c"), "/a/c");
    EXPECT_EQ(*normalise_path("//a///b/"), "/a/b/");
    EXPECT_EQ(*normalise_path("/%5fgateway/login"), "/_gateway/login");
    EXPECT_EQ(*normalise_path("/x/%2e%2e/_gateway/login"), "/_gateway/login");
    EXPECT_EQ(*normalise_path("/a%2Fb"), "/a%2Fb");
    EXPECT_EQ(*normalise_path("/a/.."), "/");
    EXPECT_FALSE(normalise_path("/.."));
    EXPECT_FALSE(normalise_path("/%00"));
    EXPECT_FALSE(normalise_path("/%4"));
    EXPECT_FALSE(normalise_path("/%zz"));
}

TEST(FieldNames, AreRecognisedInAnyCase) {
    EXPECT_EQ(classify("HOST"), field_name::host);
    EXPECT_EQ(classify("transfer-Encoding"), field_name::transfer_encoding);
    EXPECT_EQ(classify("Access-Control-Allow-Origin"), field_name::access_control);
    EXPECT_EQ(classify("access-control-request-headers"), field_name::access_control_request_headers);
    EXPECT_EQ(classify("X-Nothing"), field_name::other);
}

TEST(FieldNames, ForwardingHeadersOfEveryMakerAreKnown) {
    for (const auto* name : {"Forwarded", "X-Forwarded-Host", "x-forwarded-anything", "X-Real-IP", "CF-Ray",
                             "cf-visitor", "Tailscale-User-Login", "True-Client-IP", "Via", "X-Client-IP"})
        EXPECT_EQ(classify(name), field_name::forwarding) << name;
    EXPECT_FALSE(is_forwarding_header("X-Forward"));
    EXPECT_FALSE(is_forwarding_header("Content-Type"));
}

TEST(TokenLists, MatchWholeTokensInAnyCase) {
    EXPECT_TRUE(list_contains("keep-alive, Upgrade", "upgrade"));
    EXPECT_FALSE(list_contains("upgrader", "upgrade"));
    EXPECT_FALSE(list_contains("", "upgrade"));
    EXPECT_TRUE(list_contains(" ,, close ,", "CLOSE"));
}

} // namespace
} // namespace clawgate::net
