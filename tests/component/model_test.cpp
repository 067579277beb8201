// The model API in front of a fake Ollama: who may call what, what the server gets, and how calls end.

#include "component/model_fixture.hpp"

namespace clawgate::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(ModelDoor, IsForAgentsByTheirTokenAndPeopleByThePassword) {
    model_under_test m;
    EXPECT_EQ(m.ask("GET", "/").body, "Ollama is running");
    EXPECT_EQ(m.ask("GET", "/api/tags").status(), 401);
    EXPECT_EQ(m.ask("GET", "/api/tags", {{"Authorization", "Bearer nobody"}}).status(), 401);
    EXPECT_EQ(m.ask("GET", "/api/tags", {m.agent()}).status(), 200);
    EXPECT_EQ(m.ask("GET", "/api/tags", {basic()}).status(), 200);
    EXPECT_EQ(m.ask("GET", "/api/tags", {{"Authorization", std::string{"Bearer "} + password}}).status(),
              200);
    EXPECT_EQ(m.ask("GET", "/api/tags", {{"X-Api-Key", password}}).status(), 200); // as Anthropic's clients do
    EXPECT_EQ(m.ask("GET", "/api/tags", {{"X-Api-Key", "nobody"}}).status(), 401);
    // A token is a local credential: with a sign of a proxy in front it opens nothing.
    EXPECT_EQ(m.ask("GET", "/api/tags", {m.agent(), {"X-Forwarded-For", "203.0.113.1"}}).status(), 401);
    EXPECT_EQ(m.ask("POST", "/api/chat", {}, question("hi").dump()).status(), 401);
    for (const auto& r : m.server().seen().requests)
        for (const auto* credential : {"Authorization", "X-Api-Key", "Cookie"})
            EXPECT_EQ(r.head.count(credential), 0u) << credential;
}

TEST(ModelDoor, LeavesTheModelsToPeople) {
    model_under_test m;
    for (const auto* path : {"/api/pull", "/api/create", "/api/copy", "/api/push", "/api/blobs/sha256:0"})
        EXPECT_EQ(m.ask("POST", path, {m.agent()}, "{}").status(), 403) << path;
    EXPECT_EQ(m.ask("DELETE", "/api/delete", {m.agent()}, "{}").status(), 403);
    EXPECT_THAT(m.ask("POST", "/api/pull", {basic()}, R"({"model":"glm-4.7-flash"})").body,
                HasSubstr("success"));
}

TEST(ModelDoor, WritesErrorsAsTheCalledInterfaceDoes) {
    model_under_test m;
    EXPECT_TRUE(json::parse(m.ask("GET", "/api/nothing", {m.agent()}).body)["error"].is_string());
    EXPECT_TRUE(json::parse(m.ask("POST", "/api/chat").body)["error"].is_string());
    EXPECT_TRUE(json::parse(m.ask("POST", "/v1/chat/completions").body)["error"]["message"].is_string());
    EXPECT_EQ(json::parse(m.ask("POST", "/v1/messages").body)["type"], "error");
    EXPECT_EQ(json::parse(m.ask("POST", "/v1/messages/count_tokens", {m.agent()}).body)["type"], "error");
    EXPECT_EQ(m.ask("POST", "/v1/responses", {m.agent()}, "{}").status(), 501);
    EXPECT_EQ(m.ask("GET", "/api/chat", {m.agent()}).status(), 405);
}

TEST(ModelDoor, AlsoStandsUnderOllamaOnTheControlPort) {
    model_under_test m;
    const auto port = m.gateway().control_port();
    const auto cookie = m.gateway().log_in(port);
    const header origin{"Origin", "http://localhost:" + std::to_string(port)};
    const auto ask = [&](std::vector<header> headers) {
        return raw_client{port}
            .request("POST", "/ollama/api/chat", headers, question("hi", false).dump())
            .status();
    };
    EXPECT_EQ(ask({}), 401);
    EXPECT_EQ(ask({basic()}), 200);
    EXPECT_EQ(ask({{"Cookie", cookie}, origin}), 200);
    EXPECT_EQ(ask({{"Cookie", cookie}}), 403); // a forged form of another site
    EXPECT_EQ(ask({{"Cookie", cookie}, {"Origin", "https://evil.example"}}), 403);
    EXPECT_EQ(raw_client{port}.request("GET", "/ollama/api/tags", {{"Cookie", cookie}}).status(), 200);
}

