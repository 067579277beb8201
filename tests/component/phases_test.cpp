// Every phase of a connection has its end: who is slow is told so where that is possible, and leaves a line
// in the log.

#include "component/captured_log.hpp"
#include "component/gateway_fixture.hpp"

#include <future>
#include <thread>

namespace clawgate::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

const header html{"Accept", "text/html"};

gateway_options with_limits(const std::function<void(phase_limits&)>& set) {
    gateway_options o;
    o.adjust = [set](config& c) { set(c.phases); };
    return o;
}

TEST(Phases, AHeadThatDoesNotEndIs408) {
    captured_log log;
    gateway_under_test g{with_limits([](auto& p) { p.head = seconds{1}; })};
    auto c = g.client();
    c.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    EXPECT_EQ(c.read_response().status(), 408);
    EXPECT_TRUE(c.ended());
    EXPECT_NE(log.line_with({"\"status\":408"}), "");
}

TEST(Phases, AConnectionThatAsksNothingMoreIsClosedWithoutAWord) {
    gateway_under_test g{with_limits([](auto& p) { p.next_request = seconds{1}; })};
    auto fresh = g.client();
    auto used = g.client();
    EXPECT_EQ(used.request("GET", "/healthz", {basic()}).status(), 200);
    EXPECT_TRUE(used.ended());
    EXPECT_TRUE(fresh.ended());
}

TEST(Phases, AFormThatDoesNotEndIs408AndLeavesItsLine) {
    captured_log log;
    gateway_under_test g{with_limits([](auto& p) { p.form = seconds{1}; })};
    auto c = g.client();
    c.send(support::request_text(
        "POST", "/_gateway/login",
        {{"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Length", "50"}}));
    c.send("password=corr");
    EXPECT_EQ(c.read_response().status(), 408);
    EXPECT_TRUE(c.ended());
    EXPECT_NE(log.line_with({"/_gateway/login", "\"status\":408"}), "");
    EXPECT_EQ(log.text().find("corr"), std::string::npos);
}

