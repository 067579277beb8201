#include "pod/agent_program.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

namespace clawgate::pod::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

config two_agents() {
    return config_of({{"OPENCLAW_NUM_AGENTS", "2"}});
}

TEST(ConfinementOf, KeepsAnAgentFromPortsOfOthers) {
    const auto c = two_agents();
    auto l = layout_of();
    const auto k = confinement_of(c, c.agents[0], l);
    const std::vector<port_range> private_ones{{20200, 20319}, {11430, 11430}};
    EXPECT_EQ(k.no_connect, private_ones);
    // Nobody but the gateway listens where people type their password.
    EXPECT_THAT(k.no_bind, testing::IsSupersetOf(private_ones));
    EXPECT_THAT(k.no_bind, testing::IsSupersetOf(
                               std::vector<port_range>{{18790, 18790}, {18791, 18791}, {18792, 18792}, {11434, 11434}}));
    EXPECT_TRUE(k.hidden.empty()) << "its user is enough";
    l.packet_filter = true;
    EXPECT_TRUE(confinement_of(c, c.agents[0], l).no_connect.empty()) << "the packet filter does it";
}

TEST(ConfinementOf, HidesTheOthersWhereAllShareOneUser) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"},
                              {"CLAWGATE_TLS_CERT", "/etc/tls/cert.pem"},
                              {"CLAWGATE_TLS_KEY", "/etc/tls/key.pem"}});
    const auto k = confinement_of(c, c.agents[0], layout_of(false));
    EXPECT_THAT(k.hidden, testing::IsSupersetOf({"/workspace", "/run/clawgate", "/etc/tls/key.pem"}));
    EXPECT_THAT(k.kept, ElementsAre("/workspace/agents/agent_1", "/workspace/.cache/agent_1",
                                    "/run/clawgate/tmp/agent_1", "/tmp/openclaw-state-locks-0"));
    EXPECT_THAT(k.read_only, ElementsAre("/opt/clawgate/bin")) << "it would be the gateway at the next start";
    auto local = layout_of(false);
    local.local_state = "/var/lib/clawgate/state";
    local.state_is_local = true;
    const auto there = confinement_of(c, c.agents[0], local);
    EXPECT_THAT(there.hidden, Contains("/var/lib/clawgate/state"));
    EXPECT_THAT(there.kept, Contains(local.agent_state(c.agents[0])));
    local.state_is_local = false;
    EXPECT_THAT(confinement_of(c, c.agents[0], local).hidden, Contains("/var/lib/clawgate/state"))
        << "what is left from when it was";
}

TEST(ConfineArguments, AreWhatTheCommandReads) {
    confinement k;
    k.hidden = {"/workspace"};
    k.kept = {"/workspace/agents/agent_1"};
    k.read_only = {"/opt/clawgate/bin"};
    k.no_connect = {{1, 2}};
    k.no_bind = {{3, 3}};
    EXPECT_THAT(confine_arguments(k), ElementsAre("confine", "--hide", "/workspace", "--keep",
                                                  "/workspace/agents/agent_1", "--read-only", "/opt/clawgate/bin",
                                                  "--no-connect", "1-2", "--no-bind", "3-3", "--"));
}

TEST(AgentProgram, HasLimitsThatV8Survives) {
    const auto c = two_agents();
    const auto p = agent_program(c, c.agents[0], layout_of(), {});
    EXPECT_THAT(p.variables, Contains(std::pair<std::string, std::string>{"NODE_OPTIONS", "--max-old-space-size=2048"}))
        << "half of the default, 4096";
    EXPECT_THAT(full_command(p), Contains("--nproc=1024"));
    const auto shared = agent_program(c, c.agents[0], layout_of(false), {});
    EXPECT_THAT(full_command(shared), Not(Contains(HasSubstr("--nproc"))))
        << "it would count the processes of all agents";
    EXPECT_EQ(heap_limit_mb(1024), 512);
    EXPECT_EQ(heap_limit_mb(0), 0);
    const auto unlimited = config_of({{"CLAWGATE_AGENT_MEMORY_MB", "0"}});
    EXPECT_THAT(full_command(agent_program(unlimited, unlimited.agents[0], layout_of(), {})),
                Not(Contains(HasSubstr("old-space"))));
}

TEST(AgentProgram, EntersItsControlGroupFirst) {
    const auto c = two_agents();
    auto l = layout_of();
    l.cgroups["agent_1"] = {"/sys/fs/cgroup/g/cgroup.procs"};
    EXPECT_THAT(full_command(agent_program(c, c.agents[0], l, {})),
                Contains("echo 0 > /sys/fs/cgroup/g/cgroup.procs; exec \"$@\""));
    EXPECT_THAT(full_command(agent_program(c, c.agents[1], l, {})), Not(Contains(HasSubstr("echo 0"))));
}

TEST(AgentProgram, IsStartedConfined) {
    const auto c = two_agents();
    const auto p = agent_program(c, c.agents[1], layout_of(), {});
    ASSERT_GE(p.argv.size(), 2u);
    EXPECT_EQ(p.argv[0], "/opt/clawgate/bin/clawgate");
    EXPECT_EQ(p.argv[1], "confine");
    const auto end = std::find(p.argv.begin(), p.argv.end(), "--");
    ASSERT_NE(end, p.argv.end());
    EXPECT_EQ(*std::next(end), layout_of().tools.node);
    EXPECT_EQ(p.argv.back(), "20200");
}

} // namespace
} // namespace clawgate::pod::test
