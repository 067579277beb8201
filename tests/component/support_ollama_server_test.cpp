// fake_ollama as a server with slots: who waits, what is evaluated again, and how it can be stuck.

#include "support/fake_ollama.hpp"
#include "support/raw_client.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace clawgate::support {
namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

json chat(const std::string& text) {
    return {{"model", "glm-4.7-flash"}, {"messages", {{{"role", "user"}, {"content", text}}}}};
}

response post(raw_client& c, const std::string& path, const json& body) {
    return c.request("POST", path, {}, body.dump());
}

json post(const fake_ollama& ollama, const std::string& path, const json& body) {
    raw_client c{ollama.port()};
    return json::parse(post(c, path, body).body);
}

json get(const fake_ollama& ollama, const std::string& path) {
    raw_client c{ollama.port()};
    return json::parse(c.request("GET", path).body);
}

/// A call whose answer is not waited for.
raw_client begun(const fake_ollama& ollama, const std::string& path, const json& body) {
    raw_client c{ollama.port()};
    c.send(request_text("POST", path, {}, body.dump()));
    return c;
}

/// One whose answer takes far longer than a test.
fake_ollama_options slow() {
    fake_ollama_options o;
    o.token_pace = 1h;
    return o;
}

const auto one_runs = [](const ollama_counters& c) { return c.running == 1; };
const auto one_waits = [](const ollama_counters& c) { return c.queued == 1; };

TEST(FakeOllamaSlots, TheNextTurnEvaluatesOnlyWhatIsNew) {
    const fake_ollama ollama;
    auto conversation = chat(std::string(4000, 'q'));
    conversation["stream"] = false;
    const auto first = post(ollama, "/api/chat", conversation);
    const auto before = ollama.prefilled_tokens();
    EXPECT_GE(before, 1000U);
    conversation["messages"].push_back(first["message"]);
    conversation["messages"].push_back({{"role", "user"}, {"content", "and now?"}});
    const auto second = post(ollama, "/api/chat", conversation);
    EXPECT_LT(ollama.prefilled_tokens() - before, 20U);
    EXPECT_GT(second["prompt_eval_count"], first["prompt_eval_count"]);
    EXPECT_LT(second["prompt_eval_duration"], first["prompt_eval_duration"]);
}

TEST(FakeOllamaSlots, ADroppedThinkingLosesTheCacheFromThereOn) {
    const fake_ollama ollama;
    auto conversation = chat("q");
    conversation["stream"] = false;
    auto message = post(ollama, "/api/chat", conversation)["message"];
    const auto before = ollama.prefilled_tokens();
    message.erase("thinking");
    conversation["messages"].push_back(message);
    conversation["messages"].push_back({{"role", "user"}, {"content", "and now?"}});
    post(ollama, "/api/chat", conversation);
    EXPECT_GT(ollama.prefilled_tokens() - before, 20U);
}

TEST(FakeOllamaSlots, OneConversationPerSlotKeepsBothWarm) {
    for (const unsigned slots : {1U, 2U}) {
        fake_ollama_options o;
        o.parallel = slots;
        const fake_ollama ollama{o};
        raw_client c{ollama.port()};
        for (int turn = 0; turn < 3; ++turn) {
            post(c, "/api/chat", chat(std::string(4000, 'a')));
            post(c, "/api/chat", chat(std::string(4000, 'b')));
        }
        const auto evaluated = ollama.prefilled_tokens();
        if (slots == 1) {
            EXPECT_GT(evaluated, 5900U);
        } else {
            EXPECT_LT(evaluated, 2100U);
        }
    }
}

TEST(FakeOllamaSlots, ACallWaitsForASlotAndLeavesTheQueueAtOnce) {
    const fake_ollama ollama{slow()};
    auto first = begun(ollama, "/api/chat", chat("one"));
    ASSERT_TRUE(ollama.wait_for(one_runs));
    auto second = begun(ollama, "/api/chat", chat("two"));
    ASSERT_TRUE(ollama.wait_for(one_waits));
    second.close();
    EXPECT_TRUE(ollama.wait_for([](const ollama_counters& c) { return c.queued == 0 && c.canceled == 1; }));
    EXPECT_EQ(ollama.running(), 1U);
}

