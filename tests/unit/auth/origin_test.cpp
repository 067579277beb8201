#include "auth/origin.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clawgate::auth {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

config runpod_config() {
    auto c = test::make_config(2);
    c.runpod.pod_id = "AbC123xyz";
    c.runpod.public_ip = "203.0.113.5";
    c.runpod.tcp_ports = {{18790, 40001}, {18791, 40002}};
    c.allowed_origins = {"https://agents.example.org", "https://one.example.org:18790",
                         "https://two.example.org:18791", "https://side.example.org:8443"};
    return c;
}

TEST(Origins, OfAPortAreListedMostPublicFirst) {
    const origin_policy policy{runpod_config(), 18790};
    EXPECT_THAT(policy.addresses(),
                ElementsAre("https://abc123xyz-18790.proxy.runpod.net", "http://203.0.113.5:40001",
                            "https://203.0.113.5:40001", "https://agents.example.org",
                            "https://one.example.org:18790", "https://side.example.org:8443",
                            "http://localhost:18790", "http://127.0.0.1:18790", "http://[::1]:18790",
                            "https://localhost:18790", "https://127.0.0.1:18790", "https://[::1]:18790"));
    EXPECT_EQ(policy.canonical(), "https://abc123xyz-18790.proxy.runpod.net");
}

TEST(Origins, OutsideRunPodAreTheMachineItself) {
    const origin_policy policy{test::make_config(), 18791};
    EXPECT_EQ(policy.canonical(), "http://localhost:18791");
    EXPECT_EQ(policy.addresses().size(), 6u);
}

TEST(Origins, WithTlsComeWithHttpsFirst) {
    auto c = test::make_config();
    c.tls_cert = "cert.pem";
    c.tls_key = "key.pem";
    EXPECT_EQ((origin_policy{c, 18790}.canonical()), "https://localhost:18790");
}

TEST(Origins, DropTheDefaultPort) {
    auto c = test::make_config(1);
    c.agents[0].port = 80;
    const origin_policy policy{c, 80};
    EXPECT_THAT(policy.addresses(), Contains("http://localhost"));
    EXPECT_TRUE(policy.allows("http://localhost:80", ""));
    EXPECT_FALSE(policy.allows("https://localhost", ""));
}

TEST(Origins, WithAnIPv6PublicAddressAreBracketed) {
    auto c = runpod_config();
    c.runpod.public_ip = "2001:db8::5";
    EXPECT_THAT((origin_policy{c, 18790}.addresses()), Contains("http://[2001:db8::5]:40001"));
}

TEST(Origins, OfAnotherPortOfOursAreForeign) {
    const origin_policy one{runpod_config(), 18790};
    EXPECT_TRUE(one.allows("https://one.example.org:18790", ""));
    EXPECT_FALSE(one.allows("https://two.example.org:18791", ""));
    EXPECT_FALSE(one.allows("https://abc123xyz-18791.proxy.runpod.net", ""));
    EXPECT_FALSE(one.allows("http://203.0.113.5:40002", ""));
    EXPECT_FALSE(one.allows("http://localhost:18791", ""));
    const origin_policy control{runpod_config(), 18792};
    EXPECT_TRUE(control.allows("https://agents.example.org", ""));
    EXPECT_TRUE(control.allows("https://side.example.org:8443", ""));
    EXPECT_FALSE(control.allows("https://one.example.org:18790", ""));
    EXPECT_TRUE(control.allows("http://localhost:18792", ""));
}

TEST(Origins, ThatNameAGatewayPortByDefaultBelongToThatPort) {
    auto c = test::make_config(2);
    c.agents[0].port = 443;
    c.allowed_origins = {"https://agents.example.org"};
    EXPECT_TRUE((origin_policy{c, 443}.allows("https://agents.example.org", "")));
    EXPECT_FALSE((origin_policy{c, 18791}.allows("https://agents.example.org", "")));
}

TEST(Origins, ThatAreForeignOrNoneAreRefused) {
    const origin_policy policy{runpod_config(), 18790};
    for (const std::string origin : {"",
                                     "null",
                                     "https://evil.example",
                                     "http://abc123xyz-18790.proxy.runpod.net",
                                     "https://abc123xyz-18790.proxy.runpod.net:8443",
                                     "https://xabc123xyz-18790.proxy.runpod.net",
                                     "https://abc123xyz-18790.proxy.runpod.net.evil.example",
                                     "https://other-18790.proxy.runpod.net",
                                     "https://abc123xyz-18790.proxy.runpod.net/",
                                     "https://abc123xyz-18790.proxy.runpod.net/x",
                                     "https://user@abc123xyz-18790.proxy.runpod.net",
                                     "https://abc123xyz-18790.proxy.runpod.net.",
                                     "http://localhost",
                                     "http://localhost:8080",
                                     "http://localhost:18790.evil.example",
                                     "ws://localhost:18790",
                                     "https://agents.example.org:18790",
                                     "https://agents.example.org https://evil.example",
                                     "http://127.0.0.2:18790",
                                     "chrome-extension://abc",
                                     "file://"})
        EXPECT_FALSE(policy.allows(origin, "localhost:18790")) << origin;
}