TEST(Phases, AnUploadThatStallsIs408) {
    captured_log log;
    gateway_under_test g{with_limits([](auto& p) { p.client_bytes = seconds{1}; })};
    auto c = g.client();
    c.send(support::request_text("POST", "/test/upload", {basic(), {"Content-Length", "100000"}}));
    c.send(std::string(50'000, 'x'));
    EXPECT_EQ(c.read_response().status(), 408);
    EXPECT_TRUE(g.agent().wait_until([](const auto& t) { return t.open == 0; }));
    EXPECT_NE(log.line_with({"/test/upload", "\"status\":408"}), "");
}

TEST(Phases, AClientThatDoesNotReadIsCutOff) {
    captured_log log;
    gateway_under_test g{with_limits([](auto& p) { p.client_bytes = seconds{1}; })};
    support::raw_client_options o;
    o.port = g.port();
    o.receive_buffer = 8 * 1024;
    raw_client c{o};
    c.send(support::request_text("GET", "/test/body?bytes=100000000", {basic()}));
    EXPECT_TRUE(g.agent().wait_until([](const auto& t) { return t.total_requests == 1 && t.open == 0; }));
    EXPECT_NE(log.line_with({"/test/body", "\"error\""}), "");
    EXPECT_LT(c.read_to_end().size(), 100'000'000u);
}

TEST(Phases, AClientThatReadsSlowlyButSteadilyIsNotCutOff) {
    gateway_under_test g{with_limits([](auto& p) { p.client_bytes = seconds{2}; })};
    support::raw_client_options o;
    o.port = g.port();
    o.receive_buffer = 8 * 1024;
    raw_client c{o};
    c.send(support::request_text("GET", "/test/body?bytes=100000000", {basic()}));
    EXPECT_EQ(c.read_head().status, 200);
    // The kernel holds megabytes: at this pace the gateway can write nothing more for minutes.
    for (int i = 0; i < 12; ++i) {
        ASSERT_EQ(c.read_exactly(30'000).size(), 30'000u);
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
    }
    EXPECT_EQ(g.agent().seen().open, 1u);
}

TEST(Phases, TheWaitForAVerdictIsNotTheFormsTime) {
    gateway_under_test g{with_limits([](auto& p) { p.form = seconds{1}; })};
    std::promise<void> let_go;
    auth::candidate other{1, boost::asio::ip::make_address("198.51.100.1"), {}, secret{"wrong"}};
    g.server().state().desk.verify(std::move(other), [busy = let_go.get_future().share()](auto) { busy.wait(); });
    auto c = g.client();
    c.send(support::request_text("POST", "/_gateway/login", {{"Content-Type", "application/x-www-form-urlencoded"}},
                                 "password=wrong"));
    EXPECT_FALSE(c.readable_within(std::chrono::milliseconds{2500}));
    let_go.set_value();
    EXPECT_EQ(c.read_response().status(), 401);
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(c.request("GET", "/healthz", {basic()}).status(), 200) << "the connection goes on";
}

TEST(Phases, AnAgentThatNeverAnswersIs504ForAProgram) {
    captured_log log;
    gateway_under_test g{with_limits([](auto& p) { p.agent = seconds{1}; })};
    const auto r = g.ask_in("GET", "/test/hang");
    EXPECT_EQ(r.status(), 504);
    EXPECT_EQ(error_code_of(r), "timeout");
    EXPECT_NE(log.line_with({"/test/hang", "\"status\":504"}), "");
}

TEST(Phases, AnAgentThatFallsSilentInItsAnswerEndsIt) {
    gateway_under_test g{with_limits([](auto& p) { p.agent = seconds{1}; })};
    auto c = g.client();
    c.send(support::request_text("GET", "/test/slow?piece_ms=600000&pieces=2", {basic()}));
    EXPECT_EQ(c.read_head().status, 200);
    EXPECT_THAT(c.read_to_end(), testing::Not(HasSubstr("0\r\n\r\n")));
    EXPECT_TRUE(c.reset_by_peer());
}

TEST(Phases, APersonWhoseAgentNeverAnswersGetsTheWaitingPage) {
    gateway_under_test g{with_limits([](auto& p) { p.page = seconds{1}; })};
    const auto cookie = g.log_in();
    const auto page = g.ask("GET", "/test/hang", {{"Cookie", cookie}, html, {"Sec-Fetch-Mode", "navigate"}});
    EXPECT_EQ(page.status(), 503);
    EXPECT_THAT(page.get("Content-Type"), HasSubstr("text/html"));
    EXPECT_NE(page.get("Retry-After"), "");
    // The limit ends with the head: what a page sends slowly after that is sent on.
    const auto slow = g.ask("GET", "/test/slow?piece_ms=1200&pieces=2",
                            {{"Cookie", cookie}, html, {"Sec-Fetch-Mode", "navigate"}});
    EXPECT_EQ(slow.body, "piece 0\npiece 1\n");
}

TEST(Phases, ATunnelWithoutAConnectRequestIsClosedWithAReason) {
    captured_log log;
    gateway_under_test g{with_limits([](auto& p) {
        p.stranger_message = seconds{1};
        p.first_message = seconds{2};
    })};
    ws_client dashboard{g.port(), "/", {{"Origin", g.origin()}, {"Cookie", g.log_in()}}};
    ws_client stranger{g.port(), "/"};
    for (auto* ws : {&stranger, &dashboard}) {
        ASSERT_TRUE(ws->connected());
        EXPECT_EQ(ws->wait_closed(), 1008);
        EXPECT_THAT(ws->close_reason, HasSubstr("did not come in time"));
    }
    EXPECT_NE(log.line_with({"\"tunnel\"", "1008", "did not come in time", "\"connect\""}), "");
    EXPECT_TRUE(g.agent().wait_until([](const auto& t) { return t.open == 0; }));
    for (const auto& s : g.agent().seen().sockets)
        EXPECT_EQ(s.first_message, "");
    EXPECT_TRUE((ws_client{g.port(), "/"}.connected())) << "its place is free again";
}

TEST(Phases, ATunnelWhoseClientTakesLittleGoesOn) {
    gateway_under_test g{with_limits([](auto& p) { p.tunnel_write = seconds{2}; })};
    support::raw_client_options o;
    o.port = g.port();
    o.receive_buffer = 8 * 1024;
    ws_client ws{o, "/", {{"Origin", g.origin()}, {"Cookie", g.log_in()}}};
    ASSERT_TRUE(ws.connected());
    static_cast<void>(ws.expect_message());
    ws.send_text(connect_message(nullptr));
    static_cast<void>(ws.expect_message());
    ws.send_text(
        R"({"type":"req","id":"2","method":"push","params":{"bytes":1000000,"count":50,"interval_ms":0}})");
    for (int i = 0; i < 12; ++i) {
        ASSERT_EQ(ws.raw().read_exactly(30'000).size(), 30'000u);
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
    }
    EXPECT_FALSE(g.agent().seen().sockets[0].ended);
}

TEST(Phases, ATunnelWhoseClientTakesNothingEnds) {
    gateway_under_test g{with_limits([](auto& p) { p.tunnel_write = seconds{1}; })};
    support::raw_client_options o;
    o.port = g.port();
    o.receive_buffer = 8 * 1024;
    ws_client ws{o, "/", {{"Origin", g.origin()}, {"Cookie", g.log_in()}}};
    ASSERT_TRUE(ws.connected());
    static_cast<void>(ws.expect_message());
    ws.send_text(connect_message(nullptr));
    static_cast<void>(ws.expect_message());
    ws.send_text(
        R"({"type":"req","id":"2","method":"push","params":{"bytes":1000000,"count":50,"interval_ms":0}})");
    EXPECT_TRUE(g.agent().wait_until([](const auto& t) { return !t.sockets.empty() && t.sockets[0].ended; }));
}

TEST(LogLines, OfAHeadCountNoBody) {
    captured_log log;
    gateway_under_test g;
    auto c = g.client();
    for (const auto* target : {"/_gateway/healthz", "/test/body?bytes=100"}) {
        c.send(support::request_text("HEAD", target, {basic()}));
        EXPECT_EQ(c.read_response(true).status(), 200);
        EXPECT_THAT(log.line_with({"\"access\"", "\"HEAD\"", target}), HasSubstr("\"bytes_out\":0,"));
    }
}

TEST(LogLines, AnAgentsRefusalOfAWebSocketIsThereWithItsReason) {
    captured_log log;
    gateway_options o;
    o.agent.pairing_required = true;
    gateway_under_test g{o};
    ws_client ws{g.port(), "/", {{"Origin", g.origin()}, {"Cookie", g.log_in()}}};
    static_cast<void>(ws.expect_message());
    ws.send_text(connect_message(nullptr));
    EXPECT_EQ(ws.wait_closed(), 1008);
    ws.raw().close();
    const auto warning = log.line_with({"the agent refused a WebSocket"});
    EXPECT_THAT(warning, HasSubstr("pairing required"));
    EXPECT_THAT(warning, HasSubstr("agent_1"));
    EXPECT_THAT(log.line_with({"\"tunnel\"", "1008"}), HasSubstr("pairing required"));
}

} // namespace
} // namespace clawgate::test