TEST(ModelDoor, PutsTheSharedParametersIntoEveryCall) {
    model_options o;
    o.agents = 2;
    o.variables = {{"OPENCLAW_NUM_CTX", "8192"},
                   {"OPENCLAW_CONTEXT_TOKENS", "8192"},
                   {"OLLAMA_CONTEXT_LENGTH", "8192"},
                   {"OPENCLAW_TEMPERATURE", "0.4"},
                   {"OPENCLAW_TOP_P", "0.8"},
                   {"OPENCLAW_MAX_TOKENS", "500"},
                   {"OLLAMA_KEEP_ALIVE", "-1"},
                   {"OLLAMA_NUM_GPU", "77"},
                   {"OPENCLAW_THINKING_DEFAULT", "off"},
                   {"OPENCLAW_AGENT_2_TEMPERATURE", "1.2"}};
    model_under_test m{o};
    auto body = question("hi");
    body["options"] = {{"num_ctx", 4096}, {"num_batch", 7}, {"temperature", 0.9}, {"seed", 5}};
    body["keep_alive"] = "0";
    body["shift"] = true;
    EXPECT_EQ(m.post("/api/chat", body).status(), 200);
    const auto first = m.sent("/api/chat");
    EXPECT_EQ(first["options"]["num_ctx"], 8192);
    EXPECT_EQ(first["options"]["num_gpu"], 77);
    EXPECT_FALSE(first["options"].contains("num_batch"));
    EXPECT_EQ(first["options"]["temperature"], 0.9); // the policy "default" fills in what is absent
    EXPECT_EQ(first["options"]["top_p"], 0.8);
    EXPECT_EQ(first["options"]["repeat_penalty"], 1.0);
    EXPECT_EQ(first["options"]["num_predict"], 500);
    EXPECT_EQ(first["options"]["seed"], 5);
    EXPECT_EQ(first["keep_alive"], -1);
    EXPECT_EQ(first["shift"], false);
    EXPECT_EQ(first["think"], false);
    EXPECT_EQ(first["stream"], true);

    EXPECT_EQ(m.ask("POST", "/api/chat", {m.agent(2)}, question("hi").dump()).status(), 200);
    EXPECT_EQ(m.sent("/api/chat", 1)["options"]["temperature"], 1.2);
}

TEST(ModelDoor, ForcesWhatThePolicyForces) {
    model_options o;
    o.variables = {{"CLAWGATE_PARAM_POLICY", "force"}, {"OPENCLAW_TEMPERATURE", "0.4"}};
    model_under_test m{o};
    auto body = question("hi");
    body["options"] = {{"temperature", 0.9}, {"repeat_penalty", 1.5}};
    EXPECT_EQ(m.post("/api/chat", body).status(), 200);
    EXPECT_EQ(m.sent("/api/chat")["options"]["temperature"], 0.4);
    EXPECT_EQ(m.sent("/api/chat")["options"]["repeat_penalty"], 1.0);
}

TEST(ModelDoor, NobodyReloadsTheSharedModel) {
    model_options o;
    o.agents = 2;
    o.server.parallel = 4;
    model_under_test m{o};
    auto odd = question("hi");
    odd["options"] = {{"num_ctx", 2048}};
    odd["keep_alive"] = 0;
    EXPECT_EQ(m.post("/api/chat", odd).status(), 200);
    EXPECT_EQ(m.ask("POST", "/api/chat", {m.agent(2)}, question("hi").dump()).status(), 200);
    EXPECT_EQ(m.post("/api/generate", {{"model", "glm-4.7-flash"}, {"prompt", "hi"}}).status(), 200);
    EXPECT_EQ(m.ask("POST", "/v1/chat/completions", {basic()},
                    R"({"model":"glm-4.7-flash","messages":[{"role":"user","content":"hi"}]})")
                  .status(),
              200);
    EXPECT_EQ(m.ask("POST", "/v1/messages", {basic()},
                    R"({"model":"glm-4.7-flash","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})")
                  .status(),
              200);
    EXPECT_EQ(m.server().loads(), 1u);
    EXPECT_EQ(m.server().reloads(), 0u);
    // The counter can count: the same calls around the door do reload.
    raw_client{m.server().port()}.request("POST", "/api/chat", {}, odd.dump());
    raw_client{m.server().port()}.request("POST", "/api/chat", {}, question("hi").dump());
    EXPECT_GT(m.server().loads(), 1u);
}

