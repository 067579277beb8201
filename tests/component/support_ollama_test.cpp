// fake_ollama against what is known of the real one.

#include "support/fake_ollama.hpp"
#include "support/raw_client.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace clawgate::support {
namespace {

using json = nlohmann::json;

json parsed(const response& r) {
    return json::parse(r.body);
}

std::vector<json> lines_of(const response& r) {
    std::vector<json> lines;
    std::size_t start = 0;
    while (start < r.body.size()) {
        const auto end = r.body.find('\n', start);
        lines.push_back(json::parse(r.body.substr(start, end - start)));
        start = end + 1;
    }
    return lines;
}

json chat_request(const std::string& text) {
    return {{"model", "glm-4.7-flash"}, {"messages", {{{"role", "user"}, {"content", text}}}}};
}

response post(raw_client& c, const std::string& path, const json& body) {
    return c.request("POST", path, {}, body.dump());
}

TEST(FakeOllama, AnswersItsSmallEndpoints) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    EXPECT_EQ(c.request("GET", "/").body, "Ollama is running");
    EXPECT_EQ(c.request("HEAD", "/").status(), 200);
    EXPECT_TRUE(parsed(c.request("GET", "/api/version")).contains("version"));
    const auto tags = parsed(c.request("GET", "/api/tags"));
    EXPECT_EQ(tags["models"][0]["name"], "glm-4.7-flash:latest");
    EXPECT_EQ(tags["models"].size(), 2U);
    EXPECT_EQ(c.request("GET", "/nothing").status(), 404);
}

TEST(FakeOllama, RefusesInTheWordsOfOllama) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    EXPECT_EQ(c.request("GET", "/api/chat").status(), 405);
    EXPECT_EQ(c.request("POST", "/api/ps").status(), 405);
    const auto empty = c.request("POST", "/api/chat");
    EXPECT_EQ(empty.status(), 400);
    EXPECT_EQ(parsed(empty)["error"], "missing request body");
    EXPECT_EQ(parsed(post(c, "/api/chat", json::object()))["error"], "model is required");
    const auto unknown = post(c, "/api/chat", {{"model", "x"}});
    EXPECT_EQ(unknown.status(), 404);
    EXPECT_EQ(parsed(unknown)["error"], "model 'x' not found");
    auto wrong = chat_request("hi");
    wrong["options"] = {{"num_ctx", "many"}};
    const auto refused = post(c, "/api/chat", wrong);
    EXPECT_EQ(refused.status(), 500);
    EXPECT_EQ(parsed(post(c, "/api/generate", json::object()))["error"], "model '' not found");
    EXPECT_EQ(c.request("POST", "/v1/chat/completions", {}, chat_request("hi").dump()).status(), 404);
    EXPECT_EQ(parsed(refused)["error"], "option \"num_ctx\" must be of type integer");
    auto keep = chat_request("hi");
    keep["keep_alive"] = "-1";
    const auto wordless = post(c, "/api/chat", keep);
    EXPECT_EQ(wordless.status(), 400);
    EXPECT_EQ(parsed(wordless)["error"], "time: missing unit in duration \"-1\"");
    auto typed = chat_request("hi");
    typed["model"] = 7;
    EXPECT_EQ(parsed(post(c, "/api/chat", typed))["error"],
              "json: cannot unmarshal number into Go struct field ChatRequest.model of type string");
    typed = {{"model", "nomic-embed-text"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
    EXPECT_EQ(parsed(post(c, "/api/chat", typed))["error"], "\"nomic-embed-text\" does not support chat");
}

TEST(FakeOllama, RefusesForeignOriginsAndHosts) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    EXPECT_EQ(c.request("GET", "/api/tags", {{"Origin", "https://evil.example"}}).status(), 403);
    EXPECT_EQ(c.request("GET", "/api/tags", {{"Origin", "http://localhost:3000"}}).status(), 200);
    EXPECT_EQ(c.request("GET", "/api/tags", {{"Host", "pod.example:11434"}}).status(), 403);
}

