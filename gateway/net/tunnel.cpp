#include "net/tunnel.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace clawgate::net {
namespace {

constexpr std::size_t first_message_limit = 64 * 1024; // as OpenClaw's before authentication
constexpr std::chrono::seconds close_wait{2};

} // namespace

tunnel::tunnel(std::unique_ptr<stream> client, std::unique_ptr<socket> agent,
               std::unique_ptr<tunnel_hooks> hooks, block_pools& pools)
    : client_{std::move(client)}
    , agent_{std::move(agent)}
    , hooks_{std::move(hooks)}
    , pools_{pools} {}

tunnel::~tunnel() = default;

void tunnel::start(std::string from_client, std::string from_agent) {
    pumps_ = 2;
    auto ex = agent_->get_executor();
    const auto self = shared_from_this(); // both coroutines hold one reference until they end
    const auto client_ended = [self](std::exception_ptr) {
        self->client_left_ = true;
        self->abort(); // without the client the rest is of no use
        self->pump_ended();
    };
    const auto agent_ended = [self](std::exception_ptr) {
        // After a close frame the client may still answer it; its pump ends then, or at the deadline.
        if (!self->close_sent_ && !self->agent_frames_.saw_close()) self->abort();
        self->pump_ended();
    };
    asio::co_spawn(ex, pump_from_client(std::move(from_client)), client_ended);
    asio::co_spawn(ex, pump_from_agent(std::move(from_agent)), agent_ended);
}

void tunnel::close(std::uint16_t code, std::string reason) {
    if (close_code_ || agent_frames_.saw_close()) return;
    close_code_ = code;
    close_reason_ = std::move(reason);
    expires_after(close_wait);
    error_code ignored;
    agent_->cancel(ignored); // wakes the pump: it sends the frame as soon as it stands between two frames
}

void tunnel::abort() noexcept {
    // Shut down rather than closed: the pumps still hold operations on both sockets.
    error_code ignored;
    client_->lowest().shutdown(tcp::socket::shutdown_both, ignored);
    agent_->shutdown(tcp::socket::shutdown_both, ignored);
    client_->cancel();
    agent_->cancel(ignored);
}

void tunnel::on_tick(steady_time now) {
    const auto self = shared_from_this(); // a hook may end us
    if (overdue(now)) {
        if (at_gate_ && !close_code_ && !agent_frames_.saw_close())
            return close(websocket::policy_violation, "the connect request did not come in time");
        never_expires();
        return abort();
    }
    for (const auto d : {to_agent, to_client})
        if (takes_nothing(d, now)) return abort();
    hooks_->on_tick(*this, now, std::exchange(active_, false));
}

/// Has one side taken no bytes for too long?
bool tunnel::takes_nothing(direction d, steady_time now) {
    if (stalled_[d] == steady_time::max()) return false;
    const auto unsent = unacknowledged(d == to_agent ? *agent_ : client_->lowest());
    if (unsent < std::exchange(unsent_[d], unsent)) stalled_[d] = now;
    return now - stalled_[d] > hooks_->write_limit();
}

void tunnel::pump_ended() {
    if (--pumps_ > 0) return;
    unlink();
    if (!close_sent_) {
        summary_.close_code = agent_frames_.close_code();
        summary_.close_reason = agent_frames_.close_reason();
    }
    summary_.closed_by_gateway = close_sent_;
    hooks_->finished(summary_);
    client_->close();
}

awaitable<bool> tunnel::send(direction d, std::string_view bytes) {
    (d == to_agent ? summary_.bytes_in : summary_.bytes_out) += bytes.size();
    active_ = true;
    gather g;
    g.add(bytes);
    error_code ec;
    if (d == to_agent ? write_now(*agent_, g, ec) : client_->write_now(g, ec)) co_return !ec;
    // The peer is slower than the sender: what is left must leave the shared block before we wait.
    std::string rest;
    for (const auto& piece : g)
        rest.append(static_cast<const char*>(piece.data()), piece.size());
    g.clear();
    g.add(rest);
    for (bool go_on = true; go_on;) {
        stalled_[d] = coarse_now();
        // Not as `? :`: g++ 12 evaluates co_await in its branches wrongly.
        if (d == to_agent)
            ec = co_await write_more(*agent_, g);
        else
            ec = co_await client_->write_more(g);
        // close() cancels the agent's socket to wake a reader; a write it hits by the way goes on.
        const bool woken =
            d == to_agent && ec == asio::error::operation_aborted && close_code_ && !close_sent_;
        const bool over = d == to_agent && close_sent_; // nothing is for the agent any more
        go_on = ec ? woken : !g.empty() && !over;
    }
    stalled_[d] = steady_time::max();
    co_return !ec;
}

