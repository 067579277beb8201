#pragma once
// The agents behind the gateway.

#include "core/clock.hpp"
#include "core/config.hpp"
#include "core/secret.hpp"
#include "net/upstream_pool.hpp"

#include <atomic>

namespace clawgate::routing {

/// What is known of a backend's health from the last contact with it. Written by any worker, read by all.
class backend_state {
public:
    void saw_answer() noexcept {
        up_.store(true, std::memory_order_relaxed), ever_.store(true, std::memory_order_relaxed);
    }
    void saw_refusal() noexcept { up_.store(false, std::memory_order_relaxed); }
    [[nodiscard]] bool up() const noexcept { return up_.load(std::memory_order_relaxed); }
    /// It has answered at least once since the gateway started: now down means restarting, not starting.
    [[nodiscard]] bool ever_up() const noexcept { return ever_.load(std::memory_order_relaxed); }

private:
    std::atomic<bool> up_{false};
    std::atomic<bool> ever_{false};
};

struct agent {
    const agent_options* options = nullptr;
    net::endpoint backend;
    std::vector<net::tcp::endpoint> addresses; ///< of the backend, looked up once at the start
    net::backend_rule may_serve;               ///< whose program may be the backend
    secret token;                              ///< its own secret: what is injected
    mutable backend_state state;
};

/// Is this the path of OpenClaw's main WebSocket, whose first message is the `connect` request? Its dashboard
/// and its native clients use "/"; all other sockets (screencast, desktop, nodes) pass unchanged.
[[nodiscard]] inline bool is_main_socket(std::string_view path) noexcept {
    return path == "/";
}

/// Only the very root may be tried without a credential.
[[nodiscard]] inline bool allows_native_login(std::string_view path) noexcept {
    return path == "/";
}

} // namespace clawgate::routing