TEST(FakeOllama, StreamsAnAnswerThatSaysItIsCanned) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    const auto r = post(c, "/api/chat", chat_request("is anybody there?"));
    EXPECT_EQ(r.get("Content-Type"), "application/x-ndjson");
    std::string content;
    std::string thinking;
    const auto lines = lines_of(r);
    for (const auto& line : lines) {
        content += line["message"]["content"].get<std::string>();
        thinking += line["message"].value("thinking", "");
    }
    EXPECT_TRUE(content.starts_with(demo_answer_prefix)) << content;
    EXPECT_NE(content.find("is anybody there?"), std::string::npos);
    EXPECT_FALSE(thinking.empty());
    EXPECT_EQ(lines.front()["model"], "glm-4.7-flash");
    EXPECT_EQ(lines.front()["done"], false);
    EXPECT_EQ(lines.back()["done"], true);
    EXPECT_EQ(lines.back()["done_reason"], "stop");
    EXPECT_EQ(lines.back()["eval_count"], lines.size() - 1);
}

TEST(FakeOllama, AnswersInOnePieceWithoutThinkingWhenAsked) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    auto request = chat_request("hi");
    request["stream"] = false;
    request["think"] = false;
    request["options"] = {{"num_predict", 3}};
    const auto answer = parsed(post(c, "/api/chat", request));
    EXPECT_EQ(answer["message"]["content"], "[demo model] This");
    EXPECT_FALSE(answer["message"].contains("thinking"));
    EXPECT_EQ(answer["done_reason"], "length");
}

TEST(FakeOllama, RefusesToolsAndThinkingForAPlainModel) {
    fake_ollama_options options;
    options.models = {"plain-model"};
    const fake_ollama ollama{options};
    raw_client c{ollama.port()};
    auto request = chat_request("hi");
    request["model"] = "plain-model";
    request["think"] = true;
    EXPECT_EQ(parsed(post(c, "/api/chat", request))["error"], "\"plain-model\" does not support thinking");
    request["think"] = false;
    EXPECT_EQ(post(c, "/api/chat", request).status(), 200);
    request["tools"] = {{{"type", "function"}}};
    EXPECT_EQ(parsed(post(c, "/api/chat", request))["error"], "plain-model:latest does not support tools");
}

TEST(FakeOllama, CallsATool) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    auto request = chat_request(R"(please tool:read {"path":"a"})");
    request["tools"] = {{{"type", "function"}, {"function", {{"name", "read"}}}}};
    request["stream"] = false;
    const auto call = parsed(post(c, "/api/chat", request))["message"]["tool_calls"][0]["function"];
    EXPECT_EQ(call["name"], "read");
    EXPECT_EQ(call["arguments"]["path"], "a");
}

TEST(FakeOllama, LoadsOncePerSetOfRunnerOptions) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    const json warm{{"model", "glm-4.7-flash"}, {"keep_alive", -1}, {"options", {{"num_ctx", 4096}}}};
    const auto loaded = parsed(post(c, "/api/generate", warm));
    EXPECT_EQ(loaded["done_reason"], "load");
    EXPECT_EQ(ollama.loads(), 1U);
    EXPECT_EQ(parsed(c.request("GET", "/api/ps"))["models"][0]["context_length"], 4096);
    auto same = chat_request("hi");
    same["options"] = {{"num_ctx", 4096}, {"temperature", 0.1}};
    post(c, "/api/chat", same);
    EXPECT_EQ(ollama.loads(), 1U);
    same["shift"] = false;
    post(c, "/api/chat", same);
    EXPECT_EQ(ollama.loads(), 2U);
    const auto unloaded = parsed(post(c, "/api/generate", {{"model", "glm-4.7-flash"}, {"keep_alive", 0}}));
    EXPECT_EQ(unloaded["done_reason"], "unload");
    EXPECT_TRUE(parsed(c.request("GET", "/api/ps"))["models"].empty());
}

