#include "routing/inject.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace clawgate::routing {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const secret agent_secret{"the-agents-secret"};

std::string request_for_agent(std::string_view head, authorization how, bool websocket = false,
                              std::string_view cookies = {}) {
    net::request_head h;
    const auto r = net::parse_request(head, h);
    EXPECT_TRUE(r) << (r ? "" : r.error().detail);
    injection what;
    what.host = "agent.example:18790";
    what.origin = "https://agent.example:18790";
    what.cookies = cookies;
    what.credential = how;
    what.agent_secret = &agent_secret;
    what.websocket = websocket;
    std::string out;
    write_agent_request(h, what, out);
    return out;
}

TEST(AgentRequest, HostAndOriginAreTheOnesDecided) {
    const auto out = request_for_agent(
        "GET /x HTTP/1.1\r\nHost: 100.65.1.2:60000\r\nOrigin: http://10.0.0.1\r\n\r\n", authorization::keep);
    EXPECT_THAT(out, HasSubstr("GET /x HTTP/1.1\r\nHost: agent.example:18790\r\n"));
    EXPECT_THAT(out, HasSubstr("Origin: https://agent.example:18790\r\n"));
    EXPECT_THAT(out, Not(HasSubstr("100.65")));
    EXPECT_THAT(out, Not(HasSubstr("10.0.0.1")));
    EXPECT_TRUE(out.ends_with("\r\n\r\n"));
}

TEST(AgentRequest, ForwardingAndHopByHopFieldsAreLeftOut) {
    const auto out = request_for_agent(
        "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
        "CF-Connecting-IP: 1.2.3.4\r\nForwarded: for=x\r\nX-Real-IP: 1.2.3.4\r\nTailscale-User: a\r\n"
        "Via: 1.1 p\r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\n"
        "Connection: close, X-Hop\r\nX-Hop: gone\r\nUpgrade: h2c\r\nX-Kept: yes\r\n\r\n",
        authorization::drop);
    EXPECT_THAT(out, HasSubstr("X-Kept: yes\r\n"));
    for (const auto* gone :
         {"1.2.3.4", "for=x", "Tailscale", "Via", "TE:", "Keep-Alive:", "Proxy-", "X-Hop", "h2c", "close"})
        EXPECT_THAT(out, Not(HasSubstr(gone))) << gone;
}

TEST(AgentRequest, ConnectionCannotMakeOurOwnFieldsVanish) {
    const auto out =
        request_for_agent("POST / HTTP/1.1\r\nHost: h\r\nConnection: Host, Authorization, Content-Length\r\n"
                          "Content-Length: 3\r\nAuthorization: Basic x\r\n\r\n",
                          authorization::replace);
    EXPECT_THAT(out, HasSubstr("Host: agent.example"));
    EXPECT_THAT(out, HasSubstr("Content-Length: 3\r\n"));
    EXPECT_THAT(out, HasSubstr("Authorization: Bearer the-agents-secret\r\n"));
}

TEST(AgentRequest, CredentialsAreKeptReplacedOrDropped) {
    const auto* head = "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer theirs\r\n\r\n";
    EXPECT_THAT(request_for_agent(head, authorization::keep), HasSubstr("Authorization: Bearer theirs\r\n"));
    const auto replaced = request_for_agent(head, authorization::replace);
    EXPECT_THAT(replaced, HasSubstr("Bearer the-agents-secret"));
    EXPECT_THAT(replaced, Not(HasSubstr("theirs")));
    EXPECT_THAT(request_for_agent(head, authorization::drop), Not(HasSubstr("Authorization")));
}

TEST(AgentRequest, OnlyCookiesThatAreNotOursPass) {
    const auto* head = "GET / HTTP/1.1\r\nHost: h\r\nCookie: clawgate-18790=s; a=b\r\n\r\n";
    EXPECT_THAT(request_for_agent(head, authorization::keep, false, "a=b"), HasSubstr("Cookie: a=b\r\n"));
    EXPECT_THAT(request_for_agent(head, authorization::keep), Not(HasSubstr("Cookie")));
}

