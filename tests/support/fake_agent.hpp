#pragma once
// A stand-in for one OpenClaw agent as a proxy meets it: its open and closed paths, its refusals word for
// word, its WebSocket handshake, and under /test/ an upstream for every behaviour a relay has to survive.
//
// WebSocket messages after hello-ok, by their "method" (each {"type":"req","id":…,"method":…,"params":{…}}):
//   echo    → a res with the same params
//   close   params.code, params.reason → closes so
//   push    params.bytes, params.count, params.interval_ms → that many binary messages
//   deaf    params.ms → reads nothing for so long
//   ping    → a ping frame;   drop → TCP FIN without a close frame;   reset → TCP reset
//   raw     params.hex → these bytes, frames or not
// Every other message comes back as it is.

#include "support/http_server.hpp"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace clawgate::support {

struct fake_agent_options {
    std::string bind{"127.0.0.1"};
    std::uint16_t port{0};
    std::string secret{"fake-agent-secret"};
    std::string name{"agent_1"};
    /// Exact list, as gateway.controlUi.allowedOrigins; "*" admits every origin.
    std::vector<std::string> allowed_origins{"*"};
    bool pairing_required{false}; ///< refuses every device, as for a client that is not local
    bool ready{true};             ///< answer of /readyz
    std::chrono::milliseconds idle{5000};
    std::chrono::milliseconds ping_every{25'000};     ///< 0: never
    std::chrono::milliseconds connect_within{15'000}; ///< for the connect request
    std::size_t max_unauthenticated{32};
    std::size_t max_payload{26'214'400};
    std::size_t max_records{10'000};
};

/// The text by which tests recognise the app shell.
inline constexpr std::string_view fake_agent_marker{"clawgate-fake-agent-shell"};

class agent_state;

class fake_agent {
public:
    explicit fake_agent(fake_agent_options options = {});
    ~fake_agent(); ///< closes WebSockets with 1012, then everything
    fake_agent(const fake_agent&) = delete;
    fake_agent& operator=(const fake_agent&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] const std::string& secret() const;
    void stop();
    void set_ready(bool ready);
    /// While true, /readyz is not answered.
    void hold_readiness(bool hold);

    [[nodiscard]] traffic seen() const;
    /// Blocks until `done` holds, or ten seconds have passed: then false.
    bool wait_until(const std::function<bool(const traffic&)>& done) const;
    void forget();

private:
    std::shared_ptr<agent_state> state_;
    std::unique_ptr<http_server> server_;
};

} // namespace clawgate::support
