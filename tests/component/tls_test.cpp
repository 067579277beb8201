// TLS on the listeners: versions, the cookie's name, the certificate's renewal.

#include "component/gateway_fixture.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>

namespace clawgate::test {
namespace {

/// A self-signed certificate for `name` and its key, as PEM files.
void write_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key_file,
                       const char* name) {
    auto* key = EVP_EC_gen("P-256");
    auto* x = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    auto* subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1,
                               -1, 0);
    X509_set_issuer_name(x, subject);
    X509_sign(x, key, EVP_sha256());
    auto* out = std::fopen(certificate.c_str(), "w");
    PEM_write_X509(out, x);
    std::fclose(out);
    out = std::fopen(key_file.c_str(), "w");
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    X509_free(x);
    EVP_PKEY_free(key);
}

struct tls_gateway {
    temporary_directory files;
    std::filesystem::path certificate = files.path / "cert.pem";
    std::filesystem::path key = files.path / "key.pem";
    std::unique_ptr<gateway_under_test> g;

    explicit tls_gateway(gateway_options o = {}) {
        write_certificate(certificate, key, "first");
        o.variables["CLAWGATE_TLS_CERT"] = certificate;
        o.variables["CLAWGATE_TLS_KEY"] = key;
        g = std::make_unique<gateway_under_test>(o);
    }
    raw_client client() const {
        support::raw_client_options o;
        o.port = g->port();
        o.tls = true;
        return raw_client{o};
    }
};

TEST(Tls, CarriesRequestsAndTunnels) {
    tls_gateway t;
    auto c = t.client();
    EXPECT_EQ(c.tls_version(), "TLSv1.3");
    EXPECT_EQ(c.request("GET", "/healthz", {basic()}).status(), 200);
    const auto body = support::pattern_bytes(0, 2'000'000);
    EXPECT_EQ(json::parse(c.request("POST", "/test/upload", {basic()}, body).body)["body_sha256"],
              support::sha256_hex(body));
    EXPECT_EQ(c.request("GET", "/test/body?bytes=2000000", {basic()}).body, body);

    support::raw_client_options o;
    o.port = t.g->port();
    o.tls = true;
    ws_client ws{o, "/", {basic(), {"Origin", "https://localhost:" + std::to_string(t.g->port())}}};
    ASSERT_TRUE(ws.connected());
    static_cast<void>(ws.expect_message());
    ws.send_text(connect_message(nullptr));
    EXPECT_EQ(json::parse(ws.expect_message().data)["payload"]["type"], "hello-ok");
    const auto data = support::pattern_bytes(0, 300'000);
    ws.send_binary(data);
    EXPECT_EQ(ws.expect_message().data, data);
}

TEST(Tls, MakesTheCookieAHostCookie) {
    tls_gateway t;
    auto c = t.client();
    const auto r =
        c.request("POST", "/_gateway/login", {{"Content-Type", "application/x-www-form-urlencoded"}},
                  "password=correct+horse");
    EXPECT_THAT(r.get("Set-Cookie"), testing::StartsWith("__Host-clawgate-"));
    EXPECT_THAT(r.get("Set-Cookie"), testing::HasSubstr("Secure"));
}

TEST(Tls, RenewsTheCertificateAndKeepsTheOldOneWhenTheNewIsBroken) {
    tls_gateway t;
    auto before = t.client();
    ASSERT_EQ(before.request("GET", "/healthz", {basic()}).status(), 200);
    write_certificate(t.certificate, t.key, "second");
    EXPECT_TRUE(t.g->server().reload_tls());
    EXPECT_EQ(before.request("GET", "/healthz", {basic()}).status(), 200); // open connections go on
    EXPECT_EQ(t.client().request("GET", "/healthz", {basic()}).status(), 200);
    std::ofstream{t.certificate} << "nonsense";
    EXPECT_FALSE(t.g->server().reload_tls());
    EXPECT_EQ(t.client().request("GET", "/healthz", {basic()}).status(), 200);
}

TEST(Tls, EndsInAnOrderlyWayWhereTheAnswerWasWhole) {
    tls_gateway t;
    auto c = t.client();
    EXPECT_EQ(c.request("GET", "/healthz", {basic(), {"Connection", "close"}}).status(), 200);
    EXPECT_TRUE(c.ended());
    EXPECT_TRUE(c.close_notified());

    auto refused = t.client(); // with more bytes behind it than the answer waits for
    refused.send("GET / HTTP/1.1\r\n\r\n" + std::string(100'000, 'x'));
    EXPECT_EQ(refused.read_response().status(), 400);
    EXPECT_TRUE(refused.ended());
    EXPECT_TRUE(refused.close_notified());

    auto cut = t.client();
    cut.send(support::request_text("GET", "/test/garbage?kind=truncated", {basic()}));
    EXPECT_ANY_THROW(static_cast<void>(cut.read_response()));
    EXPECT_FALSE(cut.close_notified()) << "half an answer must not look like a whole one";
}

TEST(Tls, TunnelsAndDrainedConnectionsEndInAnOrderlyWayToo) {
    tls_gateway t;
    support::raw_client_options o;
    o.port = t.g->port();
    o.tls = true;
    ws_client ws{o, "/", {basic(), {"Origin", "https://localhost:" + std::to_string(t.g->port())}}};
    ASSERT_TRUE(ws.connected());
    static_cast<void>(ws.expect_message());
    ws.send_text(connect_message(nullptr));
    static_cast<void>(ws.expect_message());
    ws.send_text(R"({"type":"req","id":"2","method":"close","params":{"code":4000,"reason":"enough"}})");
    EXPECT_EQ(ws.wait_closed(), 4000);
    EXPECT_TRUE(ws.raw().ended());
    EXPECT_TRUE(ws.raw().close_notified());
    ws.raw().close();

    auto idle = t.client();
    ASSERT_EQ(idle.request("GET", "/healthz", {basic()}).status(), 200);
    t.g->server().stop(std::chrono::seconds{8});
    EXPECT_TRUE(idle.ended());
    EXPECT_TRUE(idle.close_notified());
}

TEST(Tls, SpeaksHttp1AndSaysSo) {
    tls_gateway t;
    const auto client = [&](const char* protocol) {
        support::raw_client_options o;
        o.port = t.g->port();
        o.tls = true;
        o.alpn = protocol;
        return raw_client{o};
    };
    EXPECT_EQ(client("http/1.1").chosen_alpn(), "http/1.1");
    EXPECT_EQ(client("http/1.0").chosen_alpn(), "http/1.0");
    EXPECT_EQ(t.client().chosen_alpn(), "");
    EXPECT_ANY_THROW(static_cast<void>(client("h2")));
}

TEST(Tls, AHandshakeThatDoesNotComeIsNotWaitedFor) {
    gateway_options o;
    o.adjust = [](config& c) { c.phases.tls_handshake = std::chrono::seconds{1}; };
    tls_gateway t{o};
    auto c = t.g->client();
    EXPECT_TRUE(c.ended());
}

TEST(Tls, PlainHttpOnItsPortGetsNothing) {
    tls_gateway t;
    auto c = t.g->client();
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(c.read_to_end().find("HTTP/1.1"), std::string::npos);
}

} // namespace
} // namespace clawgate::test
