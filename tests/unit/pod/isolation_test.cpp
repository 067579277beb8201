#include "pod/isolation.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace clawgate::pod::test {
namespace {

using testing::HasSubstr;

bool has(const std::vector<attempt>& list, attempt_kind kind, std::string_view target) {
    return std::any_of(list.begin(), list.end(),
                       [&](const attempt& a) { return a.kind == kind && a.target == target; });
}

TEST(IsolationAttempts, CoverEveryOtherAgentAndWhatIsSharedByAll) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "3"}});
    running_programs running;
    running.gateway = 4711;
    running.agents = {{"agent_1", 11}, {"agent_2", 12}, {"agent_3", 13}};
    const auto list = attempts_of(c, c.agents[0], layout_of(), running);
    for (const auto* other : {"agent_2", "agent_3"}) {
        const auto home = "/workspace/agents/" + std::string{other};
        EXPECT_TRUE(has(list, attempt_kind::read_file, home + "/.openclaw/token"));
        EXPECT_TRUE(has(list, attempt_kind::list_folder, home + "/.openclaw"));
        EXPECT_TRUE(has(list, attempt_kind::write_folder, home + "/workspace"));
    }
    EXPECT_TRUE(has(list, attempt_kind::write_folder, "/tmp/openclaw-state-locks-20003"));
    EXPECT_FALSE(has(list, attempt_kind::write_folder, "/tmp/openclaw-state-locks-20001")) << "its own";
    for (const auto* shared : {"/workspace", "/workspace/agents", "/workspace/logs", "/workspace/.clawgate",
                               "/run/clawgate", "/opt/clawgate/bin"})
        EXPECT_TRUE(has(list, attempt_kind::write_folder, shared)) << shared;
    EXPECT_TRUE(has(list, attempt_kind::connect, "20200"));
    EXPECT_TRUE(has(list, attempt_kind::call, "20400"));
    EXPECT_TRUE(has(list, attempt_kind::connect, "11430"));
    EXPECT_TRUE(has(list, attempt_kind::command_supervisord, "/run/clawgate/supervisor/supervisor.sock"));
    EXPECT_TRUE(has(list, attempt_kind::read_file, "/workspace/.clawgate/session.key"));
    EXPECT_TRUE(has(list, attempt_kind::read_file, "/run/clawgate/gateway.env"));
    EXPECT_TRUE(has(list, attempt_kind::read_memory, "4711"));
    EXPECT_TRUE(has(list, attempt_kind::signal, "13"));
    EXPECT_TRUE(has(list, attempt_kind::listen, "18790"));
    EXPECT_FALSE(has(list, attempt_kind::connect, "20000")) << "its own";
    EXPECT_FALSE(has(list, attempt_kind::signal, "11")) << "its own";
}

TEST(IsolationAttempts, AreAimedAtTheStateWhereItLies) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"}});
    auto l = layout_of();
    l.state_is_local = true;
    l.local_state = "/var/lib/clawgate/state";
    const auto list = attempts_of(c, c.agents[0], l, {});
    EXPECT_TRUE(has(list, attempt_kind::read_file, "/var/lib/clawgate/state/agent_2/.openclaw/token"));
    EXPECT_TRUE(has(list, attempt_kind::write_folder, "/var/lib/clawgate/state"));
    EXPECT_FALSE(has(list, attempt_kind::read_file, "/workspace/agents/agent_2/.openclaw/token"));
}

TEST(IsolationAttempts, AreNotAimedAtWhatIsElsewhere) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"}, {"CLAWGATE_AGENT_BACKENDS", "http://127.0.0.1:20000,http://192.0.2.1:18789"}});
    const auto list = attempts_of(c, c.agents[0], layout_of(), {});
    EXPECT_FALSE(has(list, attempt_kind::read_file, "/workspace/agents/agent_2/.openclaw/token"));
    EXPECT_TRUE(has(list, attempt_kind::listen, "18791"));
}

TEST(IsolationAttempts, ThatNobodyCouldMakeAreNotTested) {
    std::vector<attempt> tried(3);
    tried[0].result = outcome::refused;
    tried[0].detail = "Connection refused";
    tried[1].result = outcome::possible;
    tried[2].result = outcome::refused;
    leave_out_untestable(tried, {"nobody listens", "not for root either", ""});
    EXPECT_EQ(tried[0].result, outcome::not_tested);
    EXPECT_EQ(tried[0].detail, "nobody listens");
    EXPECT_EQ(tried[1].result, outcome::possible) << "whoever could not: the agent could";
    EXPECT_EQ(tried[2].result, outcome::refused);
}

TEST(IsolationAttempts, SurviveTheWayToTheProbe) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"}});
    auto list = attempts_of(c, c.agents[0], layout_of(), {});
    list[0].result = outcome::possible;
    list[0].detail = "because";
    const auto back = attempts_from_json(to_json(list));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), list.size());
    EXPECT_EQ((*back)[0].result, outcome::possible);
    EXPECT_EQ((*back)[1].result, outcome::not_tested) << "as long as nobody tried";
    EXPECT_EQ((*back)[0].detail, "because");
    EXPECT_EQ((*back)[5].kind, list[5].kind);
    EXPECT_EQ((*back)[6].extra, list[6].extra);
    for (const auto* text : {"", "{\"a\":1}", "[{}]", R"([{"kind":"fly","target":"","extra":"","what":"","outcome":"refused","detail":""}])",
                             R"([{"kind":"call","target":"","extra":"","what":"","outcome":"fine","detail":""}])"})
        EXPECT_FALSE(attempts_from_json(text)) << text;
}

