// WebSockets through the gateway: the connect frame, what passes, and how tunnels end.

#include "component/gateway_fixture.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace clawgate::test {
namespace {

using testing::HasSubstr;

/// A dashboard with a session, after its challenge.
ws_client dashboard(const gateway_under_test& g, const std::string& cookie, std::string_view path = "/") {
    ws_client ws{
        g.port(),
        path,
        {{"Origin", g.origin()}, {"Cookie", cookie}, {"Sec-WebSocket-Extensions", "permessage-deflate"}}};
    EXPECT_TRUE(ws.connected()) << ws.handshake().status();
    EXPECT_EQ(json::parse(ws.expect_message().data)["event"], "connect.challenge");
    return ws;
}

void expect_hello(ws_client& ws) {
    const auto m = json::parse(ws.expect_message().data);
    EXPECT_EQ(m.value("/payload/type"_json_pointer, "none"), "hello-ok") << m.dump();
}

/// params.auth with a password; an initializer list of one pair would become an array.
json auth_with(const json& value) {
    auto auth = json::object();
    auth["password"] = value;
    return auth;
}

ws_client connected(const gateway_under_test& g, const std::string& cookie) {
    auto ws = dashboard(g, cookie);
    ws.send_text(connect_message(nullptr));
    expect_hello(ws);
    return ws;
}

TEST(Tunnel, TheDashboardConnectsWithoutKnowingAnySecret) {
    gateway_under_test g;
    auto ws = connected(g, g.log_in());
    ws.send_text("hello");
    EXPECT_EQ(ws.expect_message().data, "hello");
    const auto seen = g.agent().seen().sockets.at(0);
    EXPECT_TRUE(seen.authenticated);
    EXPECT_THAT(seen.first_message, HasSubstr("token-of-agent-1"));
    EXPECT_EQ(seen.head.count("Sec-WebSocket-Extensions"), 0u);
    EXPECT_EQ(seen.head.count("Cookie"), 0u);
}

TEST(Tunnel, AConnectRequestMayComeInPiecesAndAsBinary) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    for (const bool text : {true, false}) {
        auto ws = dashboard(g, cookie);
        ws.send_fragmented(connect_message({{"deviceToken", "stale"}, {"password", "whatever"}}), 5, text,
                           true);
        expect_hello(ws);
    }
}

TEST(Tunnel, LargeMessagesPassUntouchedBothWays) {
    gateway_under_test g;
    auto ws = connected(g, g.log_in());
    const auto data = support::pattern_bytes(0, 5'000'000);
    std::thread sender{[&] { ws.send_binary(data); }};
    const auto back = ws.expect_message();
    sender.join();
    EXPECT_EQ(support::sha256_hex(back.data), support::sha256_hex(data));
}

TEST(Tunnel, AFirstMessageThatIsNoConnectIsTheAgentsToRefuse) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    auto ws = dashboard(g, cookie);
    ws.send_text(R"({"type":"req","id":"1","method":"chat.send"})");
    EXPECT_EQ(ws.wait_closed(), 1008);
    auto large = dashboard(g, cookie);
    large.send_text(std::string(65 * 1024, 'x'));
    EXPECT_EQ(large.wait_closed(), 1009);
    auto unmasked = dashboard(g, cookie);
    unmasked.send_frame({.op = support::ws_op::text, .payload = "{}", .masked = false});
    EXPECT_EQ(unmasked.wait_closed(), 1002);
}

TEST(Tunnel, TheAgentsReasonForClosingReachesTheClient) {
    gateway_options o;
    o.agent.pairing_required = true;
    gateway_under_test g{o};
    auto ws = dashboard(g, g.log_in());
    ws.send_text(connect_message(nullptr));
    EXPECT_EQ(ws.wait_closed(), 1008);
    EXPECT_THAT(ws.close_reason, HasSubstr("pairing required"));
}

TEST(Tunnel, TheMainSocketIsKnownHoweverItsPathIsSpelled) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    for (const auto* path : {"/%2e", "/x/..", "//", "/?x=1"}) {
        ws_client ws{g.port(), path, {{"Origin", g.origin()}, {"Cookie", cookie}}};
        ASSERT_TRUE(ws.connected()) << path;
        ws.send_text(connect_message(nullptr));
        EXPECT_TRUE(g.agent().wait_until([](const auto& t) {
            return t.sockets.back().first_message.find("token-of-agent-1") != std::string::npos;
        })) << path;
        EXPECT_EQ(ws_client(g.port(), path).handshake().status(), path[1] == '?' ? 101 : 401)
            << "but to authenticate there it must be the very root";
    }
}

TEST(Tunnel, OtherSocketsOfTheAgentPassUnchanged) {
    gateway_under_test g;
    ws_client ws{g.port(), "/desktop/observe", {{"Origin", g.origin()}, {"Cookie", g.log_in()}}};
    ASSERT_TRUE(ws.connected());
    ws.send_binary(std::string("\x00\x01\x02", 3));
    EXPECT_EQ(ws.expect_message().data, std::string("\x00\x01\x02", 3));
}

