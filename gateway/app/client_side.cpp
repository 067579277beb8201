#include "app/client_side.hpp"

namespace clawgate::app {

namespace {

/// A turn of the slowest agent may take its whole time limit before the first byte.
std::chrono::seconds longest_answer(const config& c) noexcept {
    if (c.phases.agent.count() > 0) return c.phases.agent;
    auto longest = std::chrono::seconds{60};
    for (const auto& a : c.agents)
        longest = std::max(longest, a.behaviour.timeout + std::chrono::seconds{30});
    return longest;
}

} // namespace

std::chrono::seconds time_limit(waiting_for w, const config& c) noexcept {
    const auto& p = c.phases;
    switch (w) {
    case waiting_for::tls_handshake: return p.tls_handshake;
    case waiting_for::head: return p.head;
    case waiting_for::form: return p.form;
    case waiting_for::next_request: return p.next_request;
    case waiting_for::desk: return p.desk;
    case waiting_for::upstream_connect: return p.upstream_connect;
    case waiting_for::page_head: return p.page;
    case waiting_for::upstream_head:
    case waiting_for::agent_bytes: return longest_answer(c);
    case waiting_for::model_turn: return std::chrono::hours{24};
    case waiting_for::client_bytes: return p.client_bytes;
    case waiting_for::lingering: return p.lingering;
    }
    return p.head;
}

void client_side::wake() noexcept {
    if (stream) stream->cancel();
    boost::system::error_code ignored;
    if (upstream_) upstream_->cancel(ignored);
    if (waker_) waker_();
}

void client_side::abandon() {
    expired_ = true;
    wake();
}

/// A client that reads slowly but steadily makes progress long before its socket is writable again.
void client_side::look_for_progress() {
    if (waiting_ != waiting_for::client_bytes || !stream) return;
    const auto unsent = net::unacknowledged(stream->lowest());
    if (unsent < std::exchange(unsent_, unsent)) wait(waiting_);
}

void client_side::on_tick(steady_time now) {
    look_for_progress();
    if (overdue(now) || now >= body_deadline_) {
        expired_ = true;
        return wake(); // every second again, until somebody notices
    }
    if (home.shared.draining.load(std::memory_order_relaxed) && waiting_ == waiting_for::next_request)
        return wake();
    // While the agent works nothing is read from the client: whether it is still there must be looked up.
    const bool agent_works = waiting_ == waiting_for::page_head || waiting_ == waiting_for::upstream_head ||
                             waiting_ == waiting_for::agent_bytes || waiting_ == waiting_for::model_turn;
    if (agent_works && stream && net::peer_has_left(stream->lowest())) {
        left_ = true;
        boost::system::error_code ignored;
        if (upstream_) upstream_->cancel(ignored);
        if (waker_) waker_();
    }
}

} // namespace clawgate::app
