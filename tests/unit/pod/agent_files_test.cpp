#include "pod/agent_places.hpp"
#include "pod/agent_processes.hpp"
#include "pod/run_as.hpp"

#include "pod_fixture.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>

namespace clawgate::pod::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(AgentPlaces, AnAgentIsFoundByNameOrNumberAndOnlyInTheWorkspace) {
    const temporary_folder t;
    const auto c = config_of({{"CLAWGATE_WORKSPACE", t / "ws"}, {"CLAWGATE_LOCAL_STATE", t / "local"}});
    fs::create_directories(t / "ws/agents/agent_7/.openclaw");
    const auto l = plain_layout(c);
    for (const auto* name : {"agent_7", "7"}) {
        const auto p = find_agent(c, l, name);
        ASSERT_TRUE(p) << name;
        EXPECT_EQ(p->state, t / "ws/agents/agent_7/.openclaw");
        EXPECT_EQ(p->work, t / "ws/agents/agent_7/workspace");
    }
    EXPECT_EQ(find_agent(c, l, "agent_1").error().code, errc::not_found);
    fs::create_directory_symlink(t / "ws", t / "ws/agents/link_1");
    EXPECT_EQ(find_agent(c, l, "link_1").error().code, errc::not_found);
    for (const auto* bad : {"", "..", ".", "../agents/agent_7", "agent_7/", "a\nb", "/etc"})
        EXPECT_EQ(find_agent(c, l, bad).error().code, errc::bad_request) << bad;
    fs::create_directories(t / "local/agent_7/.openclaw");
    EXPECT_EQ(find_agent(c, l, "7")->state, t / "local/agent_7/.openclaw")
        << "where it exists, it is the state";
}

TEST(AgentPlaces, OnlyOneMakesSnapshotsAtATime) {
    const temporary_folder t;
    auto first = lock_states(t.path());
    ASSERT_TRUE(first);
    const descriptor second{::open((t / ".lock").c_str(), O_RDWR | O_CLOEXEC)};
    EXPECT_NE(::flock(second.get(), LOCK_EX | LOCK_NB), 0);
    *first = descriptor{};
    EXPECT_EQ(::flock(second.get(), LOCK_EX | LOCK_NB), 0);
}

TEST(AgentProcesses, AreKnownByTheirStateFolder) {
    const temporary_folder t;
    fs::create_directories(t / "state");
    EXPECT_TRUE(agent_processes(t / "state").empty());
    const pid_t child = ::fork();
    if (child == 0) {
        const auto variable = "OPENCLAW_STATE_DIR=" + t / "state";
        const char* argv[] = {"sleep", "60", nullptr};
        const char* env[] = {"A=b", variable.c_str(), nullptr};
        ::execve("/bin/sleep", const_cast<char**>(argv), const_cast<char**>(env));
        ::_exit(127);
    }
    const auto found = [&] {
        const auto all = agent_processes(t / "state");
        return std::find(all.begin(), all.end(), child) != all.end();
    };
    for (int i = 0; i < 500 && !found(); ++i)
        ::usleep(10'000); // until the other program has begun
    EXPECT_TRUE(found());
    EXPECT_TRUE(agent_processes(t / "stat").empty()) << "the whole path, not its beginning";
    EXPECT_FALSE(wait_until_stopped({t / "state"}, std::chrono::seconds{0}));
    ::kill(child, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
    EXPECT_FALSE(found()) << "a zombie does not count";
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(wait_until_stopped({t / "state"}, std::chrono::seconds{0}));
}

TEST(RunAs, AnotherUserReadsOnlyWhatHeMay) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    const temporary_folder t;
    put(t / "root's", "secret");
    ::chmod((t / "root's").c_str(), 0600);
    const auto r = run_as(owner{20001, 20001}, std::chrono::seconds{60}, [&]() -> result<std::string> {
        const bool locked_out = ::open((t / "root's").c_str(), O_RDONLY) < 0 && ::setuid(0) != 0;
        return std::to_string(::getuid()) + " " + std::to_string(::getegid()) +
               (locked_out ? " locked out" : " IN");
    });
    ASSERT_TRUE(r) << r.error().detail;
    EXPECT_EQ(*r, "20001 20001 locked out");
}

TEST(RunAs, PassesErrorsOnAndHasALimit) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    const auto failed = run_as(owner{20001, 20001}, std::chrono::seconds{60}, []() -> result<std::string> {
        return error{errc::corrupt, fault::gateway, retry::never, "because"};
    });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, errc::corrupt);
    EXPECT_EQ(failed.error().detail, "because");
    const auto stuck = run_as(owner{20001, 20001}, std::chrono::seconds{1}, []() -> result<std::string> {
        ::pause();
        return std::string{};
    });
    ASSERT_FALSE(stuck);
    EXPECT_EQ(stuck.error().code, errc::timeout);
    const auto died = run_as(owner{20001, 20001}, std::chrono::seconds{60}, []() -> result<std::string> {
        ::raise(SIGKILL);
        return std::string{};
    });
    ASSERT_FALSE(died);
    EXPECT_THAT(died.error().detail, HasSubstr("without an answer"));
}

TEST(RunAs, WithoutAUserTheWorkIsDoneHere) {
    const auto me = ::getpid();
    const auto r = run_as(std::nullopt, std::chrono::seconds{1}, [&]() -> result<std::string> {
        return std::string{::getpid() == me ? "here" : "elsewhere"};
    });
    EXPECT_EQ(*r, "here");
}

} // namespace
} // namespace clawgate::pod::test
