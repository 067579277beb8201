#pragma once
// What the parts of fake_agent share.

#include "support/fake_agent.hpp"

#include <atomic>

namespace clawgate::support {

class agent_state {
public:
    explicit agent_state(fake_agent_options o)
        : options{std::move(o)}
        , ready{options.ready} {}

    const fake_agent_options options;
    std::atomic<bool> ready;
    std::atomic<bool> holds_readiness{false};
    // The rest is used on the server's thread only.
    std::set<std::string> device_tokens; ///< given out in hello-ok, good as Bearer
    std::size_t unauthenticated{};       ///< sockets that have not sent a good connect yet
};

using agent_ptr = std::shared_ptr<agent_state>;

/// The secret, or a device token from an earlier hello-ok.
[[nodiscard]] bool bearer_ok(const agent_state& state, const message_head& head);
awaitable<bool> respond_unauthorized(exchange& e);

/// Answers an upgrade and serves the socket until it ends.
awaitable<void> serve_websocket(agent_ptr state, exchange& e);

/// Paths under /test/; false when there is no such path.
awaitable<bool> serve_test_path(exchange& e);

} // namespace clawgate::support
