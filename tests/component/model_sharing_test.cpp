// That one caller of the model API cannot take it away from the others, whatever it sends or leaves out.

#include "component/captured_log.hpp"
#include "component/model_fixture.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

namespace clawgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::request_text;
using testing::HasSubstr;

model_options of_two_agents() {
    model_options o;
    o.agents = 2;
    o.server.parallel = 4;
    return o;
}

std::string chat_request(const header& who, std::string_view text, bool stream = false) {
    return request_text("POST", "/api/chat", {who}, question(text, stream).dump());
}

TEST(ModelSharing, BodiesThatAreOnlyAnnouncedHoldNothing) {
    model_under_test m{of_two_agents()};
    std::vector<raw_client> greedy;
    for (int i = 0; i < 16; ++i) {
        greedy.push_back(m.client());
        greedy.back().send(
            request_text("POST", "/api/chat", {m.agent(1), {"Content-Length", "67108864"}}) + "{");
    }
    EXPECT_EQ(m.ask("POST", "/api/chat", {m.agent(2)}, question("hi", false).dump()).status(), 200);
    EXPECT_EQ(m.ask("POST", "/api/chat", {basic()}, question("hi", false).dump()).status(), 200);
}

TEST(ModelSharing, ABodyThatTricklesIsGivenUp) {
    model_options o;
    o.adjust = [](config& c) { c.phases.client_bytes = seconds{1}; };
    model_under_test m{o};
    auto c = m.client();
    c.send(request_text("POST", "/api/chat", {m.agent(), {"Content-Length", "100000"}}));
    bool answered = false;
    for (int i = 0; i < 100 && !answered; ++i) { // never a pause of a second
        c.send(" ");
        answered = c.readable_within(milliseconds{100});
    }
    ASSERT_TRUE(answered);
    EXPECT_EQ(c.read_response().status(), 408);
}

TEST(ModelSharing, AModelOfOneSlotGetsOneCallAtATime) {
    auto o = of_two_agents();
    o.variables = {{"OPENCLAW_MODEL", "qwen3.5:9b"}, {"OLLAMA_NUM_PARALLEL", "4"}};
    o.server.models = {"qwen3.5:9b", "nomic-embed-text"};
    model_under_test m{o};
    auto body = question("fault:hang", false);
    body["model"] = "qwen3.5:9b";
    auto first = m.client(), second = m.client();
    first.send(request_text("POST", "/api/chat", {m.agent(1)}, body.dump()));
    ASSERT_TRUE(m.server().wait_for([](const auto& c) { return c.running == 1; }));
    body["messages"][0]["content"] = "hello";
    second.send(request_text("POST", "/api/chat", {m.agent(2)}, body.dump()));
    EXPECT_FALSE(second.readable_within(milliseconds{100}));
    EXPECT_EQ(m.server().queued(), 0u) << "it waits at the door, where it is given its fair turn";
    first.close();
    EXPECT_EQ(second.read_response().status(), 200);
}

ollama::watchdog_limits impatient() {
    ollama::watchdog_limits l;
    l.silence = l.probe = milliseconds{50};
    l.tick = milliseconds{10};
    return l;
}

TEST(ModelSharing, ALongPromptOnAServerOfFewerSlotsIsNotTakenForAStuckServer) {
    auto o = of_two_agents();
    o.variables = {{"OLLAMA_NUM_PARALLEL", "4"}, {"OPENCLAW_WARMUP_ENABLED", "true"}};
    o.server.parallel = 1; // somebody else's server, with Ollama's own default
    o.server.max_loaded_models = 2;
    o.server.prefill = milliseconds{800};
    model_under_test m{o};
    m.gateway().server().look_after_models({}, impatient());
    ASSERT_TRUE(m.server().wait_for([](const auto& c) { return c.loads == 2; }));
    EXPECT_EQ(m.post("/api/chat", question("long", false)).status(), 200);
    EXPECT_EQ(m.server().loads(), 2u);
}

