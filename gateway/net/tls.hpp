#pragma once

#include "core/error.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace clawgate::net {

/// A server context: TLS 1.2 and 1.3, forward secrecy only, no compression, no renegotiation, ALPN http/1.1
/// and http/1.0.
/// errc::io with the file's name when the certificate or key cannot be read or do not belong together.
[[nodiscard]] result<std::shared_ptr<boost::asio::ssl::context>>
make_tls_context(const std::string& certificate_file, const std::string& key_file);

} // namespace clawgate::net
