// What a session lets in, what is beside it in a request, and what keeps it alive.

#include "component/gateway_fixture.hpp"

#include <sodium.h>

namespace clawgate::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string name_of(const std::string& cookie) {
    return cookie.substr(0, cookie.find('='));
}

TEST(Sessions, ACookieOfTheSameNameShadowsNothing) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    const auto forged = name_of(cookie) + "=forged";
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Cookie", forged + "; " + cookie}}).status(), 200);
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Cookie", cookie + "; " + forged}}).status(), 200);
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Cookie", forged}, {"Cookie", "a=b; " + cookie}}).status(), 200);
    // On one connection, where the last verdict is remembered.
    auto c = g.client();
    EXPECT_EQ(c.request("GET", "/test/echo", {{"Cookie", forged}}).status(), 401);
    EXPECT_EQ(c.request("GET", "/test/echo", {{"Cookie", forged + "; " + cookie}}).status(), 200);
    EXPECT_EQ(c.request("GET", "/test/echo", {{"Cookie", cookie}}).status(), 200);
    EXPECT_EQ(c.request("GET", "/test/echo", {{"Cookie", forged}}).status(), 401);

    std::string many;
    for (int i = 0; i < 8; ++i)
        many += forged + std::to_string(i) + "; ";
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Cookie", many + cookie}}).status(), 401) << "but not without end";
}

TEST(Sessions, NoCookieOfTheGatewayReachesTheAgentFromAnyField) {
    gateway_under_test g;
    const auto cookie = g.log_in();
    const auto seen = g.ask("GET", "/test/echo", {{"Cookie", "a=1"}, {"Cookie", cookie + "; b=2"}}).body;
    EXPECT_THAT(seen, HasSubstr("a=1; b=2"));
    EXPECT_THAT(seen, Not(HasSubstr("clawgate-")));
}

TEST(Sessions, TheAgentSeesADeviceTokenBesideOneAndNeverAPassword) {
    gateway_under_test g;
    const header cookie{"Cookie", g.log_in()};
    const auto seen = [&](const std::string& authorization) {
        return g.ask("GET", "/test/echo", {cookie, {"Authorization", authorization}}).body;
    };
    EXPECT_THAT(seen("Bearer device"), HasSubstr("Bearer device"));
    for (const auto& shown : {std::string{"Bearer correct horse"}, std::string{"bearer   correct horse "},
                              basic().value, basic("anything").value, std::string{"Digest username=x"},
                              std::string{"Negotiate abc"}, std::string{"correct horse"}}) {
        const auto body = seen(shown);
        EXPECT_THAT(body, HasSubstr("headers")) << shown;
        EXPECT_THAT(body, Not(HasSubstr("Authorization"))) << shown;
    }
    // On a connection that has shown a device token before.
    auto c = g.client();
    for (const bool device : {true, true, false, true}) {
        const std::string bearer = device ? "Bearer device" : "Bearer correct horse";
        const auto body = c.request("GET", "/test/echo", {cookie, {"Authorization", bearer}}).body;
        EXPECT_EQ(body.find("Authorization") != body.npos, device);
    }
    for (int i = 0; i < 20; ++i)
        static_cast<void>(seen("Bearer device" + std::to_string(i)));
    EXPECT_EQ(g.ask_in("GET", "/test/echo").status(), 200) << "none of them was a guess";
}

TEST(Sessions, AScriptOfTheAgentCannotFindThePasswordByWatchingWhatPasses) {
    gateway_under_test g;
    const header cookie{"Cookie", g.log_in()};
    const auto passes = [&](const std::string& value) {
        const auto r = g.ask("GET", "/test/echo", {cookie, {"Authorization", "Bearer " + value}});
        EXPECT_EQ(r.status(), 200);
        return r.body.find("Authorization") != std::string::npos;
    };
    int passed = 0;
    for (int i = 0; i < 100; ++i)
        passed += passes("guess" + std::to_string(i));
    EXPECT_EQ(passed, 10);
}

TEST(Sessions, AHashedPasswordIsKeptFromTheAgentToo) {
    if (sodium_init() < 0) FAIL();
    const std::string word = "a hashed password";
    char hash[crypto_pwhash_STRBYTES];
    ASSERT_EQ(crypto_pwhash_str(hash, word.data(), word.size(), crypto_pwhash_OPSLIMIT_MIN,
                                crypto_pwhash_MEMLIMIT_MIN),
              0);
    gateway_options o;
    o.variables["CLAWGATE_PASSWORD_HASH"] = hash;
    gateway_under_test g{o};
    const header cookie{"Cookie", g.log_in(g.port(), word)};
    EXPECT_THAT(g.ask("GET", "/test/echo", {cookie, {"Authorization", "Bearer device"}}).body,
                HasSubstr("Bearer device"));
    EXPECT_THAT(g.ask("GET", "/test/echo", {cookie, {"Authorization", "Bearer " + word}}).body,
                Not(HasSubstr("Authorization")));
}