TEST(ModelSharing, FourLongPromptsInFourSlotsAreNotTakenForAStuckServer) {
    auto o = of_two_agents();
    o.variables = {{"OLLAMA_NUM_PARALLEL", "4"}, {"OPENCLAW_WARMUP_ENABLED", "true"}};
    o.server.max_loaded_models = 2;
    o.server.prefill = milliseconds{800};
    model_under_test m{o};
    m.gateway().server().look_after_models({"/nonexistent/supervisor.sock", secret{"x"}}, impatient());
    ASSERT_TRUE(m.server().wait_for([](const auto& c) { return c.loads == 2; }));
    std::vector<raw_client> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(m.client());
        clients.back().send(chat_request(m.agent(1 + i % 2), "long"));
    }
    for (auto& c : clients)
        EXPECT_EQ(c.read_response().status(), 200);
    EXPECT_EQ(m.server().loads(), 2u);
}

TEST(ModelSharing, WhatWasGeneratedCountsThoughItsCallerDidNotWaitForTheEnd) {
    model_options o;
    o.server.answer = "one two three four five six seven eight nine ten";
    o.server.token_pace = milliseconds{30};
    const captured_log log;
    model_under_test m{o};
    {
        auto c = m.client();
        c.send(chat_request(m.agent(), "hi", true));
        EXPECT_EQ(c.read_head().status, 200);
        for (int records = 0; records < 3; ++records)
            EXPECT_FALSE(c.read_chunk().empty());
    }
    const auto line = log.line_with({"\"model call\""});
    ASSERT_NE(line, "");
    EXPECT_GE(json::parse(line)["answer_tokens"], 3);
}

TEST(ModelSharing, EmbeddingsAreCounted) {
    model_options o;
    o.server.max_loaded_models = 2;
    const captured_log log;
    model_under_test m{o};
    EXPECT_EQ(m.post("/v1/embeddings", {{"model", "nomic-embed-text"}, {"input", "hello there"}}).status(), 200);
    const auto line = log.line_with({"\"model call\"", "nomic-embed-text"});
    ASSERT_NE(line, "");
    EXPECT_GT(json::parse(line)["prompt_tokens"], 0);
}

TEST(ModelSharing, ADisconnectReachesTheServerAtOnce) {
    model_options o;
    o.server.answer = "one two three four five six";
    o.server.token_pace = seconds{2};
    model_under_test m{o};
    auto c = m.client();
    c.send(chat_request(m.agent(), "hi", true));
    EXPECT_EQ(c.read_head().status, 200);
    EXPECT_FALSE(c.read_chunk().empty());
    const auto left = std::chrono::steady_clock::now();
    c.close();
    ASSERT_TRUE(m.server().wait_for([](const auto& n) { return n.canceled == 1; }));
    const auto took = std::chrono::steady_clock::now() - left;
    std::cout << "  the server was told after "
              << std::chrono::duration_cast<std::chrono::microseconds>(took).count() << " µs\n";
    EXPECT_LT(took, seconds{1}) << "before the watchdog's tick, and long before the next token";
}

TEST(ModelSharing, AnAnswerEndsWithItsLastRecordThoughTheServerDoesNotEndItsBody) {
    model_options o;
    o.variables = {{"OLLAMA_NUM_PARALLEL", "1"}};
    model_under_test m{o};
    const auto stream = m.post("/api/chat", question("fault:no-end"));
    EXPECT_EQ(stream.status(), 200);
    EXPECT_EQ(records(stream.body).back()["done"], true);
    const auto folded = m.post("/api/chat", question("fault:no-end", false));
    EXPECT_EQ(json::parse(folded.body)["done"], true);
    EXPECT_EQ(m.post("/api/chat", question("hi", false)).status(), 200);
    EXPECT_TRUE(m.server().wait_for([](const auto& n) { return n.running == 0; }));
}

TEST(ModelSharing, ARequestBehindAnEmptyOneIsAnsweredToo) {
    model_under_test m;
    auto c = m.client();
    const auto next = request_text("GET", "/api/version", {m.agent()});
    c.send(request_text("POST", "/api/chat", {m.agent(), {"Content-Length", "0"}}) + next);
    EXPECT_EQ(c.read_response().status(), 400);
    EXPECT_EQ(c.read_response().status(), 200);
    c.send(request_text("POST", "/api/chat", {m.agent()}) + next); // no length at all
    EXPECT_EQ(c.read_response().status(), 400);
    EXPECT_EQ(c.read_response().status(), 200);
}

