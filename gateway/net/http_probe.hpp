#pragma once
// One blocking GET on plain sockets: for a health check in a process of its own, never on an event loop.

#include "core/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace clawgate::net {

struct http_probe {
    std::string address; ///< IP literal
    std::uint16_t port = 0;
    std::string path = "/";
    bool tls = false; ///< the certificate is not verified: it is the caller's own machine that answers
    std::chrono::milliseconds timeout{3000}; ///< of each step: connect, send, receive
};

/// The status of the answer. errc::unreachable when nobody listens, errc::timeout, errc::bad_upstream when
/// what comes is not HTTP/1.x. SIGPIPE must be ignored in this process.
[[nodiscard]] result<int> probe(const http_probe& p);

} // namespace clawgate::net
