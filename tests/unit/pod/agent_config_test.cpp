#include "pod/agent_config.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

namespace clawgate::pod::test {
namespace {

using nlohmann::json;

json merged(json existing, environment variables = {}, std::size_t agent = 0) {
    const auto c = config_of(std::move(variables));
    return merge_agent_config(std::move(existing), c, c.agents.at(agent), layout_of(),
                              secret{"service-token"});
}

json get(const json& root, const char* pointer) {
    const json::json_pointer p{pointer};
    return root.contains(p) ? root.at(p) : json{};
}

TEST(AgentConfig, AsksForTheServiceTokenOnLoopbackOnly) {
    const auto j = merged(json::object());
    EXPECT_EQ(get(j, "/gateway/auth/mode"), "password");
    EXPECT_EQ(get(j, "/gateway/auth/password"), "service-token");
    EXPECT_EQ(get(j, "/gateway/bind"), "loopback");
    EXPECT_EQ(get(j, "/gateway/port"), 20000);
    EXPECT_EQ(get(j, "/gateway/auth/rateLimit/maxAttempts"), 1000000);
}

TEST(AgentConfig, ListsThePublicAddressesOfItsOwnPort) {
    const auto j = merged(json::object(), {{"OPENCLAW_NUM_AGENTS", "2"}, {"RUNPOD_POD_ID", "abc123"}}, 1);
    const auto origins = get(j, "/gateway/controlUi/allowedOrigins").get<std::vector<std::string>>();
    EXPECT_EQ(origins.front(), "https://abc123-18791.proxy.runpod.net");
    EXPECT_THAT(origins, testing::Contains("http://localhost:18791"));
    EXPECT_THAT(origins, testing::Not(testing::Contains("http://localhost:18790")));
    EXPECT_EQ(get(j, "/gateway/port"), 20200);
}

TEST(AgentConfig, TakesBackWhatBelongsToTheGateway) {
    json changed = merged(json::object());
    changed["gateway"]["auth"] = {{"mode", "none"}, {"token", "mine"}};
    changed["gateway"]["bind"] = "lan";
    changed["gateway"]["controlUi"]["allowedOrigins"] = {"*"};
    changed["gateway"]["controlUi"]["dangerouslyAllow"] = "kept, for it is not ours";
    changed["models"]["providers"]["ollama"]["baseUrl"] = "http://elsewhere";
    const auto j = merged(changed);
    EXPECT_EQ(get(j, "/gateway/auth/mode"), "password");
    EXPECT_TRUE(get(j, "/gateway/auth/token").is_null())
        << "a token beside the password would be a second key";
    EXPECT_EQ(get(j, "/gateway/bind"), "loopback");
    EXPECT_THAT(get(j, "/gateway/controlUi/allowedOrigins").get<std::vector<std::string>>(),
                testing::Not(testing::Contains("*")));
    EXPECT_EQ(get(j, "/models/providers/ollama/baseUrl"), "http://127.0.0.1:11434");
}

TEST(AgentConfig, CallsTheModelThroughTheGatewayWithItsOwnToken) {
    const auto j = merged(json::object(), {{"OLLAMA_PORT", "11500"}});
    for (const auto* place : {"/models/providers/ollama", "/memory/search/remote"}) {
        const std::string at{place};
        EXPECT_EQ(get(j, (at + "/baseUrl").c_str()), "http://127.0.0.1:11500");
        EXPECT_EQ(get(j, (at + "/apiKey").c_str()), "service-token");
    }
    EXPECT_EQ(j.dump().find("11430"), std::string::npos) << "the model server's own port";
}

TEST(AgentConfig, CallsTheModelOnLoopbackWhereverItIsServed) {
    const auto base = [](const char* host) {
        return get(merged(json::object(), {{"OLLAMA_HOST", host}}), "/models/providers/ollama/baseUrl");
    };
    EXPECT_EQ(base("127.0.0.1"), "http://127.0.0.1:11434");
    EXPECT_EQ(base("127.0.0.2"), "http://127.0.0.2:11434");
    EXPECT_EQ(base("0.0.0.0"), "http://127.0.0.1:11434");
    EXPECT_EQ(base("10.0.0.7"), "http://127.0.0.1:11434");
    EXPECT_EQ(base("fd00::7"), "http://[::1]:11434");
    EXPECT_EQ(base("::"), "http://[::1]:11434");
    EXPECT_EQ(base("::1"), "http://[::1]:11434");
}

TEST(AgentConfig, KeepsWhatTheDashboardWrote) {
    const json before = {{"channels", {{"telegram", {{"enabled", true}}}}},
                         {"agents", {{"defaults", {{"userTimezone", "America/Sao_Paulo"}}}}},
                         {"models", {{"providers", {{"mine", {{"baseUrl", "http://10.0.0.7"}}}}}}}};
    const auto j = merged(before);
    EXPECT_EQ(get(j, "/channels/telegram/enabled"), true);
    EXPECT_EQ(get(j, "/agents/defaults/userTimezone"), "America/Sao_Paulo");
    EXPECT_EQ(get(j, "/models/providers/mine/baseUrl"), "http://10.0.0.7");
}

TEST(AgentConfig, FillsInAVariablesDefaultOnlyWhereTheUserSetNothing) {
    json before;
    before["agents"]["defaults"]["thinkingDefault"] = "high";
    before["agents"]["defaults"]["model"]["primary"] = "mine/other";
    const auto j = merged(before);
    EXPECT_EQ(get(j, "/agents/defaults/thinkingDefault"), "high");
    EXPECT_EQ(get(j, "/agents/defaults/model/primary"), "mine/other");
    EXPECT_EQ(get(j, "/agents/defaults/verboseDefault"), "off");
    EXPECT_EQ(get(j, "/agents/defaults/timeoutSeconds"), 600);
}

TEST(AgentConfig, AVariableThatIsGivenWins) {
    json before;
    before["agents"]["defaults"]["thinkingDefault"] = "high";
    before["agents"]["defaults"]["model"]["primary"] = "mine/other";
    const auto j = merged(before, {{"OPENCLAW_THINKING_DEFAULT", "off"}, {"OPENCLAW_MODEL", "qwen3:8b"}});
    EXPECT_EQ(get(j, "/agents/defaults/thinkingDefault"), "off");
    EXPECT_EQ(get(j, "/agents/defaults/model/primary"), "ollama/qwen3:8b");
}

TEST(AgentConfig, AnOverrideCountsForItsAgentAlone) {
    json before;
    before["agents"]["defaults"]["verboseDefault"] = "off";
    const environment variables{{"OPENCLAW_NUM_AGENTS", "2"}, {"OPENCLAW_AGENT_2_VERBOSE_DEFAULT", "on"}};
    EXPECT_EQ(get(merged(before, variables, 0), "/agents/defaults/verboseDefault"), "off");
    EXPECT_EQ(get(merged(before, variables, 1), "/agents/defaults/verboseDefault"), "on");
}

TEST(AgentConfig, AModelThatIsANameAloneIsTheUsersChoice) {
    json before;
    before["agents"]["defaults"]["model"] = "mine/other";
    EXPECT_EQ(get(merged(before), "/agents/defaults/model/primary"), "mine/other");
}

TEST(AgentConfig, ElevatedDecidesWhetherAPersonIsAskedBeforeACommand) {
    EXPECT_EQ(get(merged(json::object()), "/tools/exec/mode"), "full");
    EXPECT_EQ(get(merged(json::object(), {{"OPENCLAW_ELEVATED_DEFAULT", "off"}}), "/tools/exec/mode"), "ask");
}

TEST(AgentConfig, DescribesTheModelWithItsSampling) {
    const auto j = merged(json::object(), {{"OPENCLAW_TEMPERATURE", "0.5"},
                                           {"OPENCLAW_NUM_CTX", "65536"},
                                           {"OPENCLAW_CONTEXT_TOKENS", "65536"}});
    const auto models = get(j, "/models/providers/ollama/models");
    ASSERT_EQ(models.size(), 1u);
    const auto& m = models[0];
    EXPECT_EQ(m["id"], "glm-4.7-flash:latest");
    EXPECT_EQ(m["reasoning"], true);
    EXPECT_EQ(m["contextWindow"], 65536);
    EXPECT_EQ(m["contextTokens"], 65536);
    EXPECT_EQ(m["params"]["temperature"], 0.5);
    EXPECT_EQ(m["params"]["repeat_penalty"], 1.0);
    EXPECT_EQ(m["params"]["num_predict"], 32768);
    EXPECT_TRUE(m["params"]["keep_alive"].is_number_integer()) << "the text \"-1\" is refused by Ollama";
}

TEST(AgentConfig, ADurationStaysText) {
    const auto j = merged(json::object(), {{"OLLAMA_KEEP_ALIVE", "10m"}});
    EXPECT_EQ(get(j, "/models/providers/ollama/models/0/params/keep_alive"), "10m");
}

TEST(AgentConfig, AnotherModelIsAddedAndTheFormerStays) {
    const auto first = merged(json::object());
    const auto second = merged(first, {{"OPENCLAW_MODEL", "qwen3-coder:30b"}});
    const auto models = get(second, "/models/providers/ollama/models");
    ASSERT_EQ(models.size(), 2u);
    EXPECT_EQ(models[0]["id"], "glm-4.7-flash:latest");
    EXPECT_EQ(models[1]["id"], "qwen3-coder:30b");
    EXPECT_EQ(models[1]["reasoning"], false);
}

TEST(AgentConfig, ConvergesWhenItRunsAgain) {
    const auto once = merged(json::object());
    EXPECT_EQ(merged(once), once);
}

TEST(AgentConfig, SurvivesValuesOfTheWrongKind) {
    const json odd = {
        {"gateway", 7}, {"agents", {{"defaults", "x"}}}, {"models", json::array()}, {"memory", nullptr}};
    const auto j = merged(odd);
    EXPECT_EQ(get(j, "/gateway/auth/mode"), "password");
    EXPECT_EQ(get(j, "/agents/defaults/contextPruning/mode"), "off");
    EXPECT_EQ(get(j, "/memory/search/provider"), "ollama");
}

TEST(AgentConfig, NoPasswordOfAPersonIsInIt) {
    EXPECT_EQ(merged(json::object()).dump().find("correct horse"), std::string::npos);
}

TEST(ThinkingModel, IsKnownByItsFamily) {
    EXPECT_TRUE(is_thinking_model("glm-4.7-flash:latest"));
    EXPECT_TRUE(is_thinking_model("library/qwen3:8b"));
    EXPECT_FALSE(is_thinking_model("qwen3-coder:30b"));
    EXPECT_FALSE(is_thinking_model("qwen3:4b-instruct"));
    EXPECT_FALSE(is_thinking_model("llama3.2"));
}

} // namespace
} // namespace clawgate::pod::test
