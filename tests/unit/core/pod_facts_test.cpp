#include "core/pod_facts.hpp"

#include <gtest/gtest.h>

namespace clawgate {
namespace {

TEST(PodFacts, AreReadAsTheyWereWritten) {
    pod_facts f;
    f.prepared_by = 1000;
    f.separate_users = true;
    f.landlock = 7;
    f.supervises_ollama = true;
    f.state_is_local = true;
    f.local_state = "/var/lib/clawgate/state";
    f.node = "/opt/node";
    f.supervised_agents = {"agent_1", "agent_2"};
    f.notices = {{"ports_open", "no packet filter \"here\""}};
    const auto back = pod_facts_from_json(to_json(f));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, f);
}

TEST(PodFacts, KnowWhichNoticesAreAboutIsolation) {
    for (const auto* key : {"one_user_for_all", "ports_open"})
        EXPECT_TRUE(weakens_isolation({key, ""})) << key;
    for (const auto* key : {"not_mounted", "in_memory", "unsafe_state", "local_state", "low_space"})
        EXPECT_FALSE(weakens_isolation({key, ""})) << key;
}

TEST(PodFacts, ThatAreNoneAreCorrupt) {
    for (const auto* text : {"", "[]", "{}", R"({"separate_users":1})"})
        EXPECT_EQ(pod_facts_from_json(text).error().code, errc::corrupt) << text;
}

} // namespace
} // namespace clawgate
