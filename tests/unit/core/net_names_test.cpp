#include "core/net_names.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace {

using namespace clawgate;

TEST(Origin, IsNormalisedAsBrowsersWriteIt) {
    for (const auto& [text, wanted] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"https://example.com", "https://example.com"},
             {"HTTPS://Example.COM:443", "https://example.com"},
             {"http://example.com:80", "http://example.com"},
             {"http://example.com:443", "http://example.com:443"},
             {"http://127.0.0.1:18790", "http://127.0.0.1:18790"},
             {"https://abc123-18790.proxy.runpod.net", "https://abc123-18790.proxy.runpod.net"},
             {"http://[::1]:18790", "http://[::1]:18790"},
             {"http://[0:0:0:0:0:0:0:1]", "http://[::1]"},
             {"http://[2001:DB8::1:0:0:1]", "http://[2001:db8::1:0:0:1]"},
             {"http://[::ffff:192.168.0.1]", "http://[::ffff:c0a8:1]"},
             {"http://[1:0:2:3:4:5:6:7]", "http://[1:0:2:3:4:5:6:7]"},
             {"http://[::]", "http://[::]"},
             {"http://[1::]", "http://[1::]"},
             {"http://my_host", "http://my_host"}})
        EXPECT_EQ(normalise_origin(text).value_or("nothing"), wanted) << text;
}

TEST(Origin, ThatIsNotExactlyAnOriginIsNothing) {
    using namespace std::string_view_literals;
    for (const auto text : {""sv,
                            "null"sv,
                            "*"sv,
                            "example.com"sv,
                            "//example.com"sv,
                            "https://"sv,
                            "https://example.com/"sv,
                            "https://example.com/x"sv,
                            "https://example.com?x"sv,
                            "https://example.com#x"sv,
                            "https://u@example.com"sv,
                            "https://u:p@example.com"sv,
                            "ftp://example.com"sv,
                            "file://"sv,
                            "https://example.com:"sv,
                            "https://example.com:0"sv,
                            "https://example.com:0443"sv,
                            "https://example.com:65536"sv,
                            "https://example.com:44a"sv,
                            "https://exa mple.com"sv,
                            " https://example.com"sv,
                            "https://example.com "sv,
                            "https://example.com\n"sv,
                            "https://example.com\0"sv,
                            "https://a..b"sv,
                            "https://.a"sv,
                            "https://::1"sv,
                            "https://[::1"sv,
                            "https://[::1]x"sv,
                            "https://[fe80::1%25eth0]"sv,
                            "https://127.1"sv,
                            "https://0x7f.0x1"sv,
                            "https://2130706433"sv,
                            "https://256.0.0.1"sv,
                            "https://%65xample.com"sv,
                            "https://example.com,https://b"sv})
        EXPECT_FALSE(normalise_origin(text)) << text;
}

TEST(Cidr, AcceptsBlocks) {
    for (const auto* text :
         {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "100.64.0.0/10", "fc00::/7", "::/0", "::1/128"})
        EXPECT_EQ(check_cidr(text), "") << text;
}

TEST(Cidr, SaysWhatToWriteInstead) {
    EXPECT_NE(check_cidr("10.0.0.1").find("10.0.0.1/32"), std::string::npos);
    EXPECT_NE(check_cidr("::1").find("::1/128"), std::string::npos);
    EXPECT_NE(check_cidr("10.1.2.3/8").find("the block is 10.0.0.0/8"), std::string::npos);
    EXPECT_NE(check_cidr("10.0.0.1/31").find("the block is 10.0.0.0/31"), std::string::npos);
    EXPECT_NE(check_cidr("fe80::1/10").find("the block is fe80::/10"), std::string::npos);
    for (const auto* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/-1",
                            "x/8", "10.0.0.0/8/8"})
        EXPECT_NE(check_cidr(bad), "") << bad;
}

TEST(Hosts, KnowLoopback) {
    for (const auto* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "LOCALHOST"})
        EXPECT_TRUE(is_loopback_host(text)) << text;
    for (const auto* text : {"128.0.0.1", "::2", "::ffff:10.0.0.1", "0.0.0.0", "localhost.example.com", ""})
        EXPECT_FALSE(is_loopback_host(text)) << text;
    EXPECT_TRUE(is_unspecified_host("0.0.0.0") && is_unspecified_host("::"));
    EXPECT_FALSE(is_unspecified_host("127.0.0.1") || is_unspecified_host("host"));
}

TEST(HttpUrl, IsHostAndPort) {
    const auto url = parse_http_url("HTTP://Example.com:8080/");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "example.com");
    EXPECT_EQ(url->port, 8080);
    EXPECT_EQ(parse_http_url("http://h")->port, 80);
    EXPECT_EQ(parse_http_url("http://[::1]:1")->host, "::1");
    for (const auto* bad :
         {"https://h:1", "http://", "http:///", "http://h:1/x", "http://h:1//", "http://u@h:1", "h:1"})
        EXPECT_FALSE(parse_http_url(bad)) << bad;
}

TEST(Port, IsCanonical) {
    EXPECT_EQ(parse_port("65535"), 65535);
    EXPECT_EQ(parse_port("1"), 1);
    for (const auto* bad : {"", "0", "00", "01", "65536", "99999", "100000", "+1", "-1", "1 ", "1x"})
        EXPECT_FALSE(parse_port(bad)) << bad;
}

} // namespace