attempt tried(attempt_kind kind, const std::string& target) {
    attempt a;
    a.kind = kind;
    a.target = target;
    try_it(a);
    return a;
}

/// A probe that never got anywhere would call everything refused.
TEST(IsolationProbe, SaysWhenSomethingWorks) {
    const temporary_folder f;
    put(f / "file", "x");
    EXPECT_EQ(tried(attempt_kind::read_file, f / "file").result, outcome::possible);
    EXPECT_EQ(tried(attempt_kind::list_folder, f.path()).result, outcome::possible);
    EXPECT_EQ(tried(attempt_kind::write_folder, f.path()).result, outcome::possible);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator{f.path()}, {}), 1) << "it leaves nothing behind";
    EXPECT_EQ(tried(attempt_kind::signal, std::to_string(::getpid())).result, outcome::possible);
    EXPECT_EQ(tried(attempt_kind::read_memory, std::to_string(::getpid())).result, outcome::possible);
}

TEST(IsolationProbe, TakesWhatIsNotThereForNoRefusal) {
    const temporary_folder f;
    for (const auto kind : {attempt_kind::read_file, attempt_kind::list_folder, attempt_kind::write_folder,
                            attempt_kind::command_supervisord}) {
        const auto a = tried(kind, f / "absent");
        EXPECT_EQ(a.result, outcome::not_tested) << a.detail;
        EXPECT_THAT(a.detail, HasSubstr("No such file"));
        EXPECT_THAT(why_untestable(a), HasSubstr("No such file"));
    }
    for (const auto kind : {attempt_kind::signal, attempt_kind::read_memory}) {
        EXPECT_EQ(tried(kind, "0").result, outcome::not_tested) << "it does not run";
        EXPECT_NE(why_untestable(tried(kind, "0")), "");
    }
}

TEST(IsolationProbe, KnowsARefusal) {
    if (::geteuid() != 0) GTEST_SKIP() << "nothing is closed to a user by itself";
    const temporary_folder f;
    put(f / "file", "x");
    ::chmod((f / "file").c_str(), 0600);
    ASSERT_EQ(::seteuid(20001), 0);
    const auto file = tried(attempt_kind::read_file, f / "file");
    const auto folder = tried(attempt_kind::write_folder, f.path());
    const auto process = tried(attempt_kind::signal, "1");
    ASSERT_EQ(::seteuid(0), 0);
    EXPECT_EQ(file.result, outcome::refused) << file.detail;
    EXPECT_EQ(folder.result, outcome::refused) << folder.detail;
    EXPECT_EQ(why_untestable(file), "");
    EXPECT_EQ(why_untestable(folder), "");
    EXPECT_EQ(why_untestable(process), "");
}

TEST(IsolationProbe, TellsAClosedPortFromOneWithoutAListener) {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    socklen_t length = sizeof where;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &length);
    const auto port = std::to_string(ntohs(where.sin_port));
    const auto early = tried(attempt_kind::connect, port);
    EXPECT_NE(early.result, outcome::possible) << "nobody listens yet";
    EXPECT_THAT(why_untestable(early), HasSubstr("refused")) << "as a packet filter would say it, but to everybody";
    ASSERT_EQ(::listen(listener, 8), 0);
    EXPECT_EQ(tried(attempt_kind::connect, port).result, outcome::possible);
    EXPECT_EQ(why_untestable(early), "");
    EXPECT_EQ(tried(attempt_kind::call, port).result, outcome::not_tested) << "without a token that says nothing";
    EXPECT_EQ(tried(attempt_kind::listen, port).result, outcome::not_tested) << "it is taken now, and free when it is not";
    ::close(listener);
    EXPECT_EQ(tried(attempt_kind::listen, port).result, outcome::possible);
}

TEST(IsolationReport, NamesWhatWasPossibleAndWhatWasNotTested) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"}});
    attempt good, bad, untested;
    good.what = "read the token of agent_2";
    good.detail = "Permission denied";
    good.result = outcome::refused;
    bad.what = "reach Ollama around the gateway";
    bad.detail = "127.0.0.1:11430 takes the connection";
    bad.result = outcome::possible;
    untested.what = "command supervisord";
    untested.detail = "No such file or directory";
    const auto text = isolation_report(c.agents[0], layout_of(), {good, bad, untested});
    EXPECT_THAT(text, HasSubstr("As agent_1 (user 20001; packet filter off"));
    EXPECT_THAT(text, HasSubstr("\n  refused   read the token of agent_2: Permission denied"));
    EXPECT_THAT(text, HasSubstr("\n  POSSIBLE  reach Ollama around the gateway"));
    EXPECT_THAT(text, HasSubstr("\n  UNTESTED  command supervisord: No such file or directory"));
    EXPECT_THAT(text, HasSubstr("3 attempts: 1 refused, 1 possible, 1 not tested"));
}

} // namespace
} // namespace clawgate::pod::test