TEST(ModelDoor, KeepsOtherModelsOut) {
    model_options o;
    o.server.models.push_back("other:latest");
    model_under_test m{o};
    auto body = question("hi");
    body["model"] = "other";
    const auto r = m.post("/api/chat", body);
    EXPECT_EQ(r.status(), 404);
    EXPECT_THAT(r.body, HasSubstr("model 'other' not found"));
    EXPECT_THAT(r.body, HasSubstr("glm-4.7-flash:latest"));
    body.erase("model");
    EXPECT_EQ(m.post("/api/chat", body).status(), 200);
    EXPECT_EQ(m.sent("/api/chat")["model"], "glm-4.7-flash:latest");
    EXPECT_EQ(m.post("/api/embed", {{"model", "glm-4.7-flash"}, {"input", "x"}}).status(), 400);
    EXPECT_EQ(m.post("/api/embed", {{"model", "nomic-embed-text"}, {"input", "x"}}).status(), 200);
}

TEST(ModelDoor, ReadsRequestsStrictly) {
    model_under_test m;
    for (const auto* body : {"", "{", "[]", R"({"options":{},"options":{}})", R"({"OPTIONS":{"num_ctx":1}})",
                             R"({"\u006fptions":{}})", R"({"messages":[{"role":"user","Content":"x"}]})",
                             R"({"options":{"num_ctx":"x"}})", "{\"model\":\"\xff\"}"})
        EXPECT_EQ(m.ask("POST", "/api/chat", {m.agent()}, body).status(), 400) << body;
    EXPECT_EQ(m.ask("POST", "/api/chat", {m.agent(), {"Content-Encoding", "zstd"}}, "x").status(), 415);
    auto c = m.client();
    c.send(support::request_text("POST", "/api/chat", {m.agent(), {"Content-Length", "67108865"}}));
    EXPECT_EQ(c.read_response().status(), 413);
    EXPECT_EQ(m.sent("/api/chat"), nullptr);
}

TEST(ModelDoor, StreamsEachRecordAsItComes) {
    model_options o;
    o.server.answer = "one two three";
    o.server.token_pace = milliseconds{150};
    model_under_test m{o};
    auto c = m.client();
    c.send(support::request_text("POST", "/api/chat", {m.agent()}, question("hi").dump()));
    EXPECT_EQ(c.read_head().status, 200);
    const auto first = c.read_chunk();
    EXPECT_EQ(json::parse(first)["done"], false);
    EXPECT_FALSE(c.readable_within(milliseconds{20})); // the next token is not there yet
    std::string all = first;
    for (auto piece = c.read_chunk(); !piece.empty(); piece = c.read_chunk())
        all += piece;
    EXPECT_EQ(records(all).back()["done"], true);
    c.send(support::request_text("GET", "/api/version", {m.agent()}));
    EXPECT_EQ(c.read_response().status(), 200); // the connection goes on
}

TEST(ModelDoor, FoldsAStreamForACallerThatWantsOneObject) {
    model_options o;
    o.server.answer = "grüße 你好 done";
    model_under_test m{o};
    const auto r = m.post("/api/chat", question("hi", false));
    EXPECT_EQ(r.status(), 200);
    EXPECT_NE(r.get("Content-Length"), "");
    const auto answer = json::parse(r.body);
    EXPECT_EQ(answer["message"]["content"], "grüße 你好 done");
    EXPECT_EQ(answer["done"], true);
    EXPECT_GT(answer["eval_count"], 0);
}

TEST(ModelDoor, BreaksEverySilenceWithASignOfLife) {
    model_options o;
    o.server.prefill = milliseconds{700};
    o.adjust = [](config& c) { c.silence = {milliseconds{100}, milliseconds{200}}; };
    model_under_test m{o};
    const auto stream = records(m.post("/api/chat", question("hi")).body);
    EXPECT_EQ(stream.at(0)["message"]["content"], "");
    EXPECT_EQ(stream.at(1)["message"]["content"], "");
    EXPECT_EQ(stream.at(0)["done"], false);
    EXPECT_EQ(stream.back()["done"], true);
    const auto folded = m.post("/api/chat", question("hi", false));
    EXPECT_EQ(folded.status(), 200);
    EXPECT_TRUE(folded.body.starts_with("  "));
    EXPECT_EQ(json::parse(folded.body)["done"], true);
    auto body = question("hi");
    EXPECT_TRUE(m.post("/v1/chat/completions", body).body.starts_with(":"));
}