TEST(Tunnel, NeedsACredentialAndAnOriginOfThisPort) {
    gateway_options o;
    o.agents = 2;
    gateway_under_test g{o};
    const auto cookie = g.log_in();
    const auto status = [&](std::vector<header> h, std::string_view path = "/") {
        return ws_client{g.port(), path, h}.handshake().status();
    };
    EXPECT_EQ(status({{"Origin", g.origin()}}), 401);
    EXPECT_EQ(status({{"Origin", g.origin(2)}, {"Cookie", cookie}}), 403);
    EXPECT_EQ(status({{"Origin", "https://evil.example"}, {"Cookie", cookie}}), 403);
    EXPECT_EQ(status({{"Origin", "null"}, {"Cookie", cookie}}), 403);
    EXPECT_EQ(status({{"Cookie", cookie}}), 403);
    EXPECT_EQ(status({{"Origin", "https://evil.example"}, basic()}), 403);
    EXPECT_EQ(status({}, "/browser/screencast"), 401);
    EXPECT_EQ(status({basic("wrong")}), 401);
    EXPECT_EQ(status({basic()}), 101);
    EXPECT_EQ(g.agent().seen().sockets.size(), 1u);
}

TEST(Tunnel, ANativeClientShowsThePasswordInItsConnectFrame) {
    gateway_under_test g;
    ws_client ws{g.port(), "/"};
    ASSERT_TRUE(ws.connected());
    static_cast<void>(ws.expect_message());
    ws.send_text(native_connect_message(auth_with(password)));
    expect_hello(ws);
    EXPECT_THAT(g.agent().seen().sockets.at(0).first_message, testing::Not(HasSubstr(password)));

    for (const auto& auth : {auth_with("wrong"), json(nullptr), auth_with(7)}) {
        ws_client stranger{g.port(), "/"};
        static_cast<void>(stranger.expect_message());
        stranger.send_text(native_connect_message(auth));
        EXPECT_EQ(stranger.wait_closed(), 1008);
        EXPECT_THAT(stranger.close_reason, HasSubstr("unauthorized"));
    }
    for (const auto& s : g.agent().seen().sockets)
        EXPECT_THAT(s.first_message, testing::Not(HasSubstr("wrong")));
}

TEST(Tunnel, FewStrangersMayBeOpenAtOnce) {
    gateway_under_test g;
    ws_client a{g.port(), "/"}, b{g.port(), "/"}, c{g.port(), "/"};
    EXPECT_TRUE(a.connected());
    EXPECT_TRUE(b.connected());
    EXPECT_EQ(c.handshake().status(), 429);
    // Whoever has authenticated makes room.
    static_cast<void>(a.expect_message());
    a.send_text(native_connect_message(auth_with(password)));
    expect_hello(a);
    EXPECT_TRUE((ws_client{g.port(), "/"}.connected()));
}

TEST(Tunnel, StrangersOfOneMachineAreOneWhateverAddressTheyComeFrom) {
    gateway_under_test g;
    const auto from = [&](const char* source) {
        support::raw_client_options o;
        o.port = g.port();
        o.source = source;
        return ws_client{o, "/"};
    };
    const auto a = from("127.0.0.2"), b = from("127.0.0.3");
    EXPECT_TRUE(a.connected());
    EXPECT_TRUE(b.connected());
    EXPECT_EQ(from("127.0.0.4").handshake().status(), 429);
}

TEST(Tunnel, CountsAgainstItsClientsLimitForAsLongAsItLives) {
    gateway_options o;
    o.adjust = [](config& c) { c.max_connections_per_client = 2; };
    gateway_under_test g{o};
    const auto cookie = g.log_in();
    auto a = std::make_unique<ws_client>(connected(g, cookie));
    const auto b = connected(g, cookie);
    EXPECT_ANY_THROW(static_cast<void>(g.ask("GET", "/ping")));
    a.reset();
    EXPECT_TRUE(eventually([&] {
        try {
            return g.ask("GET", "/ping").status() == 200;
        } catch (const support::client_error&) {
            return false;
        }
    }));
}

TEST(Tunnel, LoggingOutClosesItWithAWordToLogInAgain) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    auto ws = connected(g, cookie);
    EXPECT_EQ(g.ask("POST", "/_gateway/logout", {{"Cookie", cookie}, {"Origin", g.origin()}}).status(), 303);
    EXPECT_EQ(ws.wait_closed(), 4401);
}

TEST(Tunnel, ItsSessionsAbsoluteEndClosesIt) {
    gateway_options o;
    o.adjust = [](config& c) { c.session_lifetime = std::chrono::seconds{2}; };
    gateway_under_test g{o};
    auto ws = connected(g, g.log_in());
    EXPECT_EQ(ws.wait_closed(), 4401);
}