TEST(FakeOllamaSlots, AClientThatLeavesInMidStreamFreesItsSlot) {
    const fake_ollama ollama{slow()};
    auto first = begun(ollama, "/api/chat", chat("one"));
    EXPECT_EQ(first.read_head().status, 200);
    auto second = begun(ollama, "/api/chat", chat("two"));
    ASSERT_TRUE(ollama.wait_for(one_waits));
    first.half_close(); // counts as leaving
    EXPECT_EQ(second.read_head().status, 200);
    EXPECT_EQ(ollama.counters().leaked, 0U);
}

TEST(FakeOllamaScheduler, OptionsInCapitalsReloadTheModel) {
    const fake_ollama ollama;
    auto request = chat("hi");
    request["options"] = {{"num_ctx", 4096}};
    raw_client c{ollama.port()};
    post(c, "/api/chat", request);
    post(c, "/api/chat", request);
    EXPECT_EQ(ollama.reloads(), 0U);
    auto smuggled = request.dump();
    smuggled.insert(smuggled.size() - 1, R"(,"OPTIONS":{"num_ctx":8192})");
    c.request("POST", "/api/chat", {}, smuggled);
    EXPECT_EQ(ollama.reloads(), 1U);
    EXPECT_EQ(get(ollama, "/api/ps")["models"][0]["context_length"], 8192);
}

TEST(FakeOllamaScheduler, RefusesWhenTooManyWaitForALoad) {
    fake_ollama_options o;
    o.load_time = 1h;
    o.max_queue = 0;
    const fake_ollama ollama{o};
    auto loading = begun(ollama, "/api/generate", {{"model", "glm-4.7-flash"}});
    ASSERT_TRUE(ollama.wait_for([](const ollama_counters& c) { return c.loads == 1; }));
    auto head = begun(ollama, "/api/chat", chat("one"));
    ASSERT_TRUE(ollama.wait_for(one_waits));
    raw_client third{ollama.port()};
    const auto refused = post(third, "/api/chat", chat("two"));
    EXPECT_EQ(refused.status(), 503);
    EXPECT_EQ(json::parse(refused.body)["error"],
              "server busy, please try again.  maximum pending requests exceeded");
    EXPECT_TRUE(get(ollama, "/api/ps")["models"].empty()) << "a model that loads is not listed";
    loading.close(); // gives the load up; the one that waits begins its own
    EXPECT_TRUE(ollama.wait_for([](const ollama_counters& c) { return c.loads == 2; }));
}

TEST(FakeOllamaScheduler, AnEmbeddingEvictsTheModelWhereOnlyOneFits) {
    for (const unsigned room : {1U, 2U}) {
        fake_ollama_options o;
        o.max_loaded_models = room;
        const fake_ollama ollama{o};
        raw_client c{ollama.port()};
        for (int i = 0; i < 3; ++i) {
            post(c, "/api/chat", chat("hi"));
            post(c, "/api/embed", {{"model", "nomic-embed-text"}, {"input", "text"}});
        }
        EXPECT_EQ(ollama.loads(), room == 1 ? 6U : 2U);
        EXPECT_EQ(ollama.counters().evictions, room == 1 ? 5U : 0U);
    }
}

TEST(FakeOllamaScheduler, KeepAliveOfZeroUnloadsAfterTheAnswer) {
    const fake_ollama ollama;
    auto request = chat("hi");
    request["keep_alive"] = 0;
    raw_client c{ollama.port()};
    post(c, "/api/chat", chat("hi"));
    EXPECT_EQ(get(ollama, "/api/ps")["models"].size(), 1U);
    post(c, "/api/chat", request);
    EXPECT_TRUE(get(ollama, "/api/ps")["models"].empty());
}

TEST(FakeOllamaFaults, ALeakedSlotIsBusyUntilTheModelIsUnloaded) {
    fake_ollama ollama{slow()};
    ASSERT_TRUE(ollama.fault("leak"));
    auto first = begun(ollama, "/api/chat", chat("one"));
    first.read_head();
    first.close();
    ASSERT_TRUE(ollama.wait_for([](const ollama_counters& c) { return c.leaked == 1; }));
    auto second = begun(ollama, "/api/chat", chat("two"));
    ASSERT_TRUE(ollama.wait_for(one_waits));
    EXPECT_EQ(get(ollama, "/api/tags")["models"].size(), 2U);
    second.close();
    ASSERT_TRUE(ollama.wait_for([](const ollama_counters& c) { return c.queued == 0; }));
    EXPECT_EQ(post(ollama, "/api/generate", {{"model", "glm-4.7-flash"}, {"keep_alive", 0}})["done_reason"],
              "unload");
    auto third = begun(ollama, "/api/chat", chat("three"));
    EXPECT_EQ(third.read_head().status, 200);
}

