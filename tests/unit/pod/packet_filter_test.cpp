#include "pod/packet_filter.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

namespace clawgate::pod::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PrivatePorts, AreEachAgentsAndOllamas) {
    const auto all = private_ports_of(config_of({{"OPENCLAW_NUM_AGENTS", "2"}}), layout_of());
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].ports, (port_range{20000, 20119}));
    EXPECT_EQ(all[0].whose.uid, 20001u);
    EXPECT_EQ(all[1].ports, (port_range{20200, 20319}));
    EXPECT_EQ(all[1].whose.uid, 20002u);
    EXPECT_EQ(all[2].ports, (port_range{11430, 11430}));
    EXPECT_EQ(all[2].whose.uid, 20011u);
}

TEST(PrivatePorts, OfOneAgentEndWhereTheNextOnesBegin) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"},
                              {"CLAWGATE_AGENT_BACKENDS", "http://127.0.0.1:20000,http://127.0.0.1:20010"}});
    EXPECT_EQ(ports_of(c, c.agents[0]), (port_range{20000, 20009}));
    EXPECT_EQ(ports_of(c, c.agents[1]), (port_range{20010, 20129}));
    const auto near = config_of({{"OPENCLAW_NUM_AGENTS", "1"}, {"OLLAMA_PORT", "20050"}, {"CLAWGATE_CONTROL_PORT", "20070"}});
    EXPECT_EQ(ports_of(near, near.agents[0]), (port_range{20000, 20049})) << "everybody may call the model API";
    const auto high = config_of({{"OPENCLAW_NUM_AGENTS", "1"}, {"CLAWGATE_AGENT_BACKENDS", "http://127.0.0.1:65530"}});
    EXPECT_EQ(ports_of(high, high.agents[0]), (port_range{65530, 65535}));
}

TEST(PrivatePorts, OnOtherMachinesAreNoneOfOurs) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "1"},
                              {"CLAWGATE_AGENT_BACKENDS", "http://10.0.0.7:20000"},
                              {"CLAWGATE_OLLAMA_URL", "http://10.0.0.8:11434"}});
    EXPECT_TRUE(private_ports_of(c, layout_of()).empty());
    EXPECT_TRUE(private_ports_of(config_of(), layout_of(false)).empty()) << "all share one user";
}

TEST(FilterRules, LetTheOwnerTheGatewayAndRootIn) {
    const auto rules = filter_rules(config_of({{"OPENCLAW_NUM_AGENTS", "2"}}), layout_of());
    EXPECT_THAT(rules, HasSubstr("table inet clawgate\ndelete table inet clawgate\ntable inet clawgate {"));
    EXPECT_THAT(rules, HasSubstr("oif \"lo\" tcp dport 20000-20119 tcp flags & (syn | ack) == syn meta skuid != "
                                 "{ 0, 20000, 20001 } counter reject with tcp reset"));
    EXPECT_THAT(rules, HasSubstr("tcp dport 11430 tcp flags & (syn | ack) == syn meta skuid != { 0, 20000, 20011 }"));
}

TEST(FilterRules, HaveATableForEachWorkspace) {
    auto l = layout_of();
    l.workspace = "/srv/pod-2";
    EXPECT_EQ(filter_table_name(l), "clawgate_srv_pod_2");
    EXPECT_THAT(filter_rules(config_of(), l), Not(HasSubstr("inet clawgate\n")));
}

} // namespace
} // namespace clawgate::pod::test
