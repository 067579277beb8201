#include "auth/client_address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clawgate::auth {
namespace {

using boost::asio::ip::make_address;

const network_set trusted{
    {"10.0.0.0/8", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "2001:db8:aaaa::/48"}};

std::string client(const std::string& peer, std::string_view cf, std::string_view xff,
                   edge in_front = edge::cloudflare) {
    return client_address(make_address(peer), cf, xff, trusted, in_front).to_string();
}

TEST(NetworkSet, HoldsTheAddressesOfItsBlocks) {
    const network_set set{
        {"10.0.0.0/8", "100.64.0.0/10", "192.0.2.7/32", "fc00::/7", "2001:db8::/33", "::1/128"}};
    for (const std::string in : {"10.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255", "192.0.2.7",
                                 "fc00::1", "fdff::1", "2001:db8:7fff::1", "::1", "::ffff:10.1.2.3"})
        EXPECT_TRUE(set.contains(make_address(in))) << in;
    for (const std::string out :
         {"9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "192.0.2.6", "192.0.2.8", "fe00::1",
          "2001:db8:8000::1", "::2", "::", "::ffff:11.1.2.3", "127.0.0.1"})
        EXPECT_FALSE(set.contains(make_address(out))) << out;
}

TEST(NetworkSet, HoldsEverythingInABlockOfLengthZeroAndNothingWhenEmpty) {
    const network_set all{{"0.0.0.0/0", "::/0"}};
    EXPECT_TRUE(all.contains(make_address("203.0.113.1")));
    EXPECT_TRUE(all.contains(make_address("2001:db8::1")));
    EXPECT_FALSE(network_set{}.contains(make_address("10.0.0.1")));
}

TEST(NetworkSet, IgnoresWhatIsNoBlock) {
    const network_set set{{"nonsense", "10.0.0.0/99", "", "192.0.2.0/24"}};
    EXPECT_TRUE(set.contains(make_address("192.0.2.1")));
    EXPECT_FALSE(set.contains(make_address("10.0.0.1")));
}

TEST(CheckCidr, SaysWhatIsWrong) {
    EXPECT_EQ(check_cidr("10.0.0.0/8"), "");
    EXPECT_NE(check_cidr("10.0.0.0/33"), "");
}

TEST(ClientAddress, IsThePeerUnlessThePeerIsTrusted) {
    EXPECT_EQ(client("203.0.113.9", "198.51.100.1", "198.51.100.2"), "203.0.113.9");
    EXPECT_EQ(client("127.0.0.1", "198.51.100.1", "198.51.100.2"), "127.0.0.1");
    EXPECT_EQ(client("::ffff:203.0.113.9", "", ""), "203.0.113.9");
    EXPECT_EQ(client("::ffff:10.0.0.1", "", "198.51.100.2"), "198.51.100.2")
        << "mapped, and trusted all the same";
}

TEST(ClientAddress, PrefersCfConnectingIpBehindCloudflare) {
    EXPECT_EQ(client("10.0.0.1", "198.51.100.1", "198.51.100.2"), "198.51.100.1");
    EXPECT_EQ(client("10.0.0.1", " 2001:db8::5 ", "198.51.100.2"), "2001:db8::5");
    EXPECT_EQ(client("10.0.0.1", "::ffff:198.51.100.1", ""), "198.51.100.1");
    for (const std::string bad : {"", "nonsense", "198.51.100.1, 198.51.100.9", "198.51.100", "fe80::1%eth0"})
        EXPECT_EQ(client("10.0.0.1", bad, "198.51.100.2"), "198.51.100.2") << bad;
}

TEST(ClientAddress, IsNotTakenFromCfConnectingIpWhereCloudflareIsNotKnownToBe) {
    EXPECT_EQ(client("10.0.0.1", "198.51.100.1", "198.51.100.2", edge::unknown), "198.51.100.2");
    EXPECT_EQ(client("10.0.0.1", "198.51.100.1", "", edge::unknown), "10.0.0.1");
}

TEST(ClientAddress, IsNeverLocalBecauseAFieldSaysSo) {
    for (const std::string local : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "[::1]:80"}) {
        EXPECT_EQ(client("10.0.0.1", local, ""), "10.0.0.1") << local;
        EXPECT_EQ(client("10.0.0.1", "", local), "10.0.0.1") << local;
        EXPECT_EQ(client("10.0.0.1", "", "198.51.100.2, " + local), "10.0.0.1") << local;
    }
    EXPECT_EQ(client("10.0.0.1", "127.0.0.1", "198.51.100.2"), "198.51.100.2");
}