TEST(FakeOllamaFaults, ADeadlockHangsEveryCallUntilAnUnload) {
    fake_ollama ollama{slow()};
    auto first = begun(ollama, "/api/chat", chat("one"));
    first.read_head();
    first.read_chunk();
    ASSERT_TRUE(ollama.fault("deadlock"));
    auto probe = begun(ollama, "/api/generate", {{"model", "glm-4.7-flash"}, {"prompt", "x"}});
    ASSERT_TRUE(ollama.wait_for(one_waits));
    EXPECT_TRUE(ollama.counters().deadlocked);
    EXPECT_EQ(get(ollama, "/api/tags")["models"].size(), 2U);
    post(ollama, "/api/generate", {{"model", "glm-4.7-flash"}, {"keep_alive", 0}});
    EXPECT_EQ(json::parse(first.read_chunk())["error"],
              "an error was encountered while running the model: unexpected EOF");
    EXPECT_EQ(first.read_chunk(), "");
    EXPECT_EQ(probe.read_head().status, 200);
    EXPECT_EQ(ollama.loads(), 2U);
}

TEST(FakeOllamaFaults, AReloadAmongCallsDeadlocksWhereThatIsOn) {
    auto o = slow();
    o.server_fault = "deadlock-on-reload";
    const fake_ollama ollama{o};
    auto first = begun(ollama, "/api/chat", chat("one"));
    first.read_head();
    EXPECT_FALSE(ollama.counters().deadlocked);
    auto other = chat("two");
    other["shift"] = false;
    auto second = begun(ollama, "/api/chat", other);
    EXPECT_TRUE(ollama.wait_for([](const ollama_counters& c) { return c.deadlocked; }));
}

TEST(FakeOllamaFaults, PlannedOnesConcernTheNextCalls) {
    fake_ollama ollama;
    EXPECT_FALSE(ollama.fault("no-such-fault"));
    ASSERT_TRUE(ollama.fault("error-first", 2));
    raw_client c{ollama.port()};
    EXPECT_EQ(post(c, "/api/chat", chat("1")).status(), 500);
    EXPECT_EQ(post(c, "/api/chat", chat("2")).status(), 500);
    EXPECT_EQ(post(c, "/api/chat", chat("3")).status(), 200);
}

TEST(FakeOllamaFaults, TheControlPathShowsTheStateAndSetsFaults) {
    fake_ollama_options o;
    o.parallel = 3;
    const fake_ollama ollama{o};
    post(ollama, "/api/generate", {{"model", "glm-4.7-flash"}});
    const auto state = get(ollama, "/fake/state");
    EXPECT_EQ(state["loads"], 1);
    EXPECT_EQ(state["models"][0]["slots"].size(), 3U);
    raw_client c{ollama.port()};
    EXPECT_EQ(c.request("POST", "/fake/fault?kind=busy&count=1").status(), 204);
    EXPECT_EQ(post(c, "/api/chat", chat("hi")).status(), 503);
    EXPECT_EQ(c.request("POST", "/fake/fault?kind=nonsense").status(), 400);
    o.control = false;
    const fake_ollama closed{o};
    raw_client other{closed.port()};
    EXPECT_EQ(other.request("GET", "/fake/state").status(), 404);
}

TEST(FakeOllamaPull, GoesOnWhereItStopped) {
    fake_ollama_options o;
    o.pull_pace = 1ms;
    const fake_ollama ollama{o};
    auto first = begun(ollama, "/api/pull", {{"model", "qwen3"}});
    first.read_head();
    std::int64_t completed = 0;
    while (completed < 300'000'000)
        completed = json::parse(first.read_chunk()).value("completed", std::int64_t{0});
    first.close();
    ASSERT_TRUE(ollama.wait_until([](const traffic& t) { return t.requests[0].finished; }));
    EXPECT_EQ(get(ollama, "/api/tags")["models"].size(), 2U) << "nobody waited for the rest";
    raw_client again{ollama.port()};
    again.send(request_text("POST", "/api/pull", {}, json{{"model", "qwen3"}}.dump()));
    again.read_head();
    EXPECT_EQ(json::parse(again.read_chunk())["status"], "pulling manifest");
    EXPECT_GE(json::parse(again.read_chunk()).value("completed", std::int64_t{0}), completed);
    while (!again.read_chunk().empty()) {
    }
    EXPECT_EQ(get(ollama, "/api/tags")["models"].size(), 3U);
}

