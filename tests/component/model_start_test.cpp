// The gateway looking after its models: from the start of the server to its recovery.

#include "component/model_fixture.hpp"

namespace clawgate::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

model_options warm() {
    model_options o;
    o.variables = {{"OPENCLAW_WARMUP_ENABLED", "true"},
                   {"OPENCLAW_NUM_CTX", "8192"},
                   {"OPENCLAW_CONTEXT_TOKENS", "8192"}};
    o.server.max_loaded_models = 2;
    o.server.parallel = 4;
    return o;
}

TEST(ModelStart, TheFirstCallFindsTheModelLoadedAsItNeedsIt) {
    model_under_test m{warm()};
    m.gateway().server().look_after_models({});
    ASSERT_TRUE(m.server().wait_for([](const support::ollama_counters& c) { return c.loads == 2; }));
    EXPECT_EQ(m.post("/api/chat", question("hello")).status(), 200);
    EXPECT_EQ(m.post("/api/embed", {{"model", "nomic-embed-text"}, {"input", "hello"}}).status(), 200);
    EXPECT_EQ(m.server().loads(), 2u);
    EXPECT_EQ(m.server().reloads(), 0u);
    EXPECT_EQ(m.server().counters().evictions, 0u);
}

TEST(ModelStart, ACallDuringTheDownloadIsToldHowFarItIs) {
    auto o = warm();
    o.server.models = {"nomic-embed-text"};
    o.server.pull_pace = std::chrono::hours{1};
    model_under_test m{o};
    m.gateway().server().look_after_models({});
    response r;
    ASSERT_TRUE(eventually([&] {
        r = m.post("/api/chat", question("hello"));
        return r.status() == 503 && r.body.find(" %") != std::string::npos;
    })) << r.body;
    EXPECT_NE(r.get("Retry-After"), "");
    EXPECT_THAT(r.body, HasSubstr("is being downloaded: 0 %"));
}

TEST(ModelStart, AnAbsentModelIsUnknownWhereNothingIsDownloaded) {
    auto o = warm();
    o.variables["OPENCLAW_MODEL_AUTO_PULL"] = "false";
    o.server.models = {"nomic-embed-text"};
    model_under_test m{o};
    m.gateway().server().look_after_models({});
    ASSERT_TRUE(m.server().wait_for([](const support::ollama_counters& c) { return c.loads == 1; }));
    EXPECT_EQ(m.post("/api/chat", question("hello")).status(), 404);
}

TEST(ModelStart, AStuckServerIsRecoveredAndItsCallsAreToldWhy) {
    model_under_test m{warm()};
    ollama::watchdog_limits limits;
    limits.silence = limits.beyond_calls = limits.probe = milliseconds{100};
    limits.tick = milliseconds{10};
    // Of a server that is supervised it is known how many slots it has.
    m.gateway().server().look_after_models({"/nonexistent/supervisor.sock", secret{"x"}}, limits);
    ASSERT_TRUE(m.server().wait_for([](const support::ollama_counters& c) { return c.loads == 2; }));
    EXPECT_EQ(m.post("/api/chat", question("hello")).status(), 200);
    ASSERT_TRUE(m.server().fault("deadlock"));
    const auto r = m.post("/api/chat", question("hello"));
    EXPECT_EQ(r.status(), 503) << r.body;
    EXPECT_THAT(r.body, HasSubstr("is being recovered"));
    EXPECT_NE(r.get("Retry-After"), "");
    ASSERT_TRUE(m.server().wait_for([](const support::ollama_counters& c) { return !c.deadlocked; }));
    EXPECT_EQ(m.post("/api/chat", question("hello")).status(), 200);
}

} // namespace
} // namespace clawgate::test
