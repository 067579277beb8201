#include "routing/agent_users.hpp"

#include <gtest/gtest.h>

namespace clawgate::routing {
namespace {

TEST(AgentUsers, OnlyItsOwnUserMayBeAnAgentsBackend) {
    const agent_users users{{{1, 20001}, {2, 20002}}, 20000};
    const auto rule = users.rule_for_agent(1);
    EXPECT_TRUE(rule(20001));
    EXPECT_FALSE(rule(20002));
    EXPECT_FALSE(rule(0));
    EXPECT_FALSE(users.rule_for_agent(3)) << "nothing is known of an agent elsewhere";
}

TEST(AgentUsers, AnAgentMayNotBeTheModelServer) {
    const agent_users users{{{1, 20001}, {2, 20002}}, 20000};
    const auto rule = users.rule_for_model_server();
    EXPECT_TRUE(rule(20011));
    EXPECT_TRUE(rule(998)) << "an Ollama that somebody else runs";
    EXPECT_FALSE(rule(20002));
}

TEST(AgentUsers, OneUserForAllTellsNobodyApart) {
    const agent_users users{{{1, 1000}, {2, 1000}}, 1000};
    EXPECT_TRUE(users.shared_with_gateway());
    EXPECT_FALSE(users.rule_for_model_server());
    EXPECT_FALSE((agent_users{{{1, 20001}}, 20000}.shared_with_gateway()));
}

} // namespace
} // namespace clawgate::routing
