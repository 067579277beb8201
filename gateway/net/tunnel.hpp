#pragma once
// A WebSocket connection after the agent's 101: bytes pass untouched both ways, with two exceptions. The
// first message of the client may be handed to a gate that replaces or refuses it; and a close frame of ours
// may be put in between two frames of the agent. An idle tunnel holds no buffer.

#include "net/relay.hpp"
#include "net/watchdog.hpp"
#include "net/websocket.hpp"

#include <memory>
#include <string>

namespace clawgate::net {

/// What becomes of a client's first message.
struct gate_decision {
    bool pass = false;
    std::string message;                                    ///< what the agent gets instead
    std::uint16_t close_code = websocket::policy_violation; ///< when it does not pass
    std::string close_reason;

    gate_decision() = default;
    gate_decision(bool p, std::string m)
        : pass{p}
        , message{std::move(m)} {}
};

struct tunnel_summary {
    std::uint64_t bytes_in = 0;   ///< from the client
    std::uint64_t bytes_out = 0;  ///< to the client
    std::uint16_t close_code = 0; ///< sent to the client, by the agent or by us; 0 = it just ended
    std::string close_reason;
    bool closed_by_gateway = false;
};

class tunnel;

/// The owner's side of a tunnel; lives as long as the tunnel.
class tunnel_hooks {
public:
    virtual ~tunnel_hooks() = default;
    /// True: the first message goes to first_message().
    [[nodiscard]] virtual bool gated() const = 0;
    /// Longest wait for that message; then the tunnel is closed with 1008.
    [[nodiscard]] virtual std::chrono::seconds gate_limit() const = 0;
    /// Longest that one side may take no bytes; then the tunnel ends at once.
    [[nodiscard]] virtual std::chrono::seconds write_limit() const = 0;
    [[nodiscard]] virtual awaitable<gate_decision> first_message(std::string message,
                                                                 websocket::opcode kind) = 0;
    /// About once a second; may call close(). `active`: bytes have passed since the last tick.
    virtual void on_tick(tunnel& t, steady_time now, bool active) = 0;
    /// Once, at the end.
    virtual void finished(const tunnel_summary& s) = 0;
};

class tunnel : public watched, public std::enable_shared_from_this<tunnel> {
public:
    tunnel(std::unique_ptr<stream> client, std::unique_ptr<socket> agent, std::unique_ptr<tunnel_hooks> hooks,
           block_pools& pools);
    ~tunnel() override;

    /// `from_client`, `from_agent`: what was read behind the heads.
    void start(std::string from_client, std::string from_agent);

    /// Sends a close frame at the next border between frames, waits up to 2 s for the client's answer, ends.
    void close(std::uint16_t code, std::string reason);
    /// Ends at once.
    void abort() noexcept;

    void on_tick(steady_time now) override;
    void abandon() override { abort(); }

private:
    enum direction { to_agent, to_client };

    awaitable<void> pump_from_client(std::string early);
    awaitable<void> pump_from_agent(std::string early);
    awaitable<bool> pass_gate(std::string& early);
    awaitable<bool> read_gate_message(std::string& held, websocket::first_message& first);
    awaitable<bool> send(direction d, std::string_view bytes);
    awaitable<void> send_close_if_due();
    awaitable<bool> receive(direction from, std::string_view& bytes);
    void pump_ended();
    bool takes_nothing(direction d, steady_time now);

    std::unique_ptr<stream> client_;
    std::unique_ptr<socket> agent_;
    std::unique_ptr<tunnel_hooks> hooks_;
    block_pools& pools_;
    std::unique_ptr<char[]> tls_block_; // TLS only: plain sockets share the worker's scratch block

    websocket::frame_follower agent_frames_;
    std::uint16_t close_code_ = 0; // ours, when one is wanted
    std::string close_reason_;
    bool close_sent_ = false;
    bool at_gate_ = false; // the client's first message is awaited or judged
    bool client_left_ = false;
    bool active_ = false;
    steady_time stalled_[2] = {steady_time::max(),
                               steady_time::max()}; // since when a peer does not take bytes
    std::size_t unsent_[2] = {}; // at the last tick that looked
    int pumps_ = 0;
    tunnel_summary summary_;
};

} // namespace clawgate::net
