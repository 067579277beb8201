#include "core/pod_facts.hpp"

#include <gtest/gtest.h>

namespace clawgate {
namespace {

TEST(PodFacts, AreReadAsTheyWereWritten) {
    pod_facts f;
    f.separate_users = true;
    f.landlock = 7;
    f.supervises_ollama = true;
    f.node = "/opt/node";
    f.supervised_agents = {"agent_1", "agent_2"};
    f.notices = {{"ports_open", "no packet filter \"here\""}};
    const auto back = pod_facts_from_json(to_json(f));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, f);
}

TEST(PodFacts, ThatAreNoneAreCorrupt) {
    for (const auto* text : {"", "[]", "{}", R"({"separate_users":1})"})
        EXPECT_EQ(pod_facts_from_json(text).error().code, errc::corrupt) << text;
}

} // namespace
} // namespace clawgate