struct forwarded_case {
    std::string_view field;
    std::string_view client;
};

TEST(ClientAddress, IsTakenFromTheRightOfXForwardedFor) {
    const forwarded_case cases[] = {
        {"198.51.100.2", "198.51.100.2"},
        {"1.1.1.1, 198.51.100.2", "198.51.100.2"},             // the left part was sent by the client
        {"127.0.0.1, 10.9.9.9, 198.51.100.2", "198.51.100.2"}, // also when it looks trusted
        {"1.1.1.1, 198.51.100.2, 10.0.0.7, 100.64.3.4",
         "198.51.100.2"}, // trusted hops on the right are passed
        {"1.1.1.1,198.51.100.2,10.0.0.7", "198.51.100.2"},
        {"10.0.0.3, 192.168.1.1", "10.0.0.1"}, // all trusted
        {"", "10.0.0.1"},
        {" ", "10.0.0.1"},
        {",", "10.0.0.1"},
        {"198.51.100.2,", "10.0.0.1"}, // the rightmost entry is no address
        {"nonsense", "10.0.0.1"},
        {"198.51.100.2, unknown", "10.0.0.1"},
        {"198.51.100.2, _hidden, 10.0.0.7", "10.0.0.1"},
        {"nonsense, 198.51.100.2", "198.51.100.2"},
        {"198.51.100.2:4711", "198.51.100.2"},
        {"198.51.100.2:99999", "10.0.0.1"},
        {"198.51.100.2:", "10.0.0.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"[2001:db8::1]x", "10.0.0.1"},
        {"[2001:db8::1", "10.0.0.1"},
        {"[198.51.100.2]", "10.0.0.1"},
        {"fe80::1%eth0", "10.0.0.1"},
        {"1.1.1.1, 2001:db8:aaaa::9", "1.1.1.1"},
        {"1.1.1.1, 2001:db8:aaab::9", "2001:db8:aaab::9"},
        {"::ffff:198.51.100.2", "198.51.100.2"},
        {"198.51.100.2, ::ffff:10.0.0.9", "198.51.100.2"}, // a mapped proxy is a trusted one
        {"0x7f.1", "10.0.0.1"},
        {"198.51.100.02", "10.0.0.1"},
        {"for=198.51.100.2", "10.0.0.1"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(client("10.0.0.1", "", c.field), c.client) << c.field;
}

TEST(ClientAddress, IsNotFoundBehindMoreHopsThanAnyRealChainHas) {
    std::string field = "198.51.100.2";
    for (int i = 0; i < 10'000; ++i)
        field += ", 10.0.0.2";
    EXPECT_EQ(client("10.0.0.1", "", field), "10.0.0.1");
}

TEST(LimiterKey, IsAnIPv4AddressOrAnIPv6Network) {
    const auto key = [](const std::string& a) { return limiter_key(make_address(a)); };
    EXPECT_EQ(key("198.51.100.2"), "198.51.100.2");
    EXPECT_EQ(key("::ffff:198.51.100.2"), "198.51.100.2");
    EXPECT_EQ(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    EXPECT_EQ(key("2001:db8:1:2:ffff::"), key("2001:db8:1:2::1"));
    EXPECT_NE(key("2001:db8:1:3::1"), key("2001:db8:1:2::1"));
    EXPECT_EQ(key("fe80::1%1"), "fe80::/64");
}

TEST(LimiterKey, IsTheSameForAllOfLoopback) {
    for (const std::string a :
         {"127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:127.4.5.6"}) {
        EXPECT_EQ(limiter_key(make_address(a)), local_key) << a;
        EXPECT_TRUE(is_local(make_address(a))) << a;
    }
    for (const std::string a : {"126.0.0.1", "128.0.0.1", "::2", "10.0.0.1", "0.0.0.0", "::ffff:10.0.0.1"}) {
        EXPECT_NE(limiter_key(make_address(a)), local_key) << a;
        EXPECT_FALSE(is_local(make_address(a))) << a;
    }
}

} // namespace
} // namespace clawgate::auth