TEST(ModelDoor, ServesAtMostAsManyAtOnceAsThereAreSlotsAndForOneAgentItsShare) {
    model_options o;
    o.variables = {{"OLLAMA_NUM_PARALLEL", "2"}, {"OPENCLAW_MAX_CONCURRENT", "1"}};
    o.agents = 3;
    o.server.parallel = 8;
    o.server.prefill = milliseconds{200};
    model_under_test m{o};
    std::vector<raw_client> clients;
    for (int i = 0; i < 9; ++i) {
        clients.push_back(m.client());
        clients.back().send(
            support::request_text("POST", "/api/chat", {m.agent(i % 3 + 1)}, question("hi", false).dump()));
    }
    for (auto& c : clients)
        EXPECT_EQ(c.read_response().status(), 200);
    EXPECT_EQ(m.server().peak(), 2u);
}

TEST(ModelDoor, AFullQueueIsABusyServer) {
    model_options o;
    o.variables = {{"OLLAMA_NUM_PARALLEL", "1"}, {"OLLAMA_MAX_QUEUE", "1"}};
    model_under_test m{o};
    auto running = m.client(), waiting = m.client();
    running.send(support::request_text("POST", "/api/chat", {m.agent()}, question("fault:hang").dump()));
    ASSERT_TRUE(m.server().wait_for([](const auto& c) { return c.running == 1; }) ||
                m.server().running() <= 1);
    waiting.send(support::request_text("POST", "/api/chat", {m.agent()}, question("hi").dump()));
    response refused;
    ASSERT_TRUE(eventually([&] {
        auto c = m.client();
        c.send(support::request_text("POST", "/api/chat", {m.agent()}, question("hi").dump()));
        if (!c.readable_within(milliseconds{200})) return false;
        refused = c.read_response();
        return refused.status() == 503;
    }));
    EXPECT_NE(refused.get("Retry-After"), "");
    EXPECT_TRUE(json::parse(refused.body)["error"].is_string());
}

TEST(ModelDoor, AClientThatLeavesTheQueueFreesItsPlaceAndIsNeverDispatched) {
    model_options o;
    o.variables = {{"OLLAMA_NUM_PARALLEL", "1"}, {"OLLAMA_MAX_QUEUE", "1"}};
    o.server.prefill = milliseconds{500};
    model_under_test m{o};
    auto running = m.client();
    running.send(support::request_text("POST", "/api/chat", {m.agent()}, question("first", false).dump()));
    ASSERT_TRUE(m.server().wait_for([](const auto& c) { return c.running == 1; }));
    {
        auto leaving = m.client();
        leaving.send(support::request_text("POST", "/api/chat", {m.agent()}, question("never seen").dump()));
        EXPECT_FALSE(leaving.readable_within(milliseconds{50})); // it waits
    }
    EXPECT_TRUE(eventually([&] { return m.post("/api/chat", question("third", false)).status() == 200; }));
    EXPECT_EQ(running.read_response().status(), 200);
    for (const auto& r : m.server().seen().requests)
        EXPECT_THAT(r.body, testing::Not(HasSubstr("never seen")));
}

TEST(ModelDoor, AClientThatLeavesInMidStreamCancelsTheGeneration) {
    model_options o;
    o.server.token_pace = milliseconds{50};
    o.server.answer = std::string(3000, 'x') + " y z";
    model_under_test m{o};
    for (const auto* fault : {"fault:stall", "fault:hang"}) {
        auto c = m.client();
        c.send(support::request_text("POST", "/api/chat", {m.agent()}, question(fault).dump()));
        ASSERT_TRUE(m.server().wait_until([](const auto& t) { return t.open > 0; }));
        c.close();
        EXPECT_TRUE(m.server().wait_until([](const auto& t) {
            return !t.requests.empty() && t.requests.back().head.target == "/api/chat" &&
                   t.requests.back().peer_left;
        })) << fault;
    }
    EXPECT_EQ(m.post("/api/chat", question("hi", false)).status(), 200);
}

