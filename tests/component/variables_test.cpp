// Each variable of the requests, of the agents' behaviour and of Ollama, as it is given in the environment, and seen to
// act on what the model server gets. What acts elsewhere: tests/unit/pod/variables_test.cpp.

#include "component/model_fixture.hpp"

namespace clawgate::test {
namespace {

using std::chrono::milliseconds;

/// What the model server gets for one question, with these variables.
json sent_with(environment variables, const json& body = question("hi")) {
    model_options o;
    o.variables = std::move(variables);
    model_under_test m{o};
    EXPECT_EQ(m.post("/api/chat", body).status(), 200);
    return m.sent("/api/chat");
}

TEST(Variables, OPENCLAW_TEMPERATURE) {
    EXPECT_EQ(sent_with({})["options"]["temperature"], 0.7);
    EXPECT_EQ(sent_with({{"OPENCLAW_TEMPERATURE", "0.35"}})["options"]["temperature"], 0.35);
}

TEST(Variables, OPENCLAW_TOP_P) {
    EXPECT_EQ(sent_with({{"OPENCLAW_TOP_P", "0.6"}})["options"]["top_p"], 0.6);
}

TEST(Variables, OPENCLAW_REPEAT_PENALTY) {
    EXPECT_EQ(sent_with({{"OPENCLAW_REPEAT_PENALTY", "1.3"}})["options"]["repeat_penalty"], 1.0)
        << "GLM stays at 1.0 whatever is set";
    model_options o;
    o.variables = {{"OPENCLAW_REPEAT_PENALTY", "1.3"}, {"OPENCLAW_MODEL", "mistral"}};
    o.server.models = {"mistral:latest", "nomic-embed-text:latest"};
    model_under_test m{o};
    auto body = question("hi");
    body["model"] = "mistral";
    EXPECT_EQ(m.post("/api/chat", body).status(), 200);
    EXPECT_EQ(m.sent("/api/chat")["options"]["repeat_penalty"], 1.3);
}

TEST(Variables, OPENCLAW_NUM_CTX) {
    const auto sent = sent_with({{"OPENCLAW_NUM_CTX", "16384"}, {"OPENCLAW_CONTEXT_TOKENS", "16384"}});
    EXPECT_EQ(sent["options"]["num_ctx"], 16384);
}

TEST(Variables, OPENCLAW_MAX_TOKENS) {
    EXPECT_EQ(sent_with({{"OPENCLAW_MAX_TOKENS", "777"}})["options"]["num_predict"], 777);
}

TEST(Variables, OPENCLAW_THINKING_DEFAULT) {
    EXPECT_EQ(sent_with({{"OPENCLAW_THINKING_DEFAULT", "on"}})["think"], true);
    EXPECT_EQ(sent_with({{"OPENCLAW_THINKING_DEFAULT", "off"}})["think"], false);
}

TEST(Variables, OPENCLAW_TIMEOUT_SECONDS) {
    model_options o;
    o.variables = {{"OPENCLAW_TIMEOUT_SECONDS", "1"}};
    model_under_test m{o};
    EXPECT_EQ(m.post("/api/chat", question("fault:hang")).status(), 504);
}

/// The most calls of one agent that the server had at once, of six that were sent together.
std::uint64_t peak_with(environment variables) {
    model_options o;
    o.variables = std::move(variables);
    o.server.parallel = 8;
    o.server.prefill = milliseconds{150};
    model_under_test m{o};
    std::vector<raw_client> clients;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(m.client());
        clients.back().send(
            support::request_text("POST", "/api/chat", {m.agent()}, question("hi", false).dump()));
    }
    for (auto& c : clients)
        EXPECT_EQ(c.read_response().status(), 200);
    return m.server().peak();
}

TEST(Variables, OPENCLAW_MAX_CONCURRENT) {
    EXPECT_EQ(peak_with({{"OPENCLAW_MAX_CONCURRENT", "2"}, {"OLLAMA_NUM_PARALLEL", "5"}}), 2u);
}

TEST(Variables, OLLAMA_NUM_PARALLEL) {
    EXPECT_EQ(peak_with({{"OPENCLAW_MAX_CONCURRENT", "6"}, {"OLLAMA_NUM_PARALLEL", "3"}}), 3u);
}

// ---- pruning

constexpr auto cleared_note = "[Old tool result, removed to save context]";

/// Ten turns with a tool, of about 21 KB: more than half of a context of 8,192 tokens.
json long_conversation() {
    auto body = question("go on", false);
    auto& messages = body["messages"];
    for (int i = 0; i < 10; ++i) {
        messages.push_back({{"role", "assistant"},
                            {"content", ""},
                            {"tool_calls", {{{"function", {{"name", "f"}, {"arguments", json::object()}}}}}}});
        messages.push_back({{"role", "tool"}, {"content", std::string(2000, static_cast<char>('a' + i))}});
    }
    messages.push_back({{"role", "user"}, {"content", "and now?"}});
    return body;
}

struct pruned_results {
    int whole = 0;
    int trimmed = 0;
    int cleared = 0;
};

pruned_results pruned_with(environment more) {
    environment variables{{"OPENCLAW_NUM_CTX", "8192"}, {"OPENCLAW_CONTEXT_TOKENS", "8192"}};
    for (auto& [name, value] : more)
        variables[name] = value;
    pruned_results r;
    const auto sent = sent_with(variables, long_conversation());
    for (const auto& m : sent["messages"]) {
        if (m["role"] != "tool") continue;
        const auto content = m["content"].get<std::string>();
        if (content == cleared_note)
            ++r.cleared;
        else if (content.size() == 2000)
            ++r.whole;
        else
            ++r.trimmed;
    }
    EXPECT_EQ(r.whole + r.trimmed + r.cleared, 10);
    return r;
}

TEST(Variables, OPENCLAW_CONTEXT_TOKENS) {
    EXPECT_EQ(pruned_with({{"OPENCLAW_NUM_CTX", "131072"}, {"OPENCLAW_CONTEXT_TOKENS", "131072"}}).whole, 10);
    EXPECT_LT(pruned_with({{"OPENCLAW_NUM_CTX", "131072"}, {"OPENCLAW_CONTEXT_TOKENS", "8192"}}).whole, 10);
}

TEST(Variables, OPENCLAW_PRUNING_MODE) {
    EXPECT_EQ(pruned_with({{"OPENCLAW_PRUNING_MODE", "off"}}).whole, 10);
    const auto adaptive = pruned_with({{"OPENCLAW_PRUNING_MODE", "adaptive"}});
    const auto aggressive = pruned_with({{"OPENCLAW_PRUNING_MODE", "aggressive"}});
    EXPECT_GT(adaptive.trimmed, 0);
    EXPECT_GT(aggressive.cleared, adaptive.cleared);
}

TEST(Variables, OPENCLAW_KEEP_LAST_ASSISTANTS) {
    EXPECT_EQ(pruned_with({{"OPENCLAW_KEEP_LAST_ASSISTANTS", "10"}}).whole, 10);
    EXPECT_GE(pruned_with({{"OPENCLAW_KEEP_LAST_ASSISTANTS", "7"}}).whole, 7);
    EXPECT_LT(pruned_with({{"OPENCLAW_KEEP_LAST_ASSISTANTS", "1"}}).whole, 7);
}

TEST(Variables, OPENCLAW_SOFT_TRIM_RATIO) {
    EXPECT_EQ(pruned_with({{"OPENCLAW_SOFT_TRIM_RATIO", "0.95"}, {"OPENCLAW_HARD_CLEAR_RATIO", "1"}}).whole, 10);
    EXPECT_GT(pruned_with({{"OPENCLAW_SOFT_TRIM_RATIO", "0.2"}, {"OPENCLAW_HARD_CLEAR_RATIO", "1"}}).trimmed, 0);
}

TEST(Variables, OPENCLAW_HARD_CLEAR_RATIO) {
    EXPECT_EQ(pruned_with({{"OPENCLAW_SOFT_TRIM_RATIO", "0.2"}, {"OPENCLAW_HARD_CLEAR_RATIO", "1"}}).cleared, 0);
    EXPECT_GT(pruned_with({{"OPENCLAW_SOFT_TRIM_RATIO", "0.2"}, {"OPENCLAW_HARD_CLEAR_RATIO", "0.2"}}).cleared, 0);
}

// ---- Ollama

TEST(Variables, OLLAMA_NUM_GPU) {
    EXPECT_EQ(sent_with({{"OLLAMA_NUM_GPU", "33"}})["options"]["num_gpu"], 33);
}

TEST(Variables, OLLAMA_KEEP_ALIVE) {
    EXPECT_EQ(sent_with({{"OLLAMA_KEEP_ALIVE", "-1"}})["keep_alive"], -1);
    EXPECT_EQ(sent_with({{"OLLAMA_KEEP_ALIVE", "600"}})["keep_alive"], 600);
    EXPECT_EQ(sent_with({{"OLLAMA_KEEP_ALIVE", "30m"}})["keep_alive"], "30m");
}

TEST(Variables, OLLAMA_MAX_QUEUE) {
    // One runs, and this many wait, one more of a caller that has nothing waiting is let in; the next is refused.
    model_options o;
    o.variables = {{"OLLAMA_MAX_QUEUE", "2"}, {"OLLAMA_NUM_PARALLEL", "1"}};
    model_under_test m{o};
    std::vector<raw_client> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(m.client());
        clients.back().send(
            support::request_text("POST", "/api/chat", {m.agent()}, question("fault:hang").dump()));
        if (i == 0) {
            ASSERT_TRUE(m.server().wait_for([](const auto& c) { return c.running == 1; }));
        }
    }
    int refused = 0;
    ASSERT_TRUE(eventually([&] {
        for (auto& c : clients)
            refused += c.readable_within(milliseconds{10}) ? 1 : 0;
        return refused > 0;
    }));
    EXPECT_EQ(refused, 1);
}

TEST(Variables, OLLAMA_HOST) {
    model_options o;
    o.variables = {{"OLLAMA_HOST", "127.0.0.3"}};
    model_under_test m{o};
    support::raw_client_options there;
    there.address = "127.0.0.3";
    there.port = m.port();
    EXPECT_EQ(raw_client{there}.request("GET", "/").body, "Ollama is running");
    EXPECT_ANY_THROW(m.client());
}

TEST(Variables, OLLAMA_PORT) {
    const auto port = free_port();
    model_options o;
    o.variables = {{"OLLAMA_PORT", std::to_string(port)}};
    model_under_test m{o};
    EXPECT_EQ(raw_client{port}.request("GET", "/").body, "Ollama is running");
}

} // namespace
} // namespace clawgate::test
