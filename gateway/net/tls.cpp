#include "net/tls.hpp"

#include <openssl/ssl.h>

#include <cstring>

namespace clawgate::net {
namespace {

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                    unsigned int in_length, void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_length, ours, sizeof ours - 1, in, in_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; // RFC 7301 section 3.2: no common protocol
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& certificate_file,
                                                                    const std::string& key_file) {
    namespace ssl = boost::asio::ssl;
    const auto failed = [](const std::string& file, const boost::system::error_code& ec) {
        return error{errc::io, fault::gateway, retry::never, file + ": " + ec.message()};
    };
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    boost::system::error_code ec;
    context->use_certificate_chain_file(certificate_file, ec);
    if (ec) return failed(certificate_file, ec);
    context->use_private_key_file(key_file, ssl::context::pem, ec);
    if (ec) return failed(key_file, ec);

    auto* native = context->native_handle();
    if (SSL_CTX_check_private_key(native) != 1)
        return error{errc::io, fault::gateway, retry::never,
                     key_file + " is not the key of " + certificate_file};
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL:!MD5:!DSS");
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
    return context;
}

} // namespace clawgate::net
