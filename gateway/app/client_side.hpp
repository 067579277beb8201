#pragma once
// The client's end of a connection: its stream, what was read from it, and the one deadline that is running.

#include "app/worker.hpp"
#include "net/buffer.hpp"
#include "net/stream.hpp"
#include "net/watchdog.hpp"

#include <functional>

namespace clawgate::app {

/// What a connection is waiting for; decides how long, and what its end means.
enum class waiting_for {
    tls_handshake,
    head,         ///< the first byte has come: the rest of a head
    next_request, ///< idle between requests
    form,         ///< the body of a form of ours
    desk,         ///< a verdict about a password
    upstream_connect,
    page_head,     ///< the agent's answer to a navigation: somebody sits before an empty page
    upstream_head, ///< the agent's answer
    model_turn,    ///< a turn at the model, and its answer: the call has deadlines of its own
    agent_bytes,   ///< more of the agent's body: time without progress
    client_bytes,  ///< the client taking or sending more of a body: time without progress
    lingering,     ///< after a refusal: what the client is still sending
};
[[nodiscard]] std::chrono::seconds time_limit(waiting_for w, const config& c) noexcept;

class client_side : public net::watched {
public:
    client_side(worker& w, std::unique_ptr<net::stream> s, connection_counters::slot counted_connection)
        : home{w}
        , stream{std::move(s)}
        , in{w.pools.small}
        , counted{std::move(counted_connection)} {
        w.dog.add(*this);
    }

    worker& home;
    std::unique_ptr<net::stream> stream; ///< null once a tunnel has taken it over
    net::read_buffer in;
    connection_counters::slot counted; ///< goes with the connection into a tunnel

    /// Starts the deadline of a phase (and ends the one before).
    void wait(waiting_for w) {
        waiting_ = w;
        expires_after(time_limit(w, home.shared.options));
    }
    /// A second deadline, for a request body that is sent while the answer is already awaited.
    void wait_for_body(waiting_for w) { body_deadline_ = coarse_now() + time_limit(w, home.shared.options); }
    void body_done() noexcept { body_deadline_ = steady_time::max(); }

    /// The deadline has passed; whoever was waiting was woken with operation_aborted.
    [[nodiscard]] bool expired() const noexcept { return expired_; }
    /// For another try to say something after the deadline.
    void forgive() noexcept { expired_ = false; }
    /// The client closed while the agent was working for it.
    [[nodiscard]] bool left() const noexcept { return left_; }

    /// What must be woken too when a deadline passes: the agent's socket.
    void set_upstream(net::socket* s) noexcept { upstream_ = s; }
    net::socket*& upstream_slot() noexcept { return upstream_; }
    /// Told when a deadline has passed, the client has left or the drain has ended.
    void set_waker(std::function<void()> f) { waker_ = std::move(f); }
    /// The client was seen to leave by somebody who watches its socket.
    void has_left() noexcept { left_ = true; }

    void on_tick(steady_time now) override;
    void abandon() override;

private:
    void wake() noexcept;
    void look_for_progress();

    waiting_for waiting_ = waiting_for::head;
    steady_time body_deadline_ = steady_time::max();
    std::size_t unsent_ = 0; ///< at the last tick that looked
    bool expired_ = false;
    bool left_ = false;
    net::socket* upstream_ = nullptr;
    std::function<void()> waker_;
};

} // namespace clawgate::app
