#include "app/pod_observer.hpp"

#include "app/supervisor_client.hpp"

#include <gmock/gmock.h>

namespace clawgate::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t limit = 1000;

program_info running(std::string name, int pid) {
    program_info p;
    p.name = std::move(name);
    p.state = "RUNNING";
    p.pid = pid;
    return p;
}

TEST(PodObserver, NoticesThatAProgramWasStartedAgain) {
    pod_observer o{limit};
    EXPECT_THAT(o.look({running("gateway", 5)}, {}, {}).news, IsEmpty()) << "the first look";
    EXPECT_THAT(o.look({running("gateway", 5)}, {}, {}).news, IsEmpty());
    auto starting = running("gateway", 0);
    starting.state = "STARTING";
    EXPECT_THAT(o.look({starting}, {}, {}).news, IsEmpty());
    const auto news = o.look({running("gateway", 9)}, {}, {}).news;
    ASSERT_EQ(news.size(), 1u);
    EXPECT_EQ(news[0].what, "restarted");
    EXPECT_EQ(news[0].program, "gateway");
}

TEST(PodObserver, RestartsAnAgentThatIsOverItsLimitAtTwoLooks) {
    pod_observer o{limit};
    const std::vector programs{running("openclaw-agent_1", 5)};
    EXPECT_THAT(o.look(programs, {{"openclaw-agent_1", 1001}}, {}).too_large, IsEmpty()) << "it may be passing";
    EXPECT_THAT(o.look(programs, {{"openclaw-agent_1", 900}}, {}).too_large, IsEmpty());
    EXPECT_THAT(o.look(programs, {{"openclaw-agent_1", 1001}}, {}).too_large, IsEmpty());
    const auto seen = o.look(programs, {{"openclaw-agent_1", 1002}}, {});
    EXPECT_THAT(seen.too_large, ElementsAre("openclaw-agent_1"));
    ASSERT_EQ(seen.news.size(), 1u);
    EXPECT_EQ(seen.news[0].what, "out_of_memory");
    EXPECT_EQ(seen.news[0].bytes, 1002u);
    EXPECT_THAT(o.look({running("openclaw-agent_1", 6)}, {{"openclaw-agent_1", 10}}, {}).news, IsEmpty())
        << "the restart was ours and was told already";
}

TEST(PodObserver, WithoutALimitRestartsNothing) {
    pod_observer o{0};
    const std::vector programs{running("openclaw-agent_1", 5)};
    for (int i = 0; i < 3; ++i)
        EXPECT_THAT(o.look(programs, {{"openclaw-agent_1", ~0ull}}, {}).too_large, IsEmpty());
}

TEST(PodObserver, SaysOnceThatAProgramDoesNotStart) {
    pod_observer o{limit};
    auto p = running("ollama", 0);
    p.state = "BACKOFF";
    EXPECT_EQ(o.look({p}, {}, {}).news.at(0).what, "failing");
    EXPECT_THAT(o.look({p}, {}, {}).news, IsEmpty());
}

TEST(PodObserver, KeepsTheLatestEvents) {
    pod_observer o{limit};
    for (int pid = 1; pid <= 200; ++pid)
        static_cast<void>(o.look({running("x", pid)}, {}, wall_time{std::chrono::seconds{pid}}));
    EXPECT_EQ(o.events().size(), 50u);
    EXPECT_EQ(o.events().back().when, wall_time{std::chrono::seconds{200}});
}

// As supervisord 4.2 answers.
TEST(ProgramsIn, ReadsSupervisordsList) {
    const auto list = programs_in("HTTP/1.0 200 OK\r\n\r\n<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n"
                                  "<value><array><data>\n<value><struct>\n"
                                  "<member>\n<name>name</name>\n<value><string>gateway</string></value>\n</member>\n"
                                  "<member>\n<name>group</name>\n<value><string>gateway</string></value>\n</member>\n"
                                  "<member>\n<name>start</name>\n<value><int>1795574803</int></value>\n</member>\n"
                                  "<member>\n<name>statename</name>\n<value><string>RUNNING</string></value>\n</member>\n"
                                  "<member>\n<name>spawnerr</name>\n<value><string></string></value>\n</member>\n"
                                  "<member>\n<name>pid</name>\n<value><int>4711</int></value>\n</member>\n"
                                  "</struct></value>\n<value><struct>\n"
                                  "<member>\n<name>name</name>\n<value><string>ollama</string></value>\n</member>\n"
                                  "<member>\n<name>pid</name>\n<value><int>0</int></value>\n</member>\n"
                                  "</struct></value>\n</data></array></value>\n</param>\n</params>\n</methodResponse>\n");
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].name, "gateway");
    EXPECT_EQ(list[0].state, "RUNNING");
    EXPECT_EQ(list[0].pid, 4711);
    EXPECT_EQ(list[0].started, 1795574803);
    EXPECT_EQ(list[1].name, "ollama");
    EXPECT_EQ(list[1].pid, 0);
}

TEST(ProgramsIn, TakesNothingFromWhatIsCutOrNoList) {
    for (const auto* text : {"", "<struct>", "<struct><name>name</name></struct>", "<struct><name>name</name><value>"})
        EXPECT_TRUE(programs_in(text).empty()) << text;
}

} // namespace
} // namespace clawgate::app