TEST(Tunnel, AnAgentThatGoesAwayIsSaidToRestart) {
    gateway_under_test g;
    auto ws = connected(g, g.log_in());
    ws.send_text(R"({"type":"req","id":"2","method":"drop"})");
    EXPECT_EQ(ws.wait_closed(), 1012);
}

TEST(Tunnel, AClientThatLeavesFreesTheAgent) {
    gateway_under_test g;
    { auto ws = connected(g, g.log_in()); }
    // It gets the end of the connection, not a close frame of ours.
    EXPECT_TRUE(g.agent().wait_until([](const auto& t) { return !t.sockets.empty() && t.sockets[0].ended; }));
}

TEST(Drain, FinishesRequestsAndClosesTunnelsWith1012) {
    gateway_under_test g;
    auto ws = connected(g, g.log_in());
    auto slow = g.client();
    slow.send(support::request_text("GET", "/test/slow?head_ms=600&piece_ms=10&pieces=2", {basic()}));
    auto idle = g.client();
    ASSERT_EQ(idle.request("GET", "/healthz", {basic()}).status(), 200);
    ASSERT_TRUE(g.agent().wait_until([](const auto& t) { return t.total_requests >= 2; }));

    std::thread stopper{[&] { g.server().stop(std::chrono::seconds{8}); }};
    EXPECT_EQ(ws.wait_closed(), 1012);
    const auto r = slow.read_response();
    EXPECT_EQ(r.status(), 200);
    EXPECT_EQ(r.get("Connection"), "close");
    EXPECT_EQ(r.body, "piece 0\npiece 1\n");
    EXPECT_TRUE(idle.ended());
    stopper.join();
}

TEST(Drain, ClosesInOrderTooWhenTheAgentTakesNoBytes) {
    gateway_under_test g;
    auto ws = connected(g, g.log_in());
    ws.send_text(R"({"type":"req","id":"2","method":"deaf","params":{"ms":600000}})");
    // Until nobody on the way takes any more; the last message stays without its end.
    const std::string piece(1'000'000, 'x');
    ws.raw().send_some(support::encode_frame({.op = support::ws_op::binary, .payload = piece}));
    for (int idle = 0; idle < 5;) {
        idle = ws.raw().send_some(piece) > 0 ? 0 : idle + 1;
        EXPECT_FALSE(ws.raw().readable_within(std::chrono::milliseconds{idle > 0 ? 50 : 0}));
    }
    ws.answer_close = false;
    std::thread stopper{[&] { g.server().stop(std::chrono::seconds{8}); }};
    EXPECT_EQ(ws.wait_closed(), 1012);
    // It may say the rest, and then answer: it is read, although it goes nowhere.
    EXPECT_NO_THROW(ws.raw().send(std::string(20'000'000, 'x')));
    ws.raw().close();
    stopper.join();
}

TEST(Drain, StopsForGoodAtItsLimit) {
    gateway_under_test g;
    auto c = g.client();
    c.send(support::request_text("GET", "/test/hang", {basic()}));
    ASSERT_TRUE(g.agent().wait_until([](const auto& t) { return t.total_requests == 1; }));
    g.server().stop(std::chrono::seconds{0});
    EXPECT_EQ(c.read_response().status(), 504); // told, and the line in the log is written
    EXPECT_TRUE(c.ended());
}

/// Can this user open one more listener on `port`, sharing it as SO_REUSEPORT allows?
bool port_can_be_shared(std::uint16_t port) {
    const int s = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool bound = ::bind(s, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
    ::close(s);
    return bound;
}

TEST(Listeners, AnAgentOfTheGatewaysOwnUserCannotShareItsPorts) {
    gateway_options o;
    o.adjust = [](config& c) { std::filesystem::create_directories(c.workspace + "/agents/agent_1"); };
    gateway_under_test g{o};
    EXPECT_FALSE(port_can_be_shared(g.port()));
    auto a = g.client(), b = g.client(), c = g.client(); // more than there are workers
    for (auto* x : {&a, &b, &c})
        EXPECT_EQ(x->request("GET", "/healthz", {basic()}).status(), 200);
    auto ws = connected(g, g.log_in());

    gateway_under_test apart;
    EXPECT_TRUE(port_can_be_shared(apart.port()));
}

TEST(Listeners, ANameWithoutAnAddressIsSaidAtTheStart) {
    gateway_options o;
    o.with_agents = false;
    o.adjust = [](config& c) { c.agents[0].backend_host = "agent-1.invalid"; };
    try {
        gateway_under_test g{o};
        FAIL() << "it started";
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), HasSubstr("agent-1.invalid"));
    }
}

TEST(Listeners, ASecondGatewayOnTheSamePortsDoesNotStart) {
    gateway_under_test g;
    gateway_options o;
    const auto taken = g.port();
    o.adjust = [taken](config& c) { c.agents[0].port = taken; };
    try {
        gateway_under_test second{o};
        FAIL() << "it shares the port";
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), HasSubstr(std::to_string(taken)));
    }
}

} // namespace
} // namespace clawgate::test
