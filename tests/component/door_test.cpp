// Who gets in: heads, credentials, sessions, origins, the control port.

#include "component/captured_log.hpp"
#include "component/gateway_fixture.hpp"

#include <sodium.h>

namespace clawgate::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const header navigate{"Sec-Fetch-Mode", "navigate"};
const header html{"Accept", "text/html,application/xhtml+xml"};

TEST(Door, AStrangerGetsTheLoginPageOrA401AndNothingElse) {
    gateway_under_test g;
    const auto page = g.ask("GET", "/overview?tab=1", {navigate, html});
    EXPECT_EQ(page.status(), 303);
    EXPECT_EQ(page.get("Location"), "/_gateway/login?next=%2Foverview%3Ftab%3D1");
    for (const auto* asset : {"/assets/index.js", "/sw.js", "/manifest.json", "/api/channels"}) {
        const auto r = g.ask("GET", asset, {{"Accept", "*/*"}});
        EXPECT_EQ(r.status(), 401) << asset;
        EXPECT_EQ(r.get("Cache-Control"), "no-store");
        EXPECT_EQ(error_code_of(r), "unauthorized");
        EXPECT_EQ(r.head.count("WWW-Authenticate"), 0u);
    }
    const auto asked_by_dashboard =
        g.ask("HEAD", "/control-ui-config.json", {{"Sec-Fetch-Mode", "same-origin"}});
    EXPECT_EQ(asked_by_dashboard.status(), 302);
    EXPECT_EQ(g.agent().seen().total_requests, 0u);
}

TEST(Door, ASecretInAQueryGoesNeitherIntoTheWayToTheLoginPageNorIntoTheLog) {
    captured_log log;
    gateway_under_test g;
    const auto page = g.ask("GET", "/overview?token=SECRET1&tab=1", {navigate, html});
    EXPECT_EQ(page.get("Location"), "/_gateway/login?next=%2Foverview%3Ftab%3D1");
    const auto login = g.ask("GET", "/_gateway/login?next=%2Foverview%3Ftoken%3DSECRET2", {navigate, html});
    EXPECT_EQ(login.status(), 200);
    EXPECT_EQ(g.ask("GET", "/_gateway/login?next=%252Fo%253Fpassword%253DSECRET3", {navigate, html}).status(),
              200);
    EXPECT_NE(log.line_with({"/_gateway/login?next=***"}), "");
    EXPECT_EQ(g.ask("GET", "/ping").status(), 200);
    EXPECT_NE(log.line_with({"/ping"}), "");
    EXPECT_THAT(log.text(), testing::Not(HasSubstr("SECRET")));
}

class DoorRefusesHeads : public testing::TestWithParam<std::string> {};
TEST_P(DoorRefusesHeads, With400AndNoWordToTheAgent) {
    gateway_under_test g;
    auto c = g.client();
    c.send(GetParam());
    const auto r = c.read_response();
    EXPECT_EQ(r.status(), 400);
    EXPECT_EQ(r.get("Connection"), "close");
    EXPECT_TRUE(c.ended());
    EXPECT_EQ(g.agent().seen().total_requests, 0u);
}
INSTANTIATE_TEST_SUITE_P(
    Smuggling, DoorRefusesHeads,
    testing::Values("GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
                    "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
                    "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"));