TEST(Sessions, StrangersThatGuessCostOneNothing) {
    if (sodium_init() < 0) FAIL();
    const std::string word = "a hashed password";
    char hash[crypto_pwhash_STRBYTES];
    ASSERT_EQ(crypto_pwhash_str(hash, word.data(), word.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                crypto_pwhash_MEMLIMIT_INTERACTIVE),
              0);
    gateway_options o;
    o.variables["CLAWGATE_PASSWORD_HASH"] = hash;
    o.variables["CLAWGATE_TRUSTED_PROXIES"] = "127.0.0.0/8";
    gateway_under_test g{o};
    const header cookie{"Cookie", g.log_in(g.port(), word)};
    std::vector<raw_client> strangers;
    for (int i = 0; i < 60; ++i) {
        auto& c = strangers.emplace_back(g.client());
        c.send(support::request_text("GET", "/",
                                     {basic("guess " + std::to_string(i)),
                                      {"X-Forwarded-For", "198.51.100." + std::to_string(i)}}));
    }
    for (int i = 0; i < 4; ++i) { // a dashboard whose token is compared while their guesses are hashed
        const auto device = "Bearer device" + std::to_string(i);
        const auto r = g.ask("GET", "/test/echo", {cookie, {"Authorization", device}});
        EXPECT_EQ(r.status(), 200);
        EXPECT_THAT(r.body, HasSubstr(device));
    }
    int wrong = 0, busy = 0;
    for (auto& c : strangers) {
        const auto r = c.read_response();
        wrong += r.status() == 401;
        if (r.status() != 503) continue;
        ++busy;
        EXPECT_EQ(error_code_of(r), "busy");
        EXPECT_NE(r.get("Retry-After"), "");
    }
    EXPECT_EQ(wrong + busy, 60);
    EXPECT_GE(wrong, 34);
    EXPECT_GE(busy, 1);
}

// Plain HTTP to a name that is not localhost, and a page with Referrer-Policy: no-referrer.
TEST(Sessions, ADeviceTokenThatComesWithoutAnyMarkIsNoGuessEither) {
    gateway_under_test g;
    const header host{"Host", "gateway.lan:18790"};
    const auto show = [&](const std::string& token, std::string_view method = "GET") {
        raw_client c{g.port()};
        c.send(support::request_text(method, "/control-ui-config.json",
                                     {host, {"Authorization", "Bearer " + token}}));
        return c.read_response(method == "HEAD").status();
    };
    const auto sign_in = [&] {
        return g
            .ask("POST", "/_gateway/login", {{"Content-Type", "application/x-www-form-urlencoded"}},
                 "password=correct+horse")
            .status();
    };
    for (int i = 0; i < 29; ++i)
        EXPECT_EQ(show(random_token(32)), 401);
    EXPECT_EQ(show(random_token(32), "HEAD"), 302) << "the way to the dashboard's own dialog";
    EXPECT_EQ(sign_in(), 303);
    EXPECT_EQ(show(random_token(32)), 429) << "nor a way to guess without end";
    EXPECT_EQ(show(random_token(32), "HEAD"), 302);
    EXPECT_EQ(sign_in(), 303);
}

TEST(Sessions, APasswordMayLookLikeADeviceToken) {
    gateway_options o;
    const auto word = random_token(32);
    o.variables["OPENCLAW_WEB_PASSWORD"] = word;
    gateway_under_test g{o};
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Authorization", "Bearer " + word}}).status(), 200);
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Authorization", "Bearer " + random_token(32)}}).status(), 401);
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Authorization", "Bearer " + word}}).status(), 200);
}

TEST(Sessions, ABearerThatAPageSendsWithoutOneIsADeviceTokenAndNoGuess) {
    gateway_under_test g;
    const header host{"Host", "gateway.lan:18790"};
    const std::vector<header> marks{{"Referer", "http://gateway.lan:18790/chat?x=1"},
                                    {"Referer", g.origin() + "/"},
                                    {"Origin", g.origin()},
                                    {"Sec-Fetch-Dest", "empty"},
                                    {"Sec-Fetch-Site", "same-origin"}};
    for (const auto& mark : marks) {
        for (int i = 0; i < 12; ++i)
            EXPECT_EQ(g.ask("GET", "/test/echo",
                            {host, mark, {"Authorization", "Bearer device" + std::to_string(i)}})
                          .status(),
                      401);
        EXPECT_EQ(
            g.ask("GET", "/test/echo", {host, mark, {"Authorization", "Bearer correct horse"}}).status(), 401)
            << mark.name << ": it is not compared";
    }
    EXPECT_EQ(g.ask("GET", "/test/echo", {host, {"Authorization", "Bearer correct horse"}}).status(), 200);
    for (const header& foreign :
         {header{"Referer", "http://elsewhere.lan:18790/"}, header{"Referer", "http://gateway.lan:18791/"},
          header{"Referer", "x"}, header{"Sec-Fetch-Mode", "cors"}}) // as Node's fetch() sends it
        EXPECT_EQ(
            g.ask("GET", "/test/echo", {host, foreign, {"Authorization", "Bearer correct horse"}}).status(),
            200)
            << foreign.value;
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(g.ask("GET", "/test/echo", {host, {"Authorization", "Bearer guess" + std::to_string(i)}})
                      .status(),
                  401);
    EXPECT_EQ(g.ask("GET", "/test/echo", {host, {"Authorization", "Bearer correct horse"}}).status(), 429);
}