TEST(FakeOllama, FailsOnDemand) {
    const fake_ollama ollama;
    const auto with_fault = [&](const std::string& kind) {
        raw_client c{ollama.port()};
        return post(c, "/api/chat", chat_request("fault:" + kind));
    };
    EXPECT_EQ(with_fault("error-first").status(), 500);
    const auto busy = with_fault("busy");
    EXPECT_EQ(busy.status(), 503);
    EXPECT_EQ(parsed(busy)["error"], "server busy, please try again.  maximum pending requests exceeded");
    const auto mid = lines_of(with_fault("error-mid"));
    ASSERT_EQ(mid.size(), 3U);
    EXPECT_TRUE(mid.back().contains("error"));
    const auto cut = lines_of(with_fault("cut"));
    ASSERT_EQ(cut.size(), 2U);
    EXPECT_EQ(cut.back()["done"], false);
    EXPECT_THROW(with_fault("drop"), client_error);
    EXPECT_THROW(with_fault("close"), client_error);
    raw_client by_header{ollama.port()};
    EXPECT_EQ(by_header.request("POST", "/api/chat", {{"X-Fake-Fault", "busy"}}, chat_request("hi").dump())
                  .status(),
              503);
}

TEST(FakeOllama, NoticesACallerThatLeavesAHangingCall) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    c.send(request_text("POST", "/api/chat", {}, chat_request("fault:hang").dump()));
    EXPECT_TRUE(ollama.wait_until(
        [](const traffic& t) { return !t.requests.empty() && t.requests[0].body_complete; }));
    c.close();
    EXPECT_TRUE(ollama.wait_until([](const traffic& t) { return t.requests[0].peer_left; }));
    EXPECT_EQ(ollama.running(), 0U);
    EXPECT_EQ(ollama.peak(), 1U);
}

TEST(FakeOllama, EmbedsTheSameTextAsTheSameUnitVector) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    const auto both =
        parsed(post(c, "/api/embed", {{"model", "nomic-embed-text"}, {"input", {"a b", "a b", "c"}}}));
    ASSERT_EQ(both["embeddings"].size(), 3U);
    EXPECT_EQ(both["embeddings"][0].size(), 768U);
    EXPECT_EQ(both["embeddings"][0], both["embeddings"][1]);
    EXPECT_NE(both["embeddings"][0], both["embeddings"][2]);
}

TEST(FakeOllama, PullsWithProgressAndKnowsTheModelAfterwards) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    EXPECT_EQ(post(c, "/api/show", {{"model", "qwen3"}}).status(), 404);
    const auto lines = lines_of(post(c, "/api/pull", {{"model", "qwen3"}}));
    EXPECT_EQ(lines.front()["status"], "pulling manifest");
    EXPECT_FALSE(lines[1].contains("completed"));
    EXPECT_EQ(lines[11]["completed"], lines[11]["total"]);
    EXPECT_EQ(lines.back()["status"], "success");
    const auto shown = parsed(post(c, "/api/show", {{"model", "qwen3"}}));
    EXPECT_EQ(shown["capabilities"].dump(), R"(["completion","tools","thinking"])");
    const auto missing = post(c, "/api/pull", {{"model", "missing-model"}});
    EXPECT_EQ(missing.status(), 200);
    EXPECT_EQ(lines_of(missing).back()["error"], "pull model manifest: file does not exist");
}

TEST(FakeOllama, TakesABodyOverAMegabyte) {
    const fake_ollama ollama;
    raw_client c{ollama.port()};
    auto request = chat_request(std::string(1'500'000, 'x'));
    request["stream"] = false;
    const auto answer = parsed(post(c, "/api/chat", request));
    EXPECT_EQ(answer["done"], true);
    EXPECT_GT(answer["prompt_eval_count"].get<int>(), 300'000);
}

} // namespace
} // namespace clawgate::support
