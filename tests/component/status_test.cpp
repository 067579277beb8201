// GET /api/v1/status of the control port.

#include "component/model_fixture.hpp"

namespace clawgate::test {
namespace {

using support::request_text;
using testing::ElementsAre;
using testing::HasSubstr;

class Status : public testing::Test {
protected:
    response get(std::vector<header> headers) const {
        return raw_client{m_.gateway().control_port()}.request("GET", "/api/v1/status", std::move(headers));
    }
    json status() const {
        const auto answer = get({basic()});
        EXPECT_EQ(answer.status(), 200) << answer.body;
        return json::parse(answer.body);
    }
    json status_when(const std::function<bool(const json&)>& so) const {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (true) {
            auto s = status();
            if (so(s) || std::chrono::steady_clock::now() >= end) return s;
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
    }
    raw_client call(const header& who, std::string_view text) const {
        auto c = m_.client();
        c.send(request_text("POST", "/api/chat", {who}, question(text, false).dump()));
        return c;
    }

    static model_options options() {
        model_options o;
        o.agents = 2;
        o.variables = {{"OLLAMA_NUM_PARALLEL", "1"}};
        return o;
    }
    mutable model_under_test m_{options()};
};

TEST_F(Status, IsForWhoHasTheSessionOrThePassword) {
    const auto refused = get({});
    EXPECT_EQ(refused.status(), 401);
    EXPECT_EQ(json::parse(refused.body)["error"]["code"], "unauthorized");
    EXPECT_EQ(get({m_.agent(1)}).status(), 401) << "an agent sees nothing of the others";
    EXPECT_EQ(get({{"Authorization", "Bearer wrong"}}).status(), 401);
    EXPECT_EQ(get({basic()}).status(), 200);
    EXPECT_EQ(get({{"Cookie", m_.gateway().log_in(m_.gateway().control_port())}}).status(), 200);
    EXPECT_EQ(raw_client{m_.gateway().control_port()}.request("POST", "/api/v1/status", {basic()}).status(), 405);
    EXPECT_NE(raw_client{m_.gateway().port(1)}.request("GET", "/api/v1/status", {}).status(), 200);
}

TEST_F(Status, ShowsWhoWaitsForTheModelAndInWhichPlace) {
    auto first = call(m_.agent(1), "fault:hang");
    ASSERT_TRUE(m_.server().wait_for([](const auto& c) { return c.running == 1; }));
    auto second = call(m_.agent(2), "second");
    auto s = status_when([](const json& j) { return j["queue"]["waiting"].size() == 1; });
    auto third = call(basic(), "third");
    s = status_when([](const json& j) { return j["queue"]["waiting"].size() == 2; });
    EXPECT_EQ(s["queue"]["slots"], 1);
    EXPECT_EQ(s["queue"]["active"], 1);
    ASSERT_EQ(s["queue"]["waiting"].size(), 2u) << s.dump(2);
    std::map<std::string, json> of;
    for (const auto& w : s["queue"]["waiting"])
        of[w["caller"]] = w;
    EXPECT_EQ(of["agent_2"]["class"], "agent");
    EXPECT_EQ(of["agent_2"]["position"], 1) << "of its class";
    EXPECT_EQ(of["person"]["class"], "person");
    EXPECT_EQ(of["person"]["model"], "glm-4.7-flash:latest");

    first.close();
    EXPECT_EQ(second.read_response().status(), 200);
    EXPECT_EQ(third.read_response().status(), 200);
    s = status_when([](const json& j) { return j["queue"]["active"] == 0 && j["usage"].size() == 3; });
    EXPECT_TRUE(s["queue"]["waiting"].empty());
    for (const auto& u : s["usage"]) {
        EXPECT_EQ(u["requests"], 1) << u;
        EXPECT_EQ(u["canceled"], u["caller"] == "agent_1" ? 1 : 0) << u;
        EXPECT_EQ(u["answer_tokens"] > 0, u["caller"] != "agent_1") << u;
    }
}

TEST_F(Status, NamesEveryAgentWithItsState) {
    const auto s = status();
    ASSERT_EQ(s["agents"].size(), 2u);
    EXPECT_EQ(s["agents"][1]["name"], "agent_2");
    EXPECT_EQ(s["agents"][1]["state"], "starting") << "no agent runs in this test";
    EXPECT_THAT(s["agents"][1]["address"].get<std::string>(), HasSubstr(std::to_string(m_.gateway().port(2))));
    EXPECT_EQ(s["supervised"], false);
    EXPECT_THAT(s.dump(), Not(HasSubstr("token-of-agent")));
}

} // namespace
} // namespace clawgate::test