TEST(Sessions, AreKeptAliveByRequestsThatGetNoNewCookie) {
    gateway_under_test g;
    auto& desk = g.server().state().desk;
    const auto idle = g.server().state().options.session_idle;
    const auto almost_idle = [&] {
        const auto cookie = g.log_in();
        const auto value_at = cookie.find('=') + 1;
        const auto who = desk.examine(cookie.substr(value_at), 1, wall_clock::now()).who;
        return desk.renew(who, wall_clock::now() - idle + std::chrono::minutes{1});
    };
    const auto later = [&](const std::string& value) {
        return desk.examine(value, 1, wall_clock::now() + std::chrono::minutes{2}).state;
    };
    const auto unused = almost_idle();
    EXPECT_EQ(later(unused), auth::session_state::idle_expired);
    const auto used = almost_idle();
    const auto name = name_of(g.log_in());
    EXPECT_EQ(g.ask("GET", "/test/echo", {{"Cookie", name + "=" + used}, {"Sec-Fetch-Mode", "no-cors"}})
                  .head.count("Set-Cookie"),
              0u);
    EXPECT_EQ(later(used), auth::session_state::renew);
}

TEST(Control, ChangesNothingForARequestThatMayComeFromAnotherSite) {
    gateway_under_test g;
    const auto port = std::to_string(g.control_port());
    const header cookie{"Cookie", g.log_in(g.control_port())};
    const header host{"Host", "localhost:" + port};
    const auto open = [&](std::vector<header> more) {
        more.insert(more.end(), {cookie, host});
        return raw_client{g.control_port()}.request("POST", "/_gateway/open/1", more).status();
    };
    EXPECT_EQ(open({}), 403);
    EXPECT_EQ(open({{"Sec-Fetch-Site", "same-site"}}), 403);
    EXPECT_EQ(open({{"Sec-Fetch-Site", "none"}}), 403);
    EXPECT_EQ(open({{"Origin", "https://evil.example"}}), 403);
    EXPECT_EQ(open({{"Origin", g.origin()}}), 403) << "the port of an agent";
    EXPECT_EQ(open({{"Sec-Fetch-Site", "same-origin"}}), 303);
    EXPECT_EQ(open({{"Origin", "http://localhost:" + port}}), 303);
    // A client that is no browser may log in all the same.
    EXPECT_EQ(raw_client{g.control_port()}
                  .request("POST", "/_gateway/login", {{"Content-Type", "application/x-www-form-urlencoded"}},
                           "password=correct+horse")
                  .status(),
              303);
}

std::size_t count_of(const std::string& text, std::string_view what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1))
        ++n;
    return n;
}

TEST(Control, AsksAllAgentsAtOnceAndVisitorsShareTheAnswer) {
    gateway_options o;
    o.agents = 3;
    gateway_under_test g{o};
    for (int n = 1; n <= 3; ++n)
        g.agent(n).hold_readiness(true);
    const auto list =
        support::request_text("GET", "/", {{"Cookie", g.log_in(g.control_port())}, {"Accept", "text/html"}});
    raw_client first{g.control_port()};
    first.send(list);
    // None has answered: each is asked although the others are still silent.
    for (int n = 1; n <= 3; ++n)
        ASSERT_TRUE(g.agent(n).wait_until([](const auto& t) { return t.total_requests == 1; }));
    raw_client second{g.control_port()};
    second.send(list);
    EXPECT_EQ(raw_client{g.control_port()}.request("GET", "/_gateway/healthz").status(), 200);
    for (int n = 1; n <= 3; ++n)
        g.agent(n).hold_readiness(false);
    for (auto* visitor : {&first, &second}) {
        const auto page = visitor->read_response();
        EXPECT_EQ(page.status(), 200);
        EXPECT_EQ(count_of(page.body, "class=\"state good\""), 3u) << page.body;
    }
}

} // namespace
} // namespace clawgate::test
