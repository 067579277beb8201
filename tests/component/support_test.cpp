// The fakes and clients tested on each other, so that a failing relay test can be believed.

#include "support/fake_agent.hpp"
#include "support/raw_client.hpp"
#include "support/ws_client.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace clawgate::support {
namespace {

using json = nlohmann::json;

std::string connect_request(const json& params) {
    const json message{{"type", "req"}, {"id", "1"}, {"method", "connect"}, {"params", params}};
    return message.dump();
}

json dashboard_params(const std::string& password, const std::string& nonce) {
    json params{{"minProtocol", 4},
                {"maxProtocol", 4},
                {"client", {{"id", "openclaw-control-ui"}, {"mode", "webchat"}}},
                {"device", {{"id", "d"}, {"nonce", nonce}, {"signature", "fake:"}}}};
    if (!password.empty()) params["auth"] = {{"password", password}};
    return params;
}

std::string nonce_of(ws_client& ws) {
    const auto challenge = json::parse(ws.expect_message().data);
    EXPECT_EQ(challenge["event"], "connect.challenge");
    return challenge["payload"]["nonce"];
}

/// An authenticated socket.
ws_client connected(const fake_agent& agent) {
    ws_client ws{agent.port(), "/", {{"Origin", "http://localhost"}}};
    EXPECT_TRUE(ws.connected());
    ws.send_text(connect_request(dashboard_params(agent.secret(), nonce_of(ws))));
    EXPECT_EQ(json::parse(ws.expect_message().data)["payload"]["type"], "hello-ok");
    return ws;
}

std::string order(const std::string& method, const json& params) {
    const json message{{"type", "req"}, {"id", "7"}, {"method", method}, {"params", params}};
    return message.dump();
}

// ---- HTTP

TEST(FakeAgent, ServesItsShellOpenlyAndItsConfigurationToTheBearerOnly) {
    const fake_agent agent;
    raw_client c{agent.port()};
    const auto page = c.request("GET", "/overview");
    EXPECT_EQ(page.status(), 200);
    EXPECT_NE(page.body.find(fake_agent_marker), std::string::npos);
    EXPECT_EQ(c.request("GET", "/assets/app.js").status(), 200);
    EXPECT_EQ(c.request("GET", "/assets/none.js").status(), 404);
    EXPECT_EQ(c.request("GET", "/control-ui-config.json").status(), 401);
    EXPECT_EQ(c.request("GET", "/control-ui-config.json", {{"Authorization", "Bearer wrong"}}).status(), 401);
    EXPECT_EQ(
        c.request("GET", "/control-ui-config.json", {{"Authorization", "Bearer " + agent.secret()}}).status(),
        200);
    EXPECT_EQ(agent.seen().connections, 1U);
    EXPECT_EQ(agent.seen().requests.size(), 6U);
}

TEST(FakeAgent, RefusesEveryForwardingHeaderButNotOnHealth) {
    const fake_agent agent;
    raw_client c{agent.port()};
    for (const auto* name :
         {"Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-Real-IP", "Tailscale-User-Login"}) {
        const auto r = c.request("GET", "/", {{name, "x"}});
        EXPECT_EQ(r.status(), 403) << name;
        EXPECT_EQ(json::parse(r.body)["error"]["type"], "proxy_attribution_required");
        EXPECT_EQ(c.request("GET", "/healthz", {{name, "x"}}).status(), 200) << name;
    }
    EXPECT_EQ(c.request("GET", "/", {{"CF-Connecting-IP", "192.0.2.1"}, {"Via", "1.1 x"}}).status(), 200);
}

TEST(FakeAgent, AnswersHeadWithoutABodyAndKeepsTheConnection) {
    const fake_agent agent;
    raw_client c{agent.port()};
    const auto r = c.request("HEAD", "/healthz");
    EXPECT_EQ(r.status(), 200);
    EXPECT_EQ(r.get("Content-Length"), "27");
    EXPECT_EQ(r.get("Keep-Alive"), "timeout=5");
    EXPECT_EQ(c.request("GET", "/healthz").body, R"({"ok":true,"status":"live"})");
}

TEST(FakeAgent, ClosesAnIdleConnectionAtItsLimit) {
    fake_agent_options options;
    options.idle = std::chrono::milliseconds{20};
    const fake_agent agent{options};
    raw_client c{agent.port()};
    EXPECT_EQ(c.request("GET", "/healthz").status(), 200);
    EXPECT_TRUE(c.ended());
}

TEST(FakeAgent, AnswersChatCompletionsWholeAndStreamed) {
    const fake_agent agent;
    raw_client c{agent.port()};
    const std::vector<header> bearer{{"Authorization", "Bearer " + agent.secret()}};
    const std::string body{R"({"messages":[{"role":"user","content":"hello"}]})"};
    EXPECT_EQ(c.request("GET", "/v1/chat/completions").status(), 405);
    EXPECT_EQ(c.request("POST", "/v1/chat/completions", {}, body).status(), 401);
    const auto whole = json::parse(c.request("POST", "/v1/chat/completions", bearer, body).body);
    EXPECT_NE(whole["choices"][0]["message"]["content"].get<std::string>().find("hello"), std::string::npos);
    const auto streamed =
        c.request("POST", "/v1/chat/completions", bearer, R"({"stream":true,"messages":[]})");
    EXPECT_EQ(streamed.get("Content-Type"), "text/event-stream");
    EXPECT_TRUE(streamed.body.ends_with("data: [DONE]\n\n"));
}

TEST(FakeAgent, EchoesHeadersInOrderAndCase) {
    const fake_agent agent;
    raw_client c{agent.port()};
    c.send("POST /test/echo?a=1 HTTP/1.1\r\nhost: x\r\nX-b: 1\r\nX-A: 2\r\nX-b: 3\r\nContent-Length: "
           "3\r\n\r\nabc");
    const auto report = json::parse(c.read_response().body);
    EXPECT_EQ(report["target"], "/test/echo?a=1");
    EXPECT_EQ(report["headers"].dump(),
              R"([["host","x"],["X-b","1"],["X-A","2"],["X-b","3"],["Content-Length","3"]])");
    EXPECT_EQ(report["body_sha256"], sha256_hex("abc"));
    EXPECT_EQ(agent.seen().requests.at(0).body, "abc");
}

TEST(FakeAgent, SendsTheSamePatternInEveryFraming) {
    const fake_agent agent;
    for (const auto* mode : {"length", "chunked", "close"}) {
        raw_client c{agent.port()};
        const auto r = c.request("GET", std::string{"/test/body?bytes=300000&chunk=7001&mode="} + mode);
        EXPECT_EQ(r.status(), 200) << mode;
        EXPECT_TRUE(r.body == pattern_bytes(0, 300'000)) << mode;
    }
}

TEST(FakeAgent, HashesAChunkedUploadAndReportsItsTrailers) {
    const fake_agent agent;
    raw_client c{agent.port()};
    c.send("POST /test/trailers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
           "3;ext=1\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n");
    const auto r = c.read_response();
    const auto report = json::parse(r.body);
    EXPECT_EQ(report["body_sha256"], sha256_hex("abc"));
    EXPECT_EQ(report["trailers"].dump(), R"([["X-Sum","7"]])");
    ASSERT_EQ(r.trailers.size(), 2U);
    EXPECT_EQ(r.trailers[0].value, sha256_hex(r.body));
}

TEST(FakeAgent, SendsContinueOnlyWhenAsked) {
    const fake_agent agent;
    raw_client c{agent.port()};
    c.send("POST /test/continue HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(c.read_head().status, 100);
    c.send("ok");
    EXPECT_EQ(json::parse(c.read_response().body)["body_bytes"], 2);
    const auto plain = c.request("POST", "/test/continue", {}, "ok");
    EXPECT_TRUE(plain.informational.empty());
    c.send("POST /test/continue?refuse=417 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
           "2\r\n\r\n");
    EXPECT_EQ(c.read_response().status(), 417);
    EXPECT_TRUE(c.ended());
}

TEST(FakeAgent, GivesHintsBeforeTheAnswer) {
    const fake_agent agent;
    raw_client c{agent.port()};
    const auto r = c.request("GET", "/test/hints?times=2");
    EXPECT_EQ(r.status(), 200);
    ASSERT_EQ(r.informational.size(), 2U);
    EXPECT_EQ(r.informational[0].status, 103);
}

TEST(FakeAgent, AnswersEarlyAndStillReadsTheBodyWhenItKeepsTheConnection) {
    const fake_agent agent;
    raw_client c{agent.port()};
    EXPECT_EQ(c.request("POST", "/test/early?keep=1", {}, std::string(500'000, 'x')).status(), 413);
    EXPECT_EQ(c.request("GET", "/healthz").status(), 200);
    EXPECT_EQ(agent.seen().connections, 1U);
}

TEST(FakeAgent, SendsStatusesWithoutBodies) {
    const fake_agent agent;
    raw_client c{agent.port()};
    for (const int code : {204, 304, 200, 503}) {
        const auto r = c.request("GET", "/test/status?code=" + std::to_string(code));
        EXPECT_EQ(r.status(), code);
        EXPECT_EQ(r.body.empty(), code == 204 || code == 304);
    }
    EXPECT_EQ(c.request("GET", "/test/one-byte").body, "hello, world");
    EXPECT_EQ(c.request("GET", "/test/sse?events=3").body, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
    EXPECT_EQ(c.request("GET", "/test/slow?pieces=2&piece_ms=1").body, "piece 0\npiece 1\n");
}

TEST(FakeAgent, SendsGarbageWordForWord) {
    const fake_agent agent;
    raw_client nul{agent.port()};
    nul.send(request_text("GET", "/test/garbage?kind=nul"));
    EXPECT_EQ(nul.read_to_end(),
              std::string("HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 2\r\n\r\nok", 52));
    raw_client none{agent.port()};
    none.send(request_text("GET", "/test/garbage?kind=no-head"));
    EXPECT_TRUE(none.ended());
    raw_client bare{agent.port()};
    EXPECT_THROW(static_cast<void>(bare.request("GET", "/test/garbage?kind=bare-lf")), client_error);
    raw_client reset{agent.port()};
    reset.send(request_text("GET", "/test/reset"));
    EXPECT_TRUE(reset.ended());
    EXPECT_TRUE(reset.reset_by_peer());
}

TEST(FakeAgent, NoticesAClientThatLeaves) {
    const fake_agent agent;
    raw_client c{agent.port()};
    c.send(request_text("GET", "/test/hang"));
    EXPECT_TRUE(agent.wait_until([](const traffic& t) { return t.total_requests == 1; }));
    c.close();
    EXPECT_TRUE(agent.wait_until([](const traffic& t) { return t.requests.at(0).peer_left; }));
}

TEST(FakeAgent, DropsAReusedConnectionWithoutAnAnswer) {
    const fake_agent agent;
    raw_client c{agent.port()};
    EXPECT_EQ(c.request("GET", "/test/drop-if-reused").status(), 200);
    c.send(request_text("GET", "/test/drop-if-reused"));
    EXPECT_TRUE(c.ended());
}

TEST(FakeAgent, RefusesAndRecordsWhatIsNotWellFormed) {
    const fake_agent agent;
    for (const auto* bad : {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                            "GET / HTTP/1.1\r\nHost: a\r\nbad line\r\n\r\n", "GET /\r\nHost: a\r\n\r\n"}) {
        raw_client c{agent.port()};
        c.send(bad);
        EXPECT_EQ(c.read_response().status(), 400) << bad;
    }
    EXPECT_EQ(agent.seen().malformed, 4U);
}

TEST(FakeAgent, ServesPipelinedRequestsInOrder) {
    const fake_agent agent;
    raw_client c{agent.port()};
    c.send(request_text("POST", "/test/echo/1", {}, "one") + request_text("GET", "/test/echo/2") +
           request_text("GET", "/test/echo/3"));
    for (int i = 0; i < 3; ++i) {
        const auto report = json::parse(c.read_response().body);
        EXPECT_EQ(report["target"], "/test/echo/" + std::to_string(i + 1));
        EXPECT_EQ(report["request_on_connection"], i);
    }
}

TEST(FakeAgent, CanBeStartedAgainOnItsPort) {
    fake_agent_options options;
    {
        const fake_agent first;
        options.port = first.port();
        raw_client c{first.port()};
        EXPECT_EQ(c.request("GET", "/healthz").status(), 200);
    }
    EXPECT_THROW(raw_client{options.port}, client_error);
    const fake_agent second{options};
    raw_client c{options.port};
    EXPECT_EQ(c.request("GET", "/healthz").status(), 200);
}

// ---- WebSocket

TEST(FakeAgentSocket, ConnectsWithTheRightPasswordAndEchoes) {
    const fake_agent agent;
    auto ws = connected(agent);
    ws.send_text(order("echo", {{"x", 1}}));
    EXPECT_EQ(json::parse(ws.expect_message().data)["payload"]["x"], 1);
    ws.send_fragmented("some text", 4, true, true);
    EXPECT_EQ(ws.expect_message().data, "some text");
    EXPECT_EQ(ws.pongs, 3U);
    const auto large = pattern_bytes(0, 3'000'000);
    ws.send_binary(large);
    const auto back = ws.expect_message();
    EXPECT_FALSE(back.text);
    EXPECT_TRUE(back.data == large);
    ws.close(1000, "done");
    EXPECT_EQ(ws.wait_closed(), 1000);
    ws.raw().close();
    EXPECT_TRUE(agent.wait_until([](const traffic& t) { return t.sockets.at(0).ended; }));
    const auto seen = agent.seen();
    EXPECT_EQ(seen.sockets[0].code, 1000);
    EXPECT_EQ(seen.sockets[0].reason, "done");
    EXPECT_TRUE(seen.sockets[0].authenticated);
    EXPECT_TRUE(seen.problems.empty()) << seen.problems.at(0);
}

TEST(FakeAgentSocket, RefusesInTheWordsOfOpenClaw) {
    fake_agent_options options;
    options.allowed_origins = {"https://good.example"};
    const fake_agent agent{options};
    const auto attempt = [&](const std::string& origin, json params, bool with_nonce) {
        std::vector<header> headers;
        if (!origin.empty()) headers.push_back({"Origin", origin});
        ws_client ws{agent.port(), "/", headers};
        const auto nonce = nonce_of(ws);
        if (with_nonce) params["device"]["nonce"] = nonce;
        ws.send_text(connect_request(params));
        EXPECT_EQ(json::parse(ws.expect_message().data)["ok"], false);
        EXPECT_EQ(ws.wait_closed(), 1008);
        return ws.close_reason;
    };
    const std::string good{"https://good.example"};
    EXPECT_EQ(attempt(good, dashboard_params("", ""), true),
              "unauthorized: gateway password missing (enter the password in Control UI settings)");
    EXPECT_EQ(attempt(good, dashboard_params("wrong", ""), true),
              "unauthorized: gateway password mismatch (enter the password in Control UI settings)");
    const auto* origin_text = "origin not allowed (open the Control UI from the gateway host or allow it in "
                              "gateway.controlUi.allowedOrigins)";
    EXPECT_EQ(attempt("https://evil.example", dashboard_params(agent.secret(), ""), true), origin_text);
    EXPECT_EQ(attempt("", dashboard_params(agent.secret(), ""), true), origin_text);
    auto no_device = dashboard_params("", "");
    no_device.erase("device");
    EXPECT_EQ(attempt(good, no_device, false),
              "control ui requires device identity (use HTTPS or localhost secure context)");
    auto token = dashboard_params(agent.secret(), "");
    token["auth"]["token"] = "put in by a proxy";
    EXPECT_EQ(attempt(good, token, true), "device signature invalid");
    EXPECT_EQ(attempt(good, dashboard_params(agent.secret(), "stale"), false), "device nonce mismatch");
}

TEST(FakeAgentSocket, AcceptsANativeClientWithoutOriginAndDevice) {
    const fake_agent agent;
    ws_client ws{agent.port(), "/"};
    nonce_of(ws);
    const json params{{"client", {{"id", "cli"}, {"mode", "cli"}}}, {"auth", {{"password", agent.secret()}}}};
    const auto message = connect_request(params);
    ws_frame binary;
    binary.op = ws_op::binary;
    binary.payload = message;
    ws.send_frame(binary);
    EXPECT_EQ(json::parse(ws.expect_message().data)["ok"], true);
}

TEST(FakeAgentSocket, ClosesOnRubbishAndOnTooMuchBeforeConnect) {
    const fake_agent agent;
    ws_client rubbish{agent.port(), "/"};
    nonce_of(rubbish);
    rubbish.send_text("hello");
    EXPECT_EQ(rubbish.wait_closed(), 1000);
    ws_client other{agent.port(), "/"};
    nonce_of(other);
    other.send_text(order("health", {}));
    EXPECT_EQ(json::parse(other.expect_message().data)["ok"], false);
    EXPECT_EQ(other.wait_closed(), 1008);
    EXPECT_EQ(other.close_reason, "invalid handshake: first request must be connect");
    ws_client big{agent.port(), "/"};
    nonce_of(big);
    big.send_text(std::string(70'000, 'x'));
    EXPECT_EQ(big.wait_closed(), 1009);
}

TEST(FakeAgentSocket, EndsASocketThatDoesNotConnectInTime) {
    fake_agent_options options;
    options.connect_within = std::chrono::milliseconds{10};
    const fake_agent agent{options};
    ws_client ws{agent.port(), "/"};
    nonce_of(ws);
    EXPECT_EQ(ws.wait_closed(), 1006);
}

TEST(FakeAgentSocket, AdmitsOnlySoManySocketsThatHaveNotConnected) {
    fake_agent_options options;
    options.max_unauthenticated = 1;
    const fake_agent agent{options};
    ws_client first{agent.port(), "/"};
    nonce_of(first);
    EXPECT_EQ((ws_client{agent.port(), "/"}.handshake().status()), 503);
    first.send_text(connect_request({{"auth", {{"password", agent.secret()}}}}));
    EXPECT_EQ(json::parse(first.expect_message().data)["ok"], true);
    EXPECT_EQ((ws_client{agent.port(), "/"}.handshake().status()), 101);
}

TEST(FakeAgentSocket, RefusesExtensionsLoudly) {
    const fake_agent agent;
    const ws_client ws{agent.port(), "/", {{"Sec-WebSocket-Extensions", "permessage-deflate"}}};
    EXPECT_EQ(ws.handshake().status(), 400);
    EXPECT_EQ(agent.seen().problems.size(), 1U);
}

TEST(FakeAgentSocket, RefusesForwardingHeadersOnTheUpgrade) {
    const fake_agent agent;
    const ws_client ws{agent.port(), "/", {{"X-Forwarded-Proto", "https"}}};
    EXPECT_EQ(ws.handshake().status(), 403);
}

TEST(FakeAgentSocket, EchoesBinaryAtOnceOnTheScreencastPath) {
    const fake_agent agent;
    ws_client ws{agent.port(), "/browser/screencast?token=t"};
    ws.send_binary("frame");
    EXPECT_EQ(ws.expect_message().data, "frame");
}

TEST(FakeAgentSocket, ObeysOrders) {
    const fake_agent agent;
    auto ws = connected(agent);
    ws.send_text(order("push", {{"bytes", 10}, {"count", 3}}));
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(ws.expect_message().data, pattern_bytes(i * 10U, 10));
    ws.send_text(order("ping", {}));
    ws.send_text(order("close", {{"code", 4321}, {"reason", "as told"}}));
    EXPECT_EQ(ws.wait_closed(), 4321);
    EXPECT_EQ(ws.close_reason, "as told");
    EXPECT_EQ(ws.pings, 1U);
    auto dropped = connected(agent);
    dropped.send_text(order("drop", {}));
    EXPECT_EQ(dropped.wait_closed(), 1006);
    EXPECT_FALSE(dropped.raw().reset_by_peer());
    auto reset = connected(agent);
    reset.send_text(order("reset", {}));
    EXPECT_EQ(reset.wait_closed(), 1006);
    EXPECT_TRUE(reset.raw().reset_by_peer());
    auto raw = connected(agent);
    raw.send_text(order("raw", {{"hex", "8103616263"}}));
    EXPECT_EQ(raw.expect_message().data, "abc");
}

TEST(FakeAgentSocket, PingsAndClosesWith1012WhenStopped) {
    fake_agent_options options;
    options.ping_every = std::chrono::milliseconds{5};
    auto agent = std::make_unique<fake_agent>(options);
    auto ws = connected(*agent);
    EXPECT_TRUE(agent->wait_until([&](const traffic&) { return true; }));
    const auto f = ws.read_frame();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->op, ws_op::ping);
    agent.reset();
    EXPECT_EQ(ws.wait_closed(), 1012);
}

TEST(WebSocketClient, MakesTheAcceptValueOfTheStandard) {
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketClient, EncodesEveryLengthForm) {
    ws_frame f;
    f.masked = false;
    f.payload = "ab";
    EXPECT_EQ(hex(encode_frame(f)), "81026162");
    f.length_bytes = 2;
    EXPECT_EQ(hex(encode_frame(f)), "817e00026162");
    f.length_bytes = 8;
    f.fin = false;
    f.rsv = 4;
    EXPECT_EQ(hex(encode_frame(f)), "417f00000000000000026162");
}

} // namespace
} // namespace clawgate::support
