#pragma once
// Carries one accepted request to its agent and the answer back.

#include "app/client_side.hpp"
#include "app/exchange.hpp"
#include "core/log.hpp"

namespace clawgate::app {

struct proxy_result {
    bool keep_alive = false;  ///< the client's connection may take the next request
    bool tunnelled = false;   ///< it belongs to a tunnel now
    std::size_t consumed = 0; ///< bytes of client_side::in behind the head that were the body
    std::string leftover;     ///< bytes read behind the body that belong to the next request
    int status = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::chrono::microseconds connect{-1};
    std::chrono::microseconds first_byte{-1};
    bool reused = false;
    std::string error;
    reply answer;             ///< status 0 unless the gateway has to answer in the agent's place
    bool truncated = false;   ///< the answer broke off in the middle
    bool body_unread = false; ///< the client may still be sending: linger before closing
};

/// `head_bytes`: size of the head at the front of client.in.
[[nodiscard]] net::awaitable<proxy_result> proxy(client_side& client, exchange& x, std::size_t head_bytes);

} // namespace clawgate::app