TEST(Origins, AreComparedAfterNormalising) {
    const origin_policy policy{runpod_config(), 18790};
    EXPECT_TRUE(policy.allows("HTTPS://ABC123XYZ-18790.proxy.runpod.net:443", ""));
    EXPECT_TRUE(policy.allows("http://[0:0:0:0:0:0:0:1]:18790", ""));
}

struct host_case {
    std::string_view origin;
    std::string_view host;
    bool allowed;
};

TEST(Origins, ThatAreAnAddressMustBeTheOneThatWasDialled) {
    const origin_policy policy{test::make_config(), 18790};
    const host_case cases[] = {
        {"http://192.0.2.9:18790", "192.0.2.9:18790", true},
        {"https://192.0.2.9:18790", "192.0.2.9:18790", true},
        {"http://[2001:db8::9]:18790", "[2001:DB8:0::9]:18790", true},
        {"http://192.0.2.9:18791", "192.0.2.9:18791", false}, // another agent's page
        {"http://192.0.2.9:18790", "192.0.2.9:18791", false},
        {"http://192.0.2.9:18790", "192.0.2.10:18790", false},
        {"http://192.0.2.9:18790", "192.0.2.9", false},
        {"http://192.0.2.9", "192.0.2.9", false},
        {"http://192.0.2.9:18790", "", false},
        {"http://192.0.2.9:18790", "localhost:18790", false},
        {"http://rebind.example:18790", "rebind.example:18790", false}, // a name may be made to point here
        {"http://[2001:db8::9]:18790", "2001:db8::9:18790", false},
        {"http://192.0.2.9:18790", "192.0.2.9:18790:18790", false},
        {"http://192.0.2.9:18790", "192.0.2.9:18790, evil.example", false},
        {"http://192.0.2.9:18790", "user@192.0.2.9:18790", false},
        {"http://192.0.2.9:18790", "3221225993:18790", false},
    };
    for (const auto& c : cases)
        EXPECT_EQ(policy.allows(c.origin, c.host), c.allowed) << c.origin << " at " << c.host;
}

TEST(Origins, ThatAreAnAddressMayUseADefaultPort) {
    auto c = test::make_config(1);
    c.agents[0].port = 443;
    const origin_policy policy{c, 443};
    EXPECT_TRUE(policy.allows("https://192.0.2.9", "192.0.2.9"));
    EXPECT_TRUE(policy.allows("https://192.0.2.9", "192.0.2.9:443"));
    EXPECT_FALSE(policy.allows("http://192.0.2.9", "192.0.2.9"));
}

TEST(Origins, ThatTheAgentKnowsArePresentedWithTheirOwnHost) {
    const origin_policy policy{runpod_config(), 18790};
    // Behind RunPod's proxy an internal address arrives as Host.
    auto p = policy.present("https://abc123xyz-18790.proxy.runpod.net", "100.65.1.2:18790");
    EXPECT_EQ(p.origin, "https://abc123xyz-18790.proxy.runpod.net");
    EXPECT_EQ(p.host, "abc123xyz-18790.proxy.runpod.net");
    p = policy.present("http://localhost:18790", "localhost:18790");
    EXPECT_EQ(p.origin, "http://localhost:18790");
    EXPECT_EQ(p.host, "localhost:18790");
}

TEST(Origins, ThatTheAgentDoesNotKnowArePresentedAsTheCanonicalOne) {
    const origin_policy policy{runpod_config(), 18790};
    const auto p = policy.present("http://192.0.2.9:18790", "192.0.2.9:18790");
    EXPECT_EQ(p.origin, "https://abc123xyz-18790.proxy.runpod.net");
    EXPECT_EQ(p.host, "abc123xyz-18790.proxy.runpod.net");
}

TEST(Origins, ThatAreForeignAreNeverPresentedAsOurs) {
    const origin_policy policy{runpod_config(), 18790};
    for (const std::string origin : {"https://evil.example", "null", "http://localhost:18791"})
        EXPECT_EQ(policy.present(origin, "localhost:18790").origin, origin);
}

TEST(Origins, WithoutOneTheHostAloneIsDecided) {
    const origin_policy policy{runpod_config(), 18790};
    EXPECT_EQ(policy.present("", "LOCALHOST:18790").host, "localhost:18790");
    EXPECT_EQ(policy.present("", "agents.example.org").host, "agents.example.org");
    EXPECT_EQ(policy.present("", "100.65.1.2:18790").host, "abc123xyz-18790.proxy.runpod.net");
    EXPECT_EQ(policy.present("", "").host, "abc123xyz-18790.proxy.runpod.net");
    EXPECT_EQ(policy.present("", "localhost:18790").origin, "");
}

TEST(NormaliseOrigin, IsTheOneOfCore) {
    EXPECT_EQ(normalise_origin("HTTPS://Example.ORG:443"), "https://example.org");
    EXPECT_FALSE(normalise_origin("null"));
}

} // namespace
} // namespace clawgate::auth
