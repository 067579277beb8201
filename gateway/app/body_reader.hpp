#pragma once
// Reads a request body as a whole: for forms and model calls, which must be understood before they are acted
// upon.

#include "app/client_side.hpp"
#include "app/reply.hpp"
#include "net/head_guard.hpp"

#include <functional>

namespace clawgate::app {

enum class body_state {
    complete,
    refused, ///< `refusal` is the answer; the rest of the body may still be coming
    gone,    ///< the client left
};

struct whole_body {
    body_state state = body_state::complete;
    std::string bytes;
    std::string behind; ///< what was read behind it: the next request
    reply refusal;
};

struct body_limits {
    std::size_t most = 8 * 1024;
    waiting_for deadline = waiting_for::form;
    /// Bytes a second, on the mean, once `deadline` has passed since the beginning; 0 = however slow. Without it a
    /// client could hold a half-read body for ever by a byte now and then.
    std::size_t least_rate = 0;
    /// Asked with the bytes that it takes to go on, as they come; false = not now (503).
    std::function<bool(std::size_t)> may_hold;
};

/// Answers Expect: 100-continue. What lies in client.in behind `head_bytes` is looked at but not consumed.
[[nodiscard]] net::awaitable<whole_body> read_whole_body(client_side& client, const net::request_head& head,
                                                         std::size_t head_bytes, const body_limits& limits);

} // namespace clawgate::app