TEST(AgentRequest, AnUpgradeOffersNoExtensions) {
    const auto out =
        request_for_agent("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                          authorization::keep, true);
    EXPECT_THAT(out, Not(HasSubstr("Extensions")));
    EXPECT_THAT(out, HasSubstr("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    EXPECT_THAT(out, HasSubstr("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
}

TEST(AgentRequest, FramingIsWrittenAnew) {
    EXPECT_THAT(request_for_agent("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: CHUNKED\r\n\r\n",
                                  authorization::keep),
                HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_THAT(
        request_for_agent("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0007\r\n\r\n", authorization::keep),
        HasSubstr("Content-Length: 7\r\n"));
}

TEST(ClientFields, AnAgentCannotOverwriteSessions) {
    net::response_head h;
    ASSERT_TRUE(net::parse_response(
        "HTTP/1.1 200 OK\r\nSet-Cookie: clawgate-18791=x\r\nSet-Cookie: __Host-clawgate-1=y\r\n"
        "Set-Cookie: own=z\r\nContent-Length: 1\r\nConnection: X-Hop\r\nX-Hop: a\r\nKeep-Alive: timeout=5\r\n"
        "Access-Control-Allow-Origin: *\r\nX-Kept: 1\r\n\r\n",
        false, h));
    std::string out;
    write_client_fields(h, true, out);
    EXPECT_EQ(out, "Set-Cookie: own=z\r\nX-Kept: 1\r\n");
    out.clear();
    write_client_fields(h, false, out);
    EXPECT_THAT(out, HasSubstr("Access-Control-Allow-Origin: *"));
}

TEST(ClientFields, NoCookieThatABrowserReadsAsOursPasses) {
    for (const auto* hostile :
         {"=clawgate-18791=x", " = clawgate-18791=x", "=__Host-clawgate-1=x; Path=/", "clawgate-18791",
          "\tclawgate-18791=x", "clawgate-18791 =x", "  __Host-clawgate-1\t=x", "=", ";", ";clawgate-1=x",
          "clawgate-1=x; Domain=example.org"}) {
        net::response_head h;
        const auto head = "HTTP/1.1 200 OK\r\nSet-Cookie: " + std::string{hostile} + "\r\n\r\n";
        ASSERT_TRUE(net::parse_response(head, false, h));
        std::string out;
        write_client_fields(h, true, out);
        EXPECT_EQ(out, "") << hostile;
    }
    for (const auto* harmless : {"a=clawgate-1=x", "Clawgate-18791=x", "xclawgate-1=x", "__Host-other=x",
                                 "clawgat=e; Path=/; HttpOnly"}) {
        net::response_head h;
        const auto line = "Set-Cookie: " + std::string{harmless} + "\r\n";
        const auto head = "HTTP/1.1 200 OK\r\n" + line + "\r\n";
        ASSERT_TRUE(net::parse_response(head, false, h));
        std::string out;
        write_client_fields(h, true, out);
        EXPECT_EQ(out, line);
    }
}

TEST(ClientFields, AnAgentNeitherAsksForThePasswordNorClearsTheBrowser) {
    net::response_head h;
    ASSERT_TRUE(net::parse_response("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                                    "www-authenticate: Bearer\r\nProxy-Authenticate: Basic\r\n"
                                    "Clear-Site-Data: \"cookies\"\r\nX-Kept: 1\r\n\r\n",
                                    false, h));
    std::string out;
    write_client_fields(h, false, out);
    EXPECT_EQ(out, "X-Kept: 1\r\n");
}

const auto connect =
    R"({"type":"req","id":"1","method":"connect","params":{"minProtocol":3,"auth":{"deviceToken":"d","token":"t"}}})";

TEST(Connect, ThePasswordIsSetAndAllElseKept) {
    const auto out = with_connect_password(connect, agent_secret);
    ASSERT_TRUE(out);
    auto expected = json::parse(connect);
    expected["params"]["auth"]["password"] = "the-agents-secret";
    EXPECT_EQ(json::parse(*out), expected);
}

TEST(Connect, WhateverTheClientSentAsPasswordIsReplaced) {
    for (const auto* auth : {R"("auth":{"password":"web"})", R"("auth":"x")", R"("auth":null)", R"("x":1)",
                             R"("auth":{"password":"a","password":"b"})"}) {
        const auto out = with_connect_password(
            R"({"type":"req","method":"connect","params":{)" + std::string{auth} + "}}", agent_secret);
        ASSERT_TRUE(out) << auth;
        EXPECT_EQ(json::parse(*out)["params"]["auth"]["password"], "the-agents-secret") << auth;
        EXPECT_THAT(*out, Not(HasSubstr("web")));
    }
}

TEST(Connect, OtherMessagesPassUnchangedAndNonsenseIsAnError) {
    for (const auto* other :
         {R"({"type":"req","method":"ping"})", R"([1])", R"("connect")", R"({"type":1,"method":[]})"})
        EXPECT_EQ(*with_connect_password(other, agent_secret), other);
    EXPECT_FALSE(with_connect_password("not json", agent_secret));
    EXPECT_FALSE(with_connect_password("", agent_secret));
}

TEST(Connect, DeepNestingFromAStrangerIsNotParsed) {
    std::string deep = R"({"type":"req","method":"connect","params":)";
    for (int i = 0; i < 30'000; ++i)
        deep += "[";
    EXPECT_FALSE(connect_password(deep));
    EXPECT_FALSE(with_connect_password(deep, agent_secret));
    for (int i = 0; i < 30'000; ++i)
        deep += "]";
    deep += "}";
    EXPECT_FALSE(connect_password(deep));
    EXPECT_FALSE(with_connect_password(deep, agent_secret));
    // Brackets in strings do not count.
    const auto text =
        R"({"type":"req","method":"connect","params":{"x":")" + std::string(200, '[') + R"(\"{{{"}})";
    EXPECT_TRUE(with_connect_password(text, agent_secret));
}

TEST(Connect, TheOfferedPasswordIsFound) {
    const auto p =
        connect_password(R"({"type":"req","method":"connect","params":{"auth":{"password":"web"}}})");
    ASSERT_TRUE(p);
    EXPECT_EQ(p->reveal(), "web");
    for (const auto* none : {connect, "x", "[]", R"({"type":"req","method":"connect"})",
                             R"({"type":"req","method":"connect","params":{"auth":{"password":1}}})"})
        EXPECT_FALSE(connect_password(none)) << none;
}

} // namespace
} // namespace clawgate::routing