struct end_of_server {
    const char* fault;
    int status; ///< before the first byte; 200: the stream says it
};
class ModelServerFails : public testing::TestWithParam<end_of_server> {};
TEST_P(ModelServerFails, IsAnErrorOfTheCallersFormAndTheNextCallWorks) {
    const auto [fault, status] = GetParam();
    model_under_test m;
    const auto stream = m.post("/api/chat", question(std::string{"fault:"} + fault));
    EXPECT_EQ(stream.status(), status);
    if (status == 200) {
        EXPECT_TRUE(records(stream.body).back().contains("error")) << stream.body;
    } else {
        EXPECT_TRUE(json::parse(stream.body)["error"].is_string()) << stream.body;
    }

    const auto folded = m.post("/api/chat", question(std::string{"fault:"} + fault, false));
    EXPECT_GE(folded.status(), 500);
    EXPECT_TRUE(json::parse(folded.body)["error"].is_string());

    auto openai = m.post("/v1/chat/completions", question(std::string{"fault:"} + fault));
    EXPECT_EQ(openai.status(), status);
    EXPECT_THAT(openai.body, HasSubstr(R"("error":{"message":)"));
    if (status == 200) {
        EXPECT_TRUE(openai.body.ends_with("data: [DONE]\n\n"));
    }
    EXPECT_EQ(m.post("/api/chat", question("hi", false)).status(), 200);
}
INSTANTIATE_TEST_SUITE_P(Ends, ModelServerFails,
                         testing::Values(end_of_server{"error-first", 500}, end_of_server{"busy", 503},
                                         end_of_server{"close", 502}, end_of_server{"error-mid", 200},
                                         end_of_server{"cut", 200}, end_of_server{"drop", 200},
                                         end_of_server{"garbage", 200}),
                         [](const auto& i) {
                             std::string n{i.param.fault};
                             std::erase(n, '-');
                             return n;
                         });

TEST(ModelDoor, EndsACallAtItsTimeLimit) {
    model_options o;
    o.adjust = [](config& c) {
        for (auto& a : c.agents)
            a.behaviour.timeout = std::chrono::seconds{1};
    };
    model_under_test m{o};
    EXPECT_EQ(m.post("/api/chat", question("fault:hang")).status(), 504);
    const auto stalled = records(m.post("/api/chat", question("fault:stall")).body);
    EXPECT_TRUE(stalled.back().contains("error"));
    EXPECT_TRUE(m.server().wait_for([](const auto& c) { return c.running == 0; }));
}

TEST(ModelDoor, AServerThatIsNotThereIsSaidToBeDownAndFoundAgain) {
    model_under_test m;
    const auto port = m.server().port();
    m.server().stop();
    const auto r = m.post("/api/chat", question("hi", false));
    EXPECT_EQ(r.status(), 503);
    EXPECT_NE(r.get("Retry-After"), "");
    EXPECT_EQ(m.ask("GET", "/api/tags", {m.agent()}).status(), 503);
    fake_ollama_options again;
    again.port = port;
    const fake_ollama server{again};
    EXPECT_EQ(m.post("/api/chat", question("hi", false)).status(), 200);
}

TEST(ModelDoor, ASlowReaderGetsEverythingInOrder) {
    model_options o;
    o.server.answer = [] {
        std::string words;
        for (int i = 0; i < 4'000; ++i)
            words += std::string(250, 'w') + " ";
        return words;
    }();
    model_under_test m{o};
    support::raw_client_options slow;
    slow.port = m.port();
    slow.receive_buffer = 32 * 1024;
    raw_client c{slow};
    c.send(support::request_text("POST", "/api/chat", {m.agent()}, question("hi").dump()));
    EXPECT_EQ(c.read_head().status, 200);
    std::string all;
    for (auto piece = c.read_chunk(); !piece.empty(); piece = c.read_chunk())
        all += piece;
    EXPECT_EQ(records(all).back()["done"], true);
}

TEST(ModelDoor, EmbeddingsHaveALaneOfTheirOwn) {
    model_options o;
    o.variables = {{"OLLAMA_NUM_PARALLEL", "1"}, {"OPENCLAW_MAX_CONCURRENT", "1"}};
    o.server.max_loaded_models = 2;
    model_under_test m{o};
    auto chat = m.client();
    chat.send(support::request_text("POST", "/api/chat", {m.agent()}, question("fault:hang").dump()));
    ASSERT_TRUE(m.server().wait_until([](const auto& t) { return t.total_requests > 0; }));
    const auto r = m.post("/api/embed", {{"model", "nomic-embed-text"}, {"input", "hello"}});
    EXPECT_EQ(r.status(), 200);
    EXPECT_FALSE(json::parse(r.body)["embeddings"].empty());
    const auto openai = m.post("/v1/embeddings", {{"model", "nomic-embed-text"}, {"input", "hello"}});
    EXPECT_EQ(json::parse(openai.body)["object"], "list");
}

} // namespace
} // namespace clawgate::test