awaitable<bool> tunnel::receive(direction from, std::string_view& bytes) {
    auto& s = from == to_agent ? client_->lowest() : *agent_; // named by where the bytes go
    bytes = {};
    if (from == to_agent && client_->is_tls()) {
        if (!tls_block_) tls_block_ = pools_.small.take();
        auto [ec, n] = co_await client_->read_some({tls_block_.get(), small_block});
        bytes = {tls_block_.get(), n};
        co_return !ec;
    }
    for (;;) {
        auto [wait_ec] = co_await s.async_wait(socket::wait_read, tok);
        if (wait_ec) co_return wait_ec == asio::error::operation_aborted&& close_code_&& from == to_client;
        error_code ec;
        const auto n = s.read_some(asio::buffer(pools_.scratch.get(), large_block), ec);
        if (ec == asio::error::would_block || ec == asio::error::try_again) continue;
        bytes = {pools_.scratch.get(), n};
        co_return !ec;
    }
}

awaitable<void> tunnel::send_close_if_due() {
    if (!close_code_ || close_sent_ || !agent_frames_.at_boundary()) co_return;
    close_sent_ = true;
    summary_.close_code = close_code_;
    summary_.close_reason = close_reason_;
    const auto frame = websocket::encode_close(close_code_, close_reason_);
    expires_after(close_wait);
    if (!co_await send(to_client, frame)) co_return abort();
    // Nothing is for the agent any more; a client whose bytes it does not take is to answer the close frame.
    error_code ignored;
    agent_->cancel(ignored);
}

awaitable<void> tunnel::pump_from_agent(std::string early) {
    std::string_view bytes{early};
    for (;;) {
        if (!bytes.empty()) {
            agent_frames_.follow(bytes);
            if (agent_frames_.saw_close()) expires_after(close_wait + std::chrono::seconds{3});
            if (!co_await send(to_client, bytes)) co_return;
        }
        co_await send_close_if_due();
        if (close_sent_) break;
        if (!co_await receive(to_client, bytes)) {
            // The agent is gone without a word. Say so, unless that is impossible.
            if (!agent_frames_.saw_close() && !close_code_ && !client_left_) {
                close_code_ = websocket::service_restart;
                close_reason_ = "the agent closed the connection";
                co_await send_close_if_due();
            }
            break;
        }
    }
    client_->shutdown_send();
}

awaitable<void> tunnel::pump_from_client(std::string early) {
    if (hooks_->gated()) {
        expires_after(hooks_->gate_limit());
        at_gate_ = true;
        const bool passed = co_await pass_gate(early);
        at_gate_ = false;
        if (!passed) co_return;
        if (!close_code_ && !agent_frames_.saw_close()) never_expires();
    }
    std::string_view bytes{early};
    for (;;) {
        // After our own close frame only the client's answer is waited for, and nothing is for the agent any
        // more.
        // Step by step: in `a && !co_await b && c` g++ 12 awaits b whatever a says.
        if (!bytes.empty() && !close_sent_) {
            const bool sent = co_await send(to_agent, bytes);
            if (!sent && !close_sent_) co_return;
        }
        if (!co_await receive(to_agent, bytes)) co_return;
    }
}

awaitable<bool> tunnel::read_gate_message(std::string& held, websocket::first_message& first) {
    for (;;) {
        auto p = first.feed(held);
        if (!p) {
            close(p.error().code == errc::too_large ? websocket::message_too_big : websocket::protocol_error,
                  p.error().detail);
            co_return false;
        }
        held.erase(0, p->consumed);
        if (!p->pass_on.empty() && !co_await send(to_agent, p->pass_on)) co_return false;
        if (p->complete) co_return true;
        std::string_view bytes;
        if (!co_await receive(to_agent, bytes)) co_return false;
        if (close_code_) co_return false; // what comes now is the answer to our close frame
        held.append(bytes);
    }
}

awaitable<bool> tunnel::pass_gate(std::string& early) {
    websocket::first_message first{first_message_limit};
    std::string held = std::move(early);
    early.clear();
    if (!co_await read_gate_message(held, first)) {
        // Let the close frame go out and the client answer it.
        std::string_view ignored;
        while (close_code_ && co_await receive(to_agent, ignored)) {
        }
        co_return false;
    }
    const auto decision = co_await hooks_->first_message(first.message(), first.kind());
    if (!decision.pass || close_code_) { // it may have been closed while the password was compared
        close(decision.close_code, decision.close_reason);
        std::string_view ignored;
        while (co_await receive(to_agent, ignored)) {
        }
        co_return false;
    }
    const auto mask = websocket::fresh_mask();
    const auto frame = websocket::encode_frame(first.kind(), decision.message, &mask);
    if (!co_await send(to_agent, frame)) {
        std::string_view ignored;
        while (close_sent_ && co_await receive(to_agent, ignored)) {
        }
        co_return false;
    }
    early = std::move(held);
    co_return true;
}

} // namespace clawgate::net