TEST(FakeOllamaPull, IsSharedByAllWhoWaitForTheModel) {
    fake_ollama_options o;
    o.pull_pace = 1ms;
    const fake_ollama ollama{o};
    auto first = begun(ollama, "/api/pull", {{"model", "qwen3"}});
    first.read_head();
    while (!json::parse(first.read_chunk()).contains("completed")) {
    }
    auto second = begun(ollama, "/api/pull", {{"model", "qwen3"}});
    second.read_head();
    second.read_chunk();
    first.close(); // the other one takes over
    json last;
    for (auto chunk = second.read_chunk(); !chunk.empty(); chunk = second.read_chunk())
        last = json::parse(chunk);
    EXPECT_EQ(last["status"], "success");
}

TEST(FakeOllamaPull, FailsHalfWayOnDemand) {
    fake_ollama ollama;
    ASSERT_TRUE(ollama.fault("pull-error"));
    raw_client c{ollama.port()};
    const auto failed = post(c, "/api/pull", {{"model", "qwen3"}});
    EXPECT_EQ(failed.status(), 200);
    EXPECT_NE(failed.body.find(R"({"error":)"), std::string::npos);
    EXPECT_EQ(post(c, "/api/show", {{"model", "qwen3"}}).status(), 404);
    EXPECT_EQ(post(ollama, "/api/pull", {{"model", "qwen3"}, {"stream", false}})["status"], "success");
}

TEST(FakeOllamaModels, AreCopiedAndDeleted) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    EXPECT_EQ(post(c, "/api/copy", {{"source", "glm-4.7-flash"}, {"destination", "mine"}}).status(), 200);
    EXPECT_EQ(post(c, "/api/copy", {{"source", "nothing"}, {"destination", "mine"}}).status(), 404);
    EXPECT_EQ(post(c, "/api/show", {{"model", "mine"}}).status(), 200);
    EXPECT_EQ(c.request("DELETE", "/api/delete", {}, R"({"model":"mine"})").status(), 200);
    EXPECT_EQ(c.request("DELETE", "/api/delete", {}, R"({"model":"mine"})").status(), 404);
}

TEST(FakeOllamaModels, ACoderHasToolsButDoesNotThink) {
    fake_ollama_options o;
    o.models = {"qwen3-coder"};
    const fake_ollama ollama{o};
    EXPECT_EQ(post(ollama, "/api/show", {{"model", "qwen3-coder"}})["capabilities"].dump(),
              R"(["completion","tools"])");
}

TEST(FakeOllamaAnswer, HasTheFormThatWasAskedFor) {
    const fake_ollama ollama;
    auto request = chat("hi");
    request["stream"] = false;
    request["think"] = false;
    request["format"] = "json";
    const auto any = json::parse(post(ollama, "/api/chat", request)["message"]["content"].get<std::string>());
    EXPECT_TRUE(any["answer"].get<std::string>().starts_with(demo_answer_prefix));
    request["format"] =
        json::parse(R"({"type":"object","properties":{"n":{"type":"integer"},"kind":{"enum":["a","b"]}}})");
    const auto of_schema =
        json::parse(post(ollama, "/api/chat", request)["message"]["content"].get<std::string>());
    EXPECT_EQ(of_schema, (json{{"n", 1}, {"kind", "a"}}));
    request.erase("format");
    request["options"] = {{"stop", {"canned"}}};
    EXPECT_EQ(post(ollama, "/api/chat", request)["message"]["content"], "[demo model] This is a ");
}

TEST(FakeOllamaAnswer, EndsWithTheContextWhereItMayNotShift) {
    const fake_ollama ollama;
    auto request = chat("hi");
    request["stream"] = false;
    request["shift"] = false;
    request["options"] = {{"num_ctx", 12}};
    const auto answer = post(ollama, "/api/chat", request);
    EXPECT_EQ(answer["done_reason"], "length");
    EXPECT_EQ(answer["prompt_eval_count"].get<int>() + answer["eval_count"].get<int>(), 12);
}

} // namespace
} // namespace clawgate::support
