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

TEST(IsolationAttempts, SurviveTheWayToTheProbe) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"}});
    auto list = attempts_of(c, c.agents[0], layout_of(), {});
    list[0].worked = true;
    list[0].detail = "because";
    const auto back = attempts_from_json(to_json(list));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), list.size());
    EXPECT_TRUE((*back)[0].worked);
    EXPECT_EQ((*back)[0].detail, "because");
    EXPECT_EQ((*back)[5].kind, list[5].kind);
    EXPECT_EQ((*back)[6].extra, list[6].extra);
    for (const auto* text : {"", "{\"a\":1}", "[{}]", R"([{"kind":"fly","target":"","extra":"","what":"","worked":false}])"})
        EXPECT_FALSE(attempts_from_json(text)) << text;
}

/// A probe that never got anywhere would call everything refused.
TEST(IsolationProbe, SaysWhenSomethingWorks) {
    const temporary_folder f;
    put(f / "file", "x");
    const auto tried = [](attempt_kind kind, const std::string& target) {
        attempt a;
        a.kind = kind;
        a.target = target;
        try_it(a);
        return a;
    };
    EXPECT_TRUE(tried(attempt_kind::read_file, f / "file").worked);
    EXPECT_FALSE(tried(attempt_kind::read_file, f / "absent").worked);
    EXPECT_THAT(tried(attempt_kind::read_file, f / "absent").detail, HasSubstr("No such file"));
    EXPECT_TRUE(tried(attempt_kind::list_folder, f.path()).worked);
    EXPECT_TRUE(tried(attempt_kind::write_folder, f.path()).worked);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator{f.path()}, {}), 1) << "it leaves nothing behind";
    EXPECT_TRUE(tried(attempt_kind::signal, std::to_string(::getpid())).worked);
    EXPECT_TRUE(tried(attempt_kind::read_memory, std::to_string(::getpid())).worked);

    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    socklen_t length = sizeof where;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &length);
    const auto port = std::to_string(ntohs(where.sin_port));
    EXPECT_FALSE(tried(attempt_kind::connect, port).worked) << "nobody listens yet";
    ASSERT_EQ(::listen(listener, 1), 0);
    EXPECT_TRUE(tried(attempt_kind::connect, port).worked);
    EXPECT_FALSE(tried(attempt_kind::listen, port).worked) << "it is taken, and not shared";
    ::close(listener);
    EXPECT_TRUE(tried(attempt_kind::listen, port).worked);
}

TEST(IsolationReport, NamesWhatWasPossible) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"}});
    attempt good, bad;
    good.what = "read the token of agent_2";
    good.detail = "Permission denied";
    bad.what = "reach Ollama around the gateway";
    bad.detail = "127.0.0.1:11430 takes the connection";
    bad.worked = true;
    const auto text = isolation_report(c.agents[0], layout_of(), {good, bad});
    EXPECT_THAT(text, HasSubstr("As agent_1 (user 20001; packet filter off"));
    EXPECT_THAT(text, HasSubstr("refused   read the token of agent_2: Permission denied"));
    EXPECT_THAT(text, HasSubstr("POSSIBLE  reach Ollama around the gateway"));
    EXPECT_THAT(text, HasSubstr("2 attempts, 1 refused"));
}

} // namespace
} // namespace clawgate::pod::test