TEST(ModelSharing, TheEmbeddingModelIsForEmbeddings) {
    model_under_test m;
    EXPECT_EQ(m.post("/api/generate", {{"model", "nomic-embed-text"}, {"prompt", "x"}}).status(), 400);
    auto body = question("x");
    body["model"] = "nomic-embed-text";
    const auto r = m.post("/api/chat", body);
    EXPECT_EQ(r.status(), 400);
    EXPECT_THAT(r.body, HasSubstr("for embeddings only"));
    EXPECT_EQ(m.server().loads(), 0u);
}

TEST(ModelSharing, OpenaisListHasTheModelsThatCanBeCalled) {
    model_options o;
    o.server.models.push_back("other:latest");
    model_under_test m{o};
    const auto list = m.ask("GET", "/v1/models", {m.agent()}).body;
    EXPECT_THAT(list, HasSubstr("glm-4.7-flash:latest"));
    EXPECT_THAT(list, testing::Not(HasSubstr("other")));
    EXPECT_EQ(m.ask("GET", "/v1/models/other", {m.agent()}).status(), 404);
}

TEST(ModelSharing, ALongBodyIsUnderstoodBesideTheLoop) {
    model_under_test m{of_two_agents()};
    json body{{"model", "glm-4.7-flash"}, {"stream", false}, {"messages", json::array()}};
    for (int i = 0; i < 15'000; ++i)
        body["messages"].push_back({{"role", "user"}, {"content", std::string(200, 'x')}});
    const auto text = body.dump();
    ASSERT_GT(text.size(), 3u << 20);
    for (const auto* path : {"/v1/chat/completions", "/api/chat"})
        EXPECT_EQ(m.ask("POST", path, {m.agent()}, text).status(), 200) << path;
    EXPECT_EQ(m.ask("POST", "/v1/chat/completions", {m.agent()}, text + "x").status(), 400);
}

/// An address of this machine that is not loopback; empty when there is none.
std::string other_address() {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return {};
    std::string found;
    for (auto* i = all; i && found.empty(); i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET) continue;
        const auto a = ntohl(reinterpret_cast<sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr);
        if (a >> 24 != 127)
            found = std::to_string(a >> 24) + "." + std::to_string(a >> 16 & 255) + "." +
                    std::to_string(a >> 8 & 255) + "." + std::to_string(a & 255);
    }
    ::freeifaddrs(all);
    return found;
}

TEST(ModelSharing, AgentsReachTheDoorOnLoopbackWhicheverInterfaceItIsServedOn) {
    const auto address = other_address();
    if (address.empty()) GTEST_SKIP() << "this machine has no other interface";
    model_options o;
    o.agents = 10;
    o.adjust = [&](config& c) {
        c.ollama.host = address;
        c.trusted_proxies.clear();
    };
    model_under_test m{o};
    EXPECT_EQ(m.ask("GET", "/api/tags", {m.agent()}).status(), 200);
    support::raw_client_options elsewhere;
    elsewhere.address = address;
    elsewhere.port = m.port();
    for (int n = 1; n <= 10; ++n) { // ten distinct wrong passwords would lock the address
        const auto r = raw_client{elsewhere}.request("GET", "/api/tags", {m.agent(n)});
        EXPECT_EQ(r.status(), 401);
        EXPECT_THAT(r.body, HasSubstr("loopback"));
    }
    EXPECT_EQ(raw_client{elsewhere}.request("GET", "/api/tags", {basic()}).status(), 200);
}

TEST(ModelSharing, ConnectionsOfOneUserAreNotTakenFromAnother) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    model_options o;
    o.variables = {{"CLAWGATE_MAX_CONNECTIONS_PER_CLIENT", "8"}};
    model_under_test m{o};
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(m.port());
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) { // system calls only: the other threads are not there
        char ok = ::setuid(65534) == 0 ? 'y' : 'n';
        for (int i = 0; i < 20; ++i) {
            const int s = ::socket(AF_INET, SOCK_STREAM, 0);
            if (::connect(s, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) ok = 'n';
        }
        if (::write(ready[1], &ok, 1) != 1) ::_exit(1);
        for (;;)
            ::pause();
    }
    char ok = 'n';
    ASSERT_EQ(::read(ready[0], &ok, 1), 1);
    EXPECT_EQ(ok, 'y');
    EXPECT_EQ(m.ask("GET", "/api/version", {m.agent()}).status(), 200);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
}

} // namespace
} // namespace clawgate::test