TEST(Door, BoundsTheHead) {
    gateway_under_test g;
    EXPECT_EQ(g.ask_in("GET", "/healthz", {{"X-Long", std::string(30'000, 'x')}}).status(), 200);
    EXPECT_EQ(g.ask_in("GET", "/healthz", {{"X-Long", std::string(40'000, 'x')}}).status(), 431);
    auto c = g.client();
    c.send("GET / HTTP/2.0\r\nHost: a\r\n\r\n");
    EXPECT_EQ(c.read_response().status(), 505);
}

TEST(Door, TakesThePasswordAsBasicAndAsBearer) {
    gateway_under_test g;
    EXPECT_EQ(g.ask("GET", "/control-ui-config.json", {basic()}).status(), 200);
    EXPECT_EQ(g.ask("GET", "/control-ui-config.json", {{"Authorization", "Bearer correct horse"}}).status(),
              200);
    EXPECT_EQ(g.ask("GET", "/control-ui-config.json", {{"Authorization", "Bearer correct horsE"}}).status(),
              401);
}

TEST(Door, TheAgentsOwnTokenOpensItFromThisMachineOnly) {
    gateway_under_test g;
    const header token{"Authorization", "Bearer token-of-agent-1"};
    EXPECT_EQ(g.ask("GET", "/control-ui-config.json", {token}).status(), 200);
    EXPECT_EQ(g.ask("GET", "/control-ui-config.json", {token, {"X-Forwarded-For", "1.2.3.4"}}).status(), 401);
}

TEST(Door, LocksOutAGuesserAndNobodyWithASession) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(g.ask("GET", "/", {basic("guess " + std::to_string(i))}).status(), 401);
    const auto locked = g.ask("GET", "/", {basic("another")});
    EXPECT_EQ(locked.status(), 429);
    EXPECT_GT(std::stoi(locked.get("Retry-After")), 200);
    EXPECT_EQ(g.ask_in("GET", "/").status(), 429); // the right one too: a guess must not be confirmed
    EXPECT_EQ(g.ask("GET", "/overview", {{"Cookie", cookie}}).status(), 200);
    const auto page =
        g.ask("POST", "/_gateway/login", {html, {"Content-Type", "application/x-www-form-urlencoded"}},
              "password=correct+horse");
    EXPECT_EQ(page.status(), 429);
    EXPECT_THAT(page.body, HasSubstr("<html"));
}

TEST(Door, AStaleDeviceTokenIsNotAGuess) {
    gateway_under_test g;
    for (int i = 0; i < 30; ++i)
        EXPECT_EQ(
            g.ask("GET", "/control-ui-config.json",
                  {{"Authorization", "Bearer device" + std::to_string(i)}, {"Sec-Fetch-Site", "same-origin"}})
                .status(),
            401);
    EXPECT_EQ(g.ask_in("GET", "/").status(), 200);
    // Nor is it a way to guess without being counted.
    EXPECT_EQ(g.ask("GET", "/control-ui-config.json",
                    {{"Authorization", "Bearer correct horse"}, {"Sec-Fetch-Site", "same-origin"}})
                  .status(),
              401);
}

TEST(Door, LogsInLogsOutAndKeepsNextLocal) {
    gateway_under_test g;
    const auto page = g.ask("GET", "/_gateway/login?next=%2Foverview", {html, {"Accept-Language", "pt-BR"}});
    EXPECT_EQ(page.status(), 200);
    EXPECT_THAT(page.body, HasSubstr("Senha (não é armazenada)"));
    EXPECT_THAT(g.ask("GET", "/_gateway/login").body, HasSubstr("Password (not stored)"));

    const header form{"Content-Type", "application/x-www-form-urlencoded"};
    const header origin{"Origin", g.origin()};
    const auto in =
        g.ask("POST", "/_gateway/login", {form, origin}, "password=correct+horse&next=%2Foverview%3Fa%3D1");
    EXPECT_EQ(in.status(), 303);
    EXPECT_EQ(in.get("Location"), "/overview?a=1");
    EXPECT_THAT(in.get("Set-Cookie"), HasSubstr("HttpOnly"));
    const auto cookie = cookie_of(in);
    EXPECT_THAT(cookie, StartsWith("clawgate-" + std::to_string(g.port()) + "="));
    EXPECT_EQ(g.ask("POST", "/_gateway/login", {form, origin},
                    "password=correct+horse&next=https%3A%2F%2Fevil.example")
                  .get("Location"),
              "/");
    EXPECT_EQ(g.ask("POST", "/_gateway/login", {form, origin, html}, "password=wrong").status(), 401);

    EXPECT_EQ(g.ask("GET", "/overview", {{"Cookie", cookie}}).status(), 200);
    const auto out = g.ask("POST", "/_gateway/logout", {{"Cookie", cookie}, origin});
    EXPECT_EQ(out.status(), 303);
    EXPECT_EQ(g.ask("GET", "/overview", {{"Cookie", cookie}}).status(),
              401); // and the cookie is worth nothing any more
}

TEST(Door, AFormOfAnotherSiteIsRefused) {
    gateway_under_test g;
    const header form{"Content-Type", "application/x-www-form-urlencoded"};
    for (const auto* origin : {"https://evil.example", "null"}) {
        const auto r = g.ask("POST", "/_gateway/login", {form, {"Origin", origin}}, "password=correct+horse");
        EXPECT_EQ(r.status(), 403) << origin;
        EXPECT_EQ(r.head.count("Set-Cookie"), 0u);
    }
    EXPECT_EQ(
        g.ask("POST", "/_gateway/login", {form, {"Sec-Fetch-Site", "same-site"}}, "password=correct+horse")
            .status(),
        403);
}

TEST(Door, ACookieOfOneAgentOpensNoOther) {
    gateway_options o;
    o.agents = 2;
    gateway_under_test g{o};
    const auto cookie = g.log_in(g.port(1));
    const auto value = cookie.substr(cookie.find('='));
    raw_client second{g.port(2)};
    EXPECT_EQ(
        second.request("GET", "/overview", {{"Cookie", "clawgate-" + std::to_string(g.port(2)) + value}})
            .status(),
        401);
}

TEST(Door, AnAgentWithItsOwnPasswordTakesNoOther) {
    gateway_options o;
    o.agents = 2;
    o.variables["OPENCLAW_AGENT_2_WEB_PASSWORD"] = "only for two";
    gateway_under_test g{o};
    EXPECT_EQ(g.log_in(g.port(2)), "");
    EXPECT_NE(g.log_in(g.port(2), "only for two"), "");
    EXPECT_EQ(g.log_in(g.port(1), "only for two"), "");
}

TEST(Door, AHashedPasswordWorksLikeAPlainOne) {
    char hash[crypto_pwhash_STRBYTES];
    const std::string secret_word{"only its hash is known"};
    ASSERT_EQ(crypto_pwhash_str(hash, secret_word.data(), secret_word.size(), crypto_pwhash_OPSLIMIT_MIN,
                                crypto_pwhash_MEMLIMIT_MIN),
              0);
    gateway_options o;
    o.variables["CLAWGATE_PASSWORD_HASH"] = hash;
    gateway_under_test g{o};
    EXPECT_EQ(g.ask("GET", "/", {basic("wrong")}).status(), 401);
    EXPECT_EQ(g.ask("GET", "/", {basic(secret_word)}).status(), 200);
    EXPECT_EQ(g.ask("GET", "/", {basic(secret_word)}).status(),
              200); // from the cache of verified credentials
    EXPECT_NE(g.log_in(g.port(), secret_word), "");
    EXPECT_EQ(g.ask_in("GET", "/").status(), 401); // the plain variable is not looked at then
}

TEST(Origins, ForeignOnesChangeNothing) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    const auto r =
        g.ask("POST", "/tools/invoke", {{"Cookie", cookie}, {"Origin", "https://evil.example"}}, "{}");
    EXPECT_EQ(r.status(), 403);
    EXPECT_THAT(r.body, HasSubstr("https://evil.example"));
    EXPECT_THAT(r.body, HasSubstr("http://localhost:"));
    EXPECT_EQ(g.ask_in("POST", "/tools/invoke", {{"Origin", "https://evil.example"}}, "{}").status(), 403);
    EXPECT_EQ(g.ask("POST", "/tools/invoke", {{"Cookie", cookie}}, "{}").status(),
              403); // by cookie and without any
    EXPECT_EQ(
        g.ask("POST", "/tools/invoke", {{"Cookie", cookie}, {"Sec-Fetch-Site", "same-site"}}, "{}").status(),
        403);
    EXPECT_EQ(g.agent().seen().total_requests, 0u);
    EXPECT_NE(
        g.ask("POST", "/test/echo", {{"Cookie", cookie}, {"Sec-Fetch-Site", "same-origin"}}, "{}").status(),
        403);
    EXPECT_EQ(g.ask("POST", "/test/echo", {{"Cookie", cookie}, {"Origin", g.origin()}}, "{}").status(), 200);
}

TEST(Origins, ACookieInjectsNothingAndACredentialDoes) {
    gateway_under_test g;
    const auto by_cookie =
        g.ask("GET", "/test/echo", {{"Cookie", g.log_in()}, {"Authorization", "Bearer device"}});
    EXPECT_THAT(by_cookie.body, HasSubstr("Bearer device"));
    EXPECT_THAT(by_cookie.body, testing::Not(HasSubstr("token-of-agent")));
    EXPECT_THAT(g.ask_in("GET", "/test/echo").body, HasSubstr("token-of-agent-1"));
    const auto cross = g.ask_in("GET", "/test/echo", {{"Sec-Fetch-Site", "cross-site"}});
    EXPECT_THAT(cross.body, testing::Not(HasSubstr("Authorization")));
}

TEST(Origins, PreflightsAreAnsweredByTheGateway) {
    gateway_under_test g;
    const auto ours = g.ask("OPTIONS", "/v1/chat/completions",
                            {{"Origin", g.origin()},
                             {"Access-Control-Request-Method", "POST"},
                             {"Access-Control-Request-Headers", "authorization"}});
    EXPECT_EQ(ours.status(), 204);
    EXPECT_EQ(ours.get("Access-Control-Allow-Origin"), g.origin());
    const auto foreign =
        g.ask("OPTIONS", "/v1/chat/completions",
              {{"Origin", "https://evil.example"}, {"Access-Control-Request-Method", "POST"}});
    EXPECT_EQ(foreign.status(), 204);
    EXPECT_EQ(foreign.head.count("Access-Control-Allow-Origin"), 0u);
}

TEST(Origins, WhoMayReadAnAnswerIsNotTheAgentsToSay) {
    gateway_under_test g;
    const auto foreign = g.ask_in("GET", "/test/headers", {{"Origin", "https://evil.example"}});
    EXPECT_EQ(foreign.status(), 200);
    for (const auto* name :
         {"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers"})
        EXPECT_EQ(foreign.head.count(name), 0u) << name;
    const auto ours = g.ask_in("GET", "/test/headers", {{"Origin", g.origin()}});
    EXPECT_EQ(ours.get("Access-Control-Allow-Origin"), g.origin());
    EXPECT_EQ(ours.head.count("Access-Control-Allow-Origin"), 1u);
}

TEST(Sessions, AreRenewedByPagesAndNotByWhatACacheMayKeep) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    auto& desk = g.server().state().desk;
    const auto name_end = cookie.find('=') + 1;
    const auto who = desk.examine(cookie.substr(name_end), 1, wall_clock::now()).who;
    const auto old = cookie.substr(0, name_end) + desk.renew(who, wall_clock::now() - std::chrono::hours{8});

    EXPECT_EQ(
        g.ask("GET", "/test/echo", {{"Cookie", old}, {"Sec-Fetch-Mode", "no-cors"}}).head.count("Set-Cookie"),
        0u);
    const auto page = g.ask("GET", "/test/echo",
                            {{"Cookie", old}, {"Accept", "text/html"}, {"Sec-Fetch-Mode", "navigate"}});
    const auto renewed = cookie_of(page);
    ASSERT_NE(renewed, "");
    EXPECT_NE(renewed, old);
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Cookie", renewed}}).status(), 200);
    const auto again = g.ask("GET", "/test/echo",
                             {{"Cookie", renewed}, {"Accept", "text/html"}, {"Sec-Fetch-Mode", "navigate"}});
    EXPECT_EQ(again.head.count("Set-Cookie"), 0u);
}

// The peer must not be loopback to count as a direct client, so the tests name it a trusted proxy where they
// need one.
gateway_options behind_a_proxy(unsigned most = 256) {
    gateway_options o;
    o.variables["CLAWGATE_TRUSTED_PROXIES"] = "127.0.0.0/8, 10.0.0.0/8";
    o.adjust = [most](config& c) { c.max_connections_per_client = most; };
    return o;
}

TEST(ClientAddress, IsTheRightmostThatNoTrustedProxyWrote) {
    gateway_under_test g{behind_a_proxy()};
    const auto guess = [&](int n, std::vector<header> from) {
        from.push_back(basic("guess " + std::to_string(n)));
        return g.ask("GET", "/", from).status();
    };
    // Each guess claims another address in front; the one that the proxy saw, on a line of its own, is always
    // the same.
    for (int n = 0; n < 10; ++n)
        EXPECT_EQ(guess(n, {{"X-Forwarded-For", "198.51.100." + std::to_string(n)},
                            {"X-Forwarded-For", "203.0.113.7, 10.1.2.3"}}),
                  401);
    EXPECT_EQ(guess(10, {{"X-Forwarded-For", "198.51.100.99"}, {"X-Forwarded-For", "203.0.113.7, 10.1.2.3"}}),
              429);
    EXPECT_EQ(guess(11, {{"X-Forwarded-For", "203.0.113.8"}}), 401);
}

TEST(ClientAddress, IsFoundThroughAllTheLinesOfAChain) {
    gateway_under_test g{behind_a_proxy()};
    const auto guess = [&](int n, const char* first_line) {
        return g
            .ask("GET", "/",
                 {{"X-Forwarded-For", first_line}, {"X-Forwarded-For", "10.1.2.3"}, basic("guess " + std::to_string(n))})
            .status();
    };
    for (int n = 0; n < 10; ++n)
        EXPECT_EQ(guess(n, "198.51.100.1, 203.0.113.7"), 401);
    EXPECT_EQ(guess(10, "203.0.113.7"), 429);
    EXPECT_EQ(guess(11, "203.0.113.8"), 401) << "the two proxies are nobody";
}

TEST(ClientAddress, CameByHttpsWhereTheNearestProxySaysSo) {
    gateway_under_test g{behind_a_proxy()};
    const auto name = [&](std::vector<header> h) {
        h.push_back({"Content-Type", "application/x-www-form-urlencoded"});
        return cookie_of(g.ask("POST", "/_gateway/login", h, "password=correct+horse")).substr(0, 7);
    };
    const header http{"X-Forwarded-Proto", "http"};
    EXPECT_EQ(name({{"X-Forwarded-Proto", "http, https "}}), "__Host-");
    EXPECT_EQ(name({http, {"X-Forwarded-Proto", "HTTPS"}}), "__Host-");
    EXPECT_EQ(name({{"X-Forwarded-Proto", "https,http"}}), "clawgat");
    EXPECT_EQ(name({{"X-Forwarded-Proto", "https"}, http}), "clawgat");
    EXPECT_EQ(name({}), "clawgat");
}

TEST(Limits, AProxyThatNamesNoClientIsTheClient) {
    gateway_under_test g{behind_a_proxy(2)};
    auto a = g.client(), b = g.client();
    for (auto* c : {&a, &b})
        c->send(support::request_text("GET", "/test/hang", {basic()}));
    ASSERT_TRUE(g.agent().wait_until([](const auto& t) { return t.requests.size() == 2; }));
    EXPECT_EQ(g.ask_in("GET", "/test/echo").status(), 429);
    EXPECT_EQ(g.ask_in("GET", "/test/echo", {{"X-Forwarded-For", "203.0.113.8"}}).status(), 200);
    a.close();
    EXPECT_TRUE(eventually([&] { return g.ask_in("GET", "/test/echo").status() == 200; }));
}

TEST(Limits, EvenAProxyHasSixteenTimesAClientsConnectionsAndNoMore) {
    gateway_under_test g{behind_a_proxy(1)};
    std::vector<raw_client> open;
    for (int i = 0; i < 16; ++i)
        open.push_back(g.client());
    EXPECT_EQ(open.back().request("GET", "/ping").status(), 200);
    auto more = g.client();
    EXPECT_TRUE(more.ended());
    open.pop_back();
    EXPECT_TRUE(eventually([&] {
        try {
            return g.ask("GET", "/ping").status() == 200;
        } catch (const support::client_error&) {
            return false;
        }
    }));
}

TEST(Door, LetsOnlyTheDashboardsOwnScriptBecomeAServiceWorker) {
    gateway_under_test g;
    const header cookie{"Cookie", g.log_in()};
    const header mark{"Service-Worker", "script"};
    EXPECT_EQ(g.ask("GET", "/test/echo", {cookie, mark}).status(), 403);
    EXPECT_EQ(g.ask("GET", "/x/../sw.js/", {cookie, mark}).status(), 403);
    EXPECT_NE(g.ask("GET", "/sw.js", {cookie, mark}).status(), 403);
    EXPECT_EQ(g.ask("GET", "/test/echo", {cookie}).status(), 200);
}

TEST(Limits, AClientBehindAProxyHasOnlySoMuchUnderWay) {
    gateway_under_test g{behind_a_proxy(2)};
    const header me{"X-Forwarded-For", "203.0.113.7"};
    auto a = g.client(), b = g.client();
    for (auto* c : {&a, &b})
        c->send(support::request_text("GET", "/test/hang", {basic(), me}));
    ASSERT_TRUE(g.agent().wait_until([](const auto& t) { return t.requests.size() == 2; }));
    const auto refused = g.ask_in("GET", "/test/echo", {me});
    EXPECT_EQ(refused.status(), 429);
    EXPECT_EQ(error_code_of(refused), "too_many_connections");
    EXPECT_EQ(g.ask_in("GET", "/test/echo", {{"X-Forwarded-For", "203.0.113.8"}}).status(), 200);
    a.close();
    EXPECT_TRUE(eventually([&] { return g.ask_in("GET", "/test/echo", {me}).status() == 200; }));
}

TEST(Control, ListsTheAgentsAndOpensOneWithATicketThatWorksOnce) {
    gateway_options o;
    o.agents = 2;
    gateway_under_test g{o};
    const auto cookie = g.log_in(g.control_port());
    ASSERT_NE(cookie, "");
    raw_client c{g.control_port()};
    const header host{"Host", "localhost:" + std::to_string(g.control_port())};
    const auto list = c.request("GET", "/", {host, {"Cookie", cookie}});
    EXPECT_EQ(list.status(), 200);
    EXPECT_THAT(list.body, HasSubstr("agent_1"));
    EXPECT_THAT(list.body, HasSubstr("http://localhost:" + std::to_string(g.port(2))));

    const header origin{"Origin", "http://localhost:" + std::to_string(g.control_port())};
    const auto opened = c.request("POST", "/_gateway/open/2", {host, origin, {"Cookie", cookie}});
    EXPECT_EQ(opened.status(), 303);
    const auto where = opened.get("Location");
    ASSERT_THAT(where,
                StartsWith("http://localhost:" + std::to_string(g.port(2)) + "/_gateway/ticket?ticket="));
    const auto target = where.substr(where.find("/_gateway"));
    raw_client second{g.port(2)};
    const auto in = second.request("GET", target);
    EXPECT_EQ(in.status(), 303);
    EXPECT_EQ(in.get("Location"), "/");
    EXPECT_EQ(second.request("GET", "/overview", {{"Cookie", cookie_of(in)}}).status(), 200);
    EXPECT_EQ(second.request("GET", target).get("Location"), "/_gateway/login");

    const auto another =
        c.request("POST", "/_gateway/open/2", {host, origin, {"Cookie", cookie}}).get("Location");
    raw_client wrong_door{g.port(1)};
    EXPECT_EQ(wrong_door.request("GET", another.substr(another.find("/_gateway"))).get("Location"),
              "/_gateway/login");
}

TEST(Control, IsForSessionsOnlyAndHasNothingElse) {
    gateway_under_test g;
    raw_client c{g.control_port()};
    EXPECT_EQ(c.request("GET", "/", {basic()}).status(), 401);
    EXPECT_EQ(c.request("GET", "/anything").status(), 404);
    EXPECT_EQ(c.request("POST", "/_gateway/open/1").status(), 401);
}

TEST(Health, NeedsNoCredential) {
    gateway_under_test g;
    EXPECT_EQ(g.ask("GET", "/_gateway/healthz").status(), 200);
    EXPECT_EQ(g.ask("GET", "/_gateway/readyz").status(), 200);
    EXPECT_EQ(g.ask("GET", "/ping").status(), 200);
    EXPECT_EQ(g.ask("POST", "/_gateway/healthz").status(), 405);
    EXPECT_EQ(g.ask_in("GET", "/_gateway/nothing").status(), 404);
    EXPECT_EQ(g.ask_in("GET", "/x/..%2f_gateway").status(),
              404); // of the agent: an encoded slash is no separator

    gateway_options o;
    o.agent.ready = false;
    gateway_under_test h{o};
    EXPECT_EQ(h.ask("GET", "/_gateway/readyz").status(), 503);
    EXPECT_EQ(h.ask("GET", "/ping").status(), 204);
}

} // namespace
} // namespace clawgate::test
