// The relay against an agent that does everything an upstream can do.

#include "component/gateway_fixture.hpp"

namespace clawgate::test {
namespace {

using testing::HasSubstr;

TEST(Relay, CarriesARequestAndItsAnswer) {
    gateway_under_test g;
    const auto r = g.ask_in("GET", "/test/echo?a=b", {{"X-Mine", "yes"}});
    ASSERT_EQ(r.status(), 200);
    const auto seen = json::parse(r.body);
    EXPECT_EQ(seen["target"], "/test/echo?a=b");
    EXPECT_THAT(seen["headers"].dump(), HasSubstr("X-Mine"));
}

TEST(Relay, TheAgentSeesItsOwnSecretAndNoTraceOfTheProxies) {
    gateway_under_test g;
    const auto r =
        g.ask_in("GET", "/test/echo",
                 {{"X-Forwarded-For", "1.2.3.4"}, {"CF-Ray", "x"}, {"Cookie", "clawgate-1=x; mine=1"}});
    ASSERT_EQ(r.status(), 200);
    EXPECT_THAT(r.body, HasSubstr("Bearer token-of-agent-1"));
    EXPECT_THAT(r.body, HasSubstr("mine=1"));
    for (const auto* gone : {"1.2.3.4", "CF-Ray", "clawgate-1", "Basic"})
        EXPECT_THAT(r.body, testing::Not(HasSubstr(gone)));
}

TEST(Relay, KeepsTheConnectionForManyRequestsAndReusesTheAgents) {
    gateway_under_test g;
    auto c = g.client();
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(c.request("GET", "/healthz", {basic()}).status(), 200);
    EXPECT_EQ(g.agent().seen().connections, 1u);
}

TEST(Relay, AnswersPipelinedRequestsInOrder) {
    gateway_under_test g;
    auto c = g.client();
    std::string all;
    for (int i = 0; i < 5; ++i)
        all += support::request_text("POST", "/test/echo?n=" + std::to_string(i), {basic()},
                                     "body" + std::to_string(i));
    c.send(all);
    for (int i = 0; i < 5; ++i) {
        const auto r = c.read_response();
        ASSERT_EQ(r.status(), 200);
        EXPECT_EQ(json::parse(r.body)["target"], "/test/echo?n=" + std::to_string(i));
        EXPECT_EQ(json::parse(r.body)["body_bytes"], 5);
    }
}

TEST(Relay, PipelinedChunkedBodiesDoNotRunIntoEachOther) {
    gateway_under_test g;
    auto c = g.client();
    const auto one = "POST /test/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAuthorization: " +
                     basic().value + "\r\n\r\n";
    const std::string big(30'000, 'x');
    c.send(one + "3\r\nabc\r\n0\r\n\r\n" + one + "7530\r\n" + big + "\r\n0\r\n\r\n" + one +
           "1\r\nz\r\n0\r\n\r\n");
    for (const auto expected : {3, 30'000, 1}) {
        const auto r = c.read_response();
        ASSERT_EQ(r.status(), 200);
        EXPECT_EQ(json::parse(r.body)["body_bytes"], expected);
    }
}

TEST(Relay, UploadsArriveWholeHoweverTheyAreFramed) {
    gateway_under_test g;
    const auto body = support::pattern_bytes(0, 3'000'000);
    const auto by_length = json::parse(g.ask_in("POST", "/test/upload", {}, body).body);
    EXPECT_EQ(by_length["body_sha256"], support::sha256_hex(body));

    auto c = g.client();
    c.send("POST /test/upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAuthorization: " +
           basic().value + "\r\n\r\n");
    for (std::size_t at = 0, n = 1; at < body.size(); at += n, n = n * 7 % 65'537 + 1) {
        const auto piece = body.substr(at, n);
        char size[20];
        std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
        c.send(size + piece + "\r\n");
    }
    c.send("0\r\n\r\n");
    EXPECT_EQ(json::parse(c.read_response().body)["body_sha256"], support::sha256_hex(body));
}

TEST(Relay, DownloadsArriveWholeHoweverTheyAreFramed) {
    gateway_under_test g;
    const auto expected = support::sha256_hex(support::pattern_bytes(0, 5'000'000));
    for (const auto* mode : {"length", "chunked", "close"}) {
        const auto r = g.ask_in("GET", std::string{"/test/body?bytes=5000000&chunk=10007&mode="} + mode);
        EXPECT_EQ(support::sha256_hex(r.body), expected) << mode;
    }
}

TEST(Relay, ABodyThatEndedByClosingIsEndedOnceAndTheConnectionGoesOn) {
    gateway_under_test g;
    auto c = g.client();
    for (int i = 0; i < 3; ++i) {
        const auto r = c.request("GET", "/test/body?bytes=20000&mode=close", {basic()});
        EXPECT_EQ(r.status(), 200);
        EXPECT_EQ(r.body, support::pattern_bytes(0, 20000));
        EXPECT_EQ(c.leftover(), "");
    }
}

TEST(Relay, FlushesTheHeadAndEachPieceAsItComes) {
    gateway_under_test g;
    auto c = g.client();
    // The agent waits two seconds before each piece: they can only be read one by one if nothing is held
    // back.
    c.send(support::request_text("GET", "/test/slow?piece_ms=300&pieces=3", {basic()}));
    EXPECT_EQ(c.read_head().status, 200);
    EXPECT_EQ(c.read_chunk(), "piece 0\n");
    EXPECT_FALSE(c.readable_within(std::chrono::milliseconds{50}));
    EXPECT_EQ(c.read_chunk(), "piece 1\n");
    EXPECT_EQ(c.read_chunk(), "piece 2\n");
    EXPECT_EQ(c.read_chunk(), "");
}

TEST(Relay, HeadHasNoBodyAndTheConnectionGoesOn) {
    gateway_under_test g;
    auto c = g.client();
    c.send(support::request_text("HEAD", "/test/body?bytes=1000", {basic()}));
    const auto r = c.read_response(true);
    EXPECT_EQ(r.status(), 200);
    EXPECT_EQ(r.get("Content-Length"), "1000");
    EXPECT_EQ(c.request("GET", "/healthz", {basic()}).status(), 200);
}

TEST(Relay, StatusesWithoutABodyHaveNone) {
    gateway_under_test g;
    auto c = g.client();
    for (const auto code : {204, 304, 200, 500}) {
        const auto r = c.request("GET", "/test/status?code=" + std::to_string(code), {basic()});
        EXPECT_EQ(r.status(), code);
        EXPECT_EQ(r.body.empty(), code == 204 || code == 304);
    }
}

TEST(Relay, TrailersPassBothWays) {
    gateway_under_test g;
    auto c = g.client();
    c.send("POST /test/trailers HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAuthorization: " +
           basic().value +
           "\r\n\r\n3\r\nabc\r\n0\r\nX-Mine: 1\r\nContent-Length: 99\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    const auto r = c.read_response();
    ASSERT_EQ(r.status(), 200);
    const auto seen = json::parse(r.body)["trailers"].dump();
    EXPECT_THAT(seen, HasSubstr("X-Mine"));
    EXPECT_THAT(seen, testing::Not(HasSubstr("6.6.6.6")));
    EXPECT_THAT(seen, testing::Not(HasSubstr("99")));
    ASSERT_EQ(r.trailers.size(), 2u);
    EXPECT_EQ(r.trailers[0].name, "X-Checksum");
}

TEST(Relay, EarlyHintsPass) {
    gateway_under_test g;
    const auto r = g.ask_in("GET", "/test/hints?times=3");
    EXPECT_EQ(r.status(), 200);
    ASSERT_EQ(r.informational.size(), 3u);
    EXPECT_EQ(r.informational[0].status, 103);
    EXPECT_EQ(r.informational[0].reason, "Early Hints");
    EXPECT_EQ(g.ask_in("GET", "/test/hints?times=100").status(), 502);
}

TEST(Relay, ContinueIsTheAgentsToGive) {
    gateway_under_test g;
    auto c = g.client();
    c.send(support::request_text("POST", "/test/continue",
                                 {basic(), {"Content-Length", "3"}, {"Expect", "100-continue"}}));
    EXPECT_EQ(c.read_head().status, 100);
    c.send("abc");
    EXPECT_EQ(json::parse(c.read_response().body)["body_bytes"], 3);

    auto never = g.client();
    never.send(support::request_text("POST", "/test/continue?never=1",
                                     {basic(), {"Content-Length", "3"}, {"Expect", "100-continue"}}));
    never.send("abc"); // as a client does that has waited long enough
    EXPECT_EQ(never.read_response().status(), 200);

    auto refused = g.client();
    refused.send(support::request_text("POST", "/test/continue?refuse=417",
                                       {basic(), {"Content-Length", "3"}, {"Expect", "100-continue"}}));
    const auto r = refused.read_response();
    EXPECT_EQ(r.status(), 417);
    EXPECT_EQ(r.get("Connection"), "close");
}

TEST(Relay, AnAnswerBeforeTheEndOfTheUploadReachesTheClient) {
    gateway_under_test g;
    for (const auto* keep : {"0", "1"}) {
        auto c = g.client();
        c.send(support::request_text("POST", std::string{"/test/early?status=413&keep="} + keep,
                                     {basic(), {"Content-Length", "50000000"}}));
        c.send_some(std::string(100'000, 'x'));
        EXPECT_EQ(c.read_response().status(), 413) << keep;
    }
}

TEST(Relay, AnAnswerThatBreaksOffDuringAnUploadEndsBoth) {
    gateway_under_test g;
    for (const auto* kind :
         {"truncated", "truncated-chunks", "chunk-size", "status-line", "half-head", "no-head"}) {
        auto c = g.client();
        const auto head = support::request_text("POST", std::string{"/test/garbage?kind="} + kind,
                                                {basic(), {"Content-Length", "50000000"}});
        c.send_some(head + std::string(100'000, 'x'));
        // A refusal, or half an answer and the end: never something that looks complete, and never a
        // connection that goes on.
        try {
            EXPECT_EQ(c.read_response().status(), 502) << kind;
        } catch (const support::client_error&) {
        }
        EXPECT_NO_THROW(static_cast<void>(c.read_to_end())) << kind;
    }
    EXPECT_TRUE(g.agent().wait_until([](const auto& t) { return t.open == 0; }));
    EXPECT_EQ(g.ask_in("GET", "/healthz").status(), 200);
}

TEST(Relay, SpeaksHttp10) {
    gateway_under_test g;
    auto c = g.client();
    c.send("GET /test/body?bytes=100&mode=chunked HTTP/1.0\r\nHost: h\r\nAuthorization: " + basic().value +
           "\r\n\r\n");
    const auto all = c.read_to_end();
    EXPECT_THAT(all, HasSubstr("Connection: close"));
    EXPECT_THAT(all, testing::Not(HasSubstr("chunked")));
    EXPECT_TRUE(all.ends_with(support::pattern_bytes(0, 100)));
}

TEST(Relay, KeepsHopByHopFieldsOfTheAnswerToItself) {
    gateway_under_test g;
    const auto r = g.ask_in("GET", "/test/headers");
    EXPECT_EQ(r.status(), 200);
    for (const auto* hop : {"X-Hop", "Proxy-Authenticate", "TE", "Upgrade", "Keep-Alive"})
        EXPECT_EQ(r.head.count(hop), 0u) << hop;
    EXPECT_EQ(r.head.count("Set-Cookie"), 2u);
    EXPECT_EQ(r.get("X-Case-Kept"), "Yes");
}

class RelayOfGarbage : public testing::TestWithParam<const char*> {};
TEST_P(RelayOfGarbage, IsABadGatewayAndNeverPassedOn) {
    gateway_under_test g;
    const auto r = g.ask_in("GET", std::string{"/test/garbage?kind="} + GetParam());
    EXPECT_EQ(r.status(), 502);
    EXPECT_EQ(error_code_of(r), "bad_upstream");
    EXPECT_EQ(g.ask_in("GET", "/healthz").status(), 200);
}
INSTANTIATE_TEST_SUITE_P(Heads, RelayOfGarbage,
                         testing::Values("status-line", "status-code", "version", "content-length",
                                         "negative-length", "huge-length", "two-lengths", "cl-and-te",
                                         "transfer-encoding", "nul", "bare-lf", "obs-fold", "header-line",
                                         "no-head", "half-head", "big-head", "unasked-101"),
                         [](const auto& i) {
                             std::string n{i.param};
                             std::erase(n, '-');
                             return n;
                         });

TEST(Relay, ABodyThatBreaksOffNeverLooksComplete) {
    gateway_under_test g;
    for (const auto* kind : {"truncated", "truncated-chunks", "chunk-size", "chunk-end"}) {
        auto c = g.client();
        c.send(support::request_text("GET", std::string{"/test/garbage?kind="} + kind, {basic()}));
        EXPECT_ANY_THROW(static_cast<void>(c.read_response())) << kind;
    }
}

TEST(Relay, BytesThatNobodyAskedForDoNotReachTheNextClient) {
    gateway_under_test g;
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(g.ask_in("GET", "/test/garbage?kind=extra").body, "ok");
    EXPECT_THAT(g.ask_in("GET", "/healthz").body, testing::Not(HasSubstr("evil")));
}

TEST(Relay, AClientThatLeavesEndsTheAgentsWork) {
    gateway_under_test g;
    {
        auto c = g.client();
        c.send(support::request_text("GET", "/test/hang", {basic()}));
        ASSERT_TRUE(g.agent().wait_until([](const auto& t) { return t.requests.size() == 1; }));
    }
    EXPECT_TRUE(g.agent().wait_until([](const auto& t) { return t.requests[0].peer_left; }));
}

TEST(Relay, AClientThatLeavesInMidStreamEndsTheAgentsWorkToo) {
    gateway_under_test g;
    {
        auto c = g.client();
        c.send(support::request_text("GET", "/test/slow?piece_ms=600000&pieces=2", {basic()}));
        ASSERT_EQ(c.read_head().status, 200); // and then the agent is silent
    }
    EXPECT_TRUE(g.agent().wait_until([](const auto& t) { return t.requests[0].peer_left; }));
}

TEST(Relay, AClosedIdleConnectionOfTheAgentFailsNoRequest) {
    gateway_under_test g;
    auto c = g.client();
    // Worse than an idle limit: it says keep-alive and closes at once.
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(c.request("GET", "/test/lying-keep-alive", {basic()}).status(), 200);
}

TEST(Relay, RepeatsOnlyWhatMayBeRepeated) {
    gateway_under_test g;
    auto c = g.client();
    ASSERT_EQ(c.request("GET", "/healthz", {basic()}).status(), 200);
    EXPECT_EQ(c.request("GET", "/test/drop-if-reused", {basic()}).status(),
              200); // a new connection, silently
    ASSERT_EQ(c.request("GET", "/healthz", {basic()}).status(), 200);
    const auto r = c.request("POST", "/test/drop-if-reused", {basic()}, "pay");
    EXPECT_EQ(r.status(), 502); // it may have been carried out
    EXPECT_EQ(g.ask_in("GET", "/test/drop-if-reused?always=1").status(), 502);
}

TEST(Relay, AResetIsABadGateway) {
    gateway_under_test g;
    EXPECT_EQ(g.ask_in("GET", "/test/reset").status(), 502);
    auto c = g.client();
    c.send(support::request_text("GET", "/test/reset?after=head", {basic()}));
    EXPECT_ANY_THROW(static_cast<void>(c.read_response()));
}

TEST(Relay, OneByteAtATimeIsEnough) {
    gateway_under_test g;
    const auto r = g.ask_in("GET", "/test/one-byte?interval_ms=1");
    EXPECT_EQ(r.body, "hello, world");
    auto c = g.client();
    for (const char b : support::request_text("POST", "/test/echo", {basic()}, "abc"))
        c.send({&b, 1});
    EXPECT_EQ(json::parse(c.read_response().body)["body_bytes"], 3);
}

TEST(Relay, ABodyOverItsLimitIsRefused) {
    gateway_options o;
    o.adjust = [](config& c) { c.max_body_bytes = 1000; };
    gateway_under_test g{o};
    EXPECT_EQ(g.ask_in("POST", "/test/upload", {}, std::string(1001, 'x')).status(), 413);
    EXPECT_EQ(g.ask_in("POST", "/test/upload", {}, std::string(1000, 'x')).status(), 200);
    auto c = g.client();
    c.send("POST /test/upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAuthorization: " +
           basic().value + "\r\n\r\n" + "258\r\n" + std::string(600, 'x') + "\r\n258\r\n" +
           std::string(600, 'x') + "\r\n0\r\n\r\n");
    EXPECT_EQ(c.read_response().status(), 413);
}

TEST(Relay, ABodyWithBrokenChunksIsRefusedAndTheAgentGetsNoEndOfIt) {
    gateway_under_test g;
    auto c = g.client();
    c.send("POST /test/upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAuthorization: " +
           basic().value + "\r\n\r\n3\r\nabcX\r\n");
    EXPECT_EQ(c.read_response().status(), 400);
    ASSERT_TRUE(g.agent().wait_until([](const auto& t) { return t.open == 0; }));
    for (const auto& r : g.agent().seen().requests)
        EXPECT_FALSE(r.body_complete);
}

TEST(Relay, AnAgentThatIsNotThereIsSaidToBeStarting) {
    gateway_options o;
    o.with_agents = false;
    gateway_under_test g{o};
    const auto program = g.ask_in("GET", "/v1/models");
    EXPECT_EQ(program.status(), 503);
    EXPECT_EQ(error_code_of(program), "agent_starting");
    EXPECT_EQ(program.get("Retry-After"), "3");
    const auto person =
        g.ask("GET", "/", {{"Cookie", g.log_in()}, {"Accept", "text/html"}, {"Sec-Fetch-Mode", "navigate"}});
    EXPECT_EQ(person.status(), 503);
    EXPECT_THAT(person.body, HasSubstr("http-equiv"));
}

// What of a body has not been read must not be taken for the next request.
class RelayToNobody : public testing::TestWithParam<std::pair<const char*, const char*>> {
protected:
    /// Everything that comes back for a request that holds another one in its body.
    static std::string answer_to(std::uint16_t port, std::string_view target, std::string_view lines,
                                 std::string_view body) {
        raw_client c{port};
        c.send("POST " + std::string{target} + " HTTP/1.1\r\nHost: h\r\nAuthorization: " + basic().value +
               "\r\n" + std::string{lines} + "\r\n\r\n" + std::string{body});
        return c.read_to_end();
    }
    static void expect_one_refusal(const std::string& answer) {
        EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 503 "));
        EXPECT_EQ(answer.find("HTTP/1.1", 1), answer.npos) << answer;
        EXPECT_THAT(answer, HasSubstr("Connection: close"));
    }
};
TEST_P(RelayToNobody, NeverTakesABodyForARequest) {
    gateway_options o;
    o.with_agents = false;
    gateway_under_test g{o};
    const auto [lines, body] = GetParam();
    expect_one_refusal(answer_to(g.port(), "/x", lines, body));
    expect_one_refusal(answer_to(g.model_port(), "/api/show", lines, body)); // nor does a model server listen
}
TEST_P(RelayToNobody, NorWhereAnAgentHasGoneAwayBehindAConnectionThatWasKept) {
    gateway_under_test g;
    ASSERT_EQ(g.ask_in("GET", "/healthz").status(), 200);
    g.agent().stop();
    const auto [lines, body] = GetParam();
    expect_one_refusal(answer_to(g.port(), "/x", lines, body));
}
INSTANTIATE_TEST_SUITE_P(
    Bodies, RelayToNobody,
    testing::Values(std::pair{"Content-Length: 43", "GET /_gateway/healthz HTTP/1.1\r\nHost: h\r\n\r\n"},
                    std::pair{"Content-Length: 430", "GET /_gateway/healthz HTTP/1.1\r\nHost: h\r\n\r\n"},
                    std::pair{"Transfer-Encoding: chunked",
                              "2b\r\nGET /_gateway/healthz HTTP/1.1\r\nHost: h\r\n\r\n\r\n0\r\n\r\n"},
                    std::pair{"Expect: 100-continue\r\nContent-Length: 43", ""},
                    std::pair{"Expect: 100-continue\r\nContent-Length: 43",
                              "GET /_gateway/healthz HTTP/1.1\r\nHost: h\r\n\r\n"},
                    std::pair{"Content-Length: 3",
                              "abcGET /_gateway/healthz HTTP/1.1\r\nHost: h\r\n\r\n"}));

TEST(Relay, ARequestWithoutABodyToNobodyLetsTheConnectionGoOn) {
    gateway_options o;
    o.with_agents = false;
    gateway_under_test g{o};
    auto c = g.client();
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(c.request("GET", "/x", {basic()}).status(), 503);
    EXPECT_EQ(c.request("GET", "/_gateway/healthz").status(), 200);
}

TEST(Relay, RecoversWhenTheAgentComesBack) {
    gateway_under_test g;
    ASSERT_EQ(g.ask_in("GET", "/healthz").status(), 200);
    auto o = fake_agent_options{};
    o.port = g.agent().port();
    o.secret = "token-of-agent-1";
    g.agent().stop();
    EXPECT_EQ(error_code_of(g.ask_in("GET", "/healthz")), "agent_down");
    const fake_agent again{o};
    EXPECT_EQ(g.ask_in("GET", "/healthz").status(), 200);
}

} // namespace
} // namespace clawgate::test
