#include "app/proxy.hpp"

#include "app/model_door.hpp"
#include "app/pipeline.hpp"
#include "app/tunnel_session.hpp"
#include "app/unavailable.hpp"
#include "net/tunnel.hpp"

#include <boost/asio/co_spawn.hpp>

namespace clawgate::app {
namespace {

using net::body_kind;
using std::chrono::microseconds;

constexpr auto backend_idle_limit = std::chrono::seconds{5}; // OpenClaw's own, where it does not say
constexpr auto fresh_enough_for_any_method = std::chrono::seconds{2};
constexpr int max_interim_responses = 16;

microseconds since(steady_time t) {
    return std::chrono::duration_cast<microseconds>(steady_clock::now() - t);
}

/// The request body on its way to the agent, while the answer is awaited.
class request_pump final : public net::relay_observer {
public:
    /// `then`: what the connection waits for once the body has been sent.
    request_pump(client_side& c, net::executor ex, waiting_for then)
        : client_{c}
        , then_{then}
        , finished_{ex} {
        finished_.expires_at(net::timer::time_point::max());
    }

    /// `relay` and `to` must stay until join() has returned.
    void start(net::socket& to, net::body_relay& relay) {
        running_ = true;
        relay.observer = this;
        auto done = [this](std::exception_ptr failed, net::relay_end e) {
            end_ = failed ? net::relay_end{net::relay_outcome::source_failed, errc::io, "internal error"}
                          : std::move(e);
            running_ = false;
            client_.body_done();
            finished_.cancel();
            // Without the rest of the request there is no answer to wait for.
            if (end_.outcome == net::relay_outcome::source_failed ||
                end_.outcome == net::relay_outcome::malformed) {
                boost::system::error_code ignored;
                to_->cancel(ignored);
            }
        };
        to_ = &to;
        auto body = net::relay_body(*client_.stream, to, relay);
        net::asio::co_spawn(to.get_executor(), std::move(body), std::move(done));
    }

    /// Gives up what is still under way and waits until it has ended.
    net::awaitable<void> join() {
        stop_ = true;
        while (running_) {
            client_.stream->cancel();
            boost::system::error_code ignored;
            to_->cancel(ignored);
            auto waited = co_await finished_.async_wait(net::tok);
            static_cast<void>(waited);
        }
    }

    [[nodiscard]] bool running() const noexcept { return running_; }
    [[nodiscard]] const net::relay_end& end() const noexcept { return end_; }
    [[nodiscard]] bool complete() const noexcept {
        return !running_ && end_.outcome == net::relay_outcome::complete;
    }
    [[nodiscard]] bool broke_on_client() const noexcept {
        return !running_ && (end_.outcome == net::relay_outcome::source_failed ||
                             end_.outcome == net::relay_outcome::malformed);
    }

    void waits_for_source() override { progress(waiting_for::client_bytes); }
    void waits_for_sink() override { progress(waiting_for::agent_bytes); }
    bool stopped() const override { return stop_; }
    /// From now on the answer has deadlines of its own.
    void answer_begins() noexcept { answering_ = true; }

private:
    /// The agent's time to answer begins with the end of the body: a long upload that moves is not late.
    void progress(waiting_for w) {
        client_.wait_for_body(w);
        if (!answering_) client_.wait(then_);
    }

    client_side& client_;
    waiting_for then_;
    net::timer finished_;
    bool answering_ = false;
    net::socket* to_ = nullptr;
    bool running_ = false;
    bool stop_ = false;
    net::relay_end end_;
};

class proxy_run final : public net::relay_observer {
public:
    proxy_run(client_side& c, exchange& x, std::size_t head_bytes)
        : client_{c}
        , x_{x}
        , pool_{x.at.agent ? c.home.upstreams.at(static_cast<std::size_t>(x.at.number - 1))
                           : c.home.model->pool}
        , head_bytes_{head_bytes}
        , from_agent_{c.home.pools.small}
        , answer_phase_{x.at.agent && x.is_navigation() ? waiting_for::page_head : waiting_for::upstream_head}
        , pump_{c, c.home.io.get_executor(), answer_phase_} {}

    net::awaitable<proxy_result> run();

private:
    enum class attempt { answered, again, failed };

    void write_head();
    net::awaitable<attempt> try_once(bool may_reuse);
    net::awaitable<bool> get_connection(bool may_reuse);
    void begin_request();
    net::awaitable<bool> send_request();
    net::awaitable<result<void>> read_head();
    net::awaitable<result<void>> forward_interim();
    net::awaitable<void> relay_answer();
    net::awaitable<void> become_tunnel();
    void write_answer_head(body_kind framing);
    attempt fail(const error& e);
    [[nodiscard]] bool body_is_buffered() const;

    void waits_for_source() override { client_.wait(waiting_for::agent_bytes); }
    void waits_for_sink() override { client_.wait(waiting_for::client_bytes); }
    bool stopped() const override { return false; }

    client_side& client_;
    exchange& x_;
    net::upstream_pool& pool_;
    std::size_t head_bytes_;
    net::read_buffer from_agent_;
    waiting_for answer_phase_;
    request_pump pump_;
    net::body_relay request_;
    std::unique_ptr<net::socket> agent_;
    std::string agent_head_;
    std::string answer_head_;
    net::response_head answer_;
    std::size_t answer_head_bytes_ = 0;
    bool got_bytes_ = false;
    bool send_failed_ = false;
    steady_time dispatched_;
    proxy_result r_;
};

bool proxy_run::body_is_buffered() const {
    if (x_.head.body == body_kind::none) return true;
    return x_.head.body == body_kind::length && client_.in.size() - head_bytes_ >= x_.head.content_length;
}

net::awaitable<bool> proxy_run::get_connection(bool may_reuse) {
    const auto asked = steady_clock::now();
    client_.set_upstream(nullptr); // of an attempt before this one
    // A request that must not be sent twice only goes out on a connection that the agent cannot be about to
    // close.
    const auto max_idle = x_.head.is_idempotent() ? std::chrono::seconds{60} : fresh_enough_for_any_method;
    agent_ = may_reuse ? pool_.take_idle(coarse_now(), max_idle) : nullptr;
    r_.reused = agent_ != nullptr;
    if (!agent_) {
        client_.wait(waiting_for::upstream_connect);
        auto made = co_await pool_.connect(client_.upstream_slot());
        if (!made) {
            if (x_.at.agent) x_.at.agent->state.saw_refusal();
            r_.error = std::string{to_string(made.error().code)} + ": " + made.error().detail;
            r_.answer = agent_unavailable(x_);
            co_return false;
        }
        agent_ = std::move(*made);
    }
    client_.set_upstream(agent_.get());
    r_.connect = since(asked);
    co_return true;
}

/// From the beginning, for another attempt too. Before there is a connection: when none can be had, what the
/// client sent of the body must still be known for a body and never be read as its next request.
void proxy_run::begin_request() {
    request_ = {};
    request_.first = agent_head_;
    request_.buffered = client_.in.data().substr(head_bytes_);
    request_.pools = &client_.home.pools;
    request_.decoder.start(x_.head.body, x_.head.content_length, x_.body_limit);
    request_.encoder.start(x_.head.body);
}

/// False when the agent did not take the request, which its answer may explain.
net::awaitable<bool> proxy_run::send_request() {
    if (!body_is_buffered()) {
        pump_.start(*agent_, request_);
        co_return true;
    }
    net::gather out;
    out.add(agent_head_);
    const auto used =
        request_.decoder.take(request_.buffered, out); // Content-Length framing: passes as it is
    request_.used = used ? *used : 0;
    boost::system::error_code ec;
    if (!net::write_now(*agent_, out, ec)) {
        client_.wait(waiting_for::agent_bytes);
        ec = co_await net::write_rest(*agent_, out);
    }
    co_return !ec;
}

net::awaitable<result<void>> proxy_run::read_head() {
    std::size_t searched = 0;
    for (;;) {
        if (const auto end = net::find_head_end(from_agent_.data(), searched)) {
            answer_head_bytes_ = end;
            co_return net::parse_response(from_agent_.data().substr(0, end),
                                          x_.head.method_id == net::verb::head, answer_);
        }
        if (pump_.broke_on_client())
            co_return error{errc::canceled, fault::client, retry::never, "the request broke off"};
        const auto space = from_agent_.space();
        if (space.size() == 0)
            co_return error{errc::bad_upstream, fault::upstream, retry::never,
                            "the agent's response head is over 16 KB"};
        auto [ec, n] = co_await agent_->async_read_some(space, net::tok);
        if (ec == net::asio::error::operation_aborted)
            co_return error{client_.left() ? errc::canceled : errc::timeout, fault::upstream, retry::later,
                            "no answer in time"};
        if (ec)
            co_return error{errc::closed, fault::upstream, got_bytes_ ? retry::never : retry::if_idle_reuse,
                            "the agent closed the connection instead of answering"};
        got_bytes_ = true;
        from_agent_.commit(n);
    }
}

/// 100 Continue and 103 Early Hints, for clients that know them (RFC 9110 section 15.2).
net::awaitable<result<void>> proxy_run::forward_interim() {
    const bool wanted = x_.head.minor_version == 1 && (answer_.status != 100 || x_.head.expect_continue);
    if (wanted) {
        std::string out = "HTTP/1.1 " + std::to_string(answer_.status) + " ";
        out.append(answer_.reason).append("\r\n");
        routing::write_client_fields(answer_, true, out);
        out.append("\r\n");
        if (const auto ec = co_await client_.stream->write_all(out); ec)
            co_return error{errc::canceled, fault::client, retry::never, ec.message()};
    }
    from_agent_.consume(answer_head_bytes_);
    co_return result<void>{};
}

proxy_run::attempt proxy_run::fail(const error& e) {
    if (pump_.broke_on_client()) {
        const auto& end = pump_.end();
        r_.error = std::string{to_string(end.code)} + ": " + end.detail;
        if (end.outcome == net::relay_outcome::malformed)
            r_.answer = end.code == errc::too_large
                            ? json_error(413, "too_large", "the body is over its limit",
                                         "Send less, or raise CLAWGATE_MAX_BODY_MB.")
                            : json_error(400, "bad_request", end.detail, "The body's framing is broken.");
        else if (client_.expired())
            r_.answer =
                json_error(408, "timeout", "the body did not come in time", "Send it without long pauses.");
        else
            r_.status = 499;
        return attempt::failed;
    }
    r_.error = std::string{to_string(e.code)} + ": " + e.detail;
    if (client_.left() || e.code == errc::canceled)
        r_.status = 499; // nobody is there to be told
    else if (e.code == errc::timeout && answer_phase_ == waiting_for::page_head)
        r_.answer = agent_unavailable(x_); // it accepts and is silent: to a person that is down
    else if (e.code == errc::timeout)
        r_.answer = agent_failed(x_, 504, "timeout", "the agent did not answer in time");
    else
        r_.answer = agent_failed(x_, 502, "bad_upstream", e.detail);
    return attempt::failed;
}

net::awaitable<proxy_run::attempt> proxy_run::try_once(bool may_reuse) {
    begin_request();
    if (!co_await get_connection(may_reuse)) co_return attempt::failed;
    dispatched_ = steady_clock::now();
    send_failed_ = !co_await send_request();
    client_.wait(answer_phase_);
    for (int interim = 0;; ++interim) {
        auto head = co_await read_head();
        if (!head) {
            const bool replayable = r_.reused && !got_bytes_ && body_is_buffered() && x_.head.is_idempotent();
            if (head.error().again == retry::if_idle_reuse && replayable) co_return attempt::again;
            co_return fail(head.error());
        }
        if (answer_.status >= 200 || answer_.status == 101) break;
        if (interim == max_interim_responses)
            co_return fail(
                error{errc::bad_upstream, fault::upstream, retry::never, "the agent sends 1xx without end"});
        if (auto r = co_await forward_interim(); !r) co_return fail(r.error());
    }
    r_.first_byte = since(dispatched_);
    if (x_.at.agent) x_.at.agent->state.saw_answer();
    co_return attempt::answered;
}

void proxy_run::write_answer_head(body_kind framing) {
    answer_head_.append("HTTP/1.1 ")
        .append(std::to_string(answer_.status))
        .append(" ")
        .append(answer_.reason)
        .append("\r\n");
    const bool cors = x_.origin_allowed && !x_.head.websocket;
    routing::write_client_fields(answer_, true,
                                 answer_head_); // who may read an answer is the gateway's to say
    const auto add = [this](std::string_view name, std::string_view value) {
        answer_head_.append(name).append(": ").append(value).append("\r\n");
    };
    if (cors) {
        add("Access-Control-Allow-Origin", x_.field(net::field_name::origin));
        add("Access-Control-Allow-Credentials", "true");
        add("Vary", "Origin");
    }
    if (!x_.set_cookie.empty()) add("Set-Cookie", x_.set_cookie);
    if (answer_.status == 101) {
        answer_head_.append("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        return;
    }
    if (framing == body_kind::chunked)
        add("Transfer-Encoding", "chunked");
    else if (answer_.fields.has(net::field_name::content_length) && answer_.status != 204)
        add("Content-Length", answer_.fields.get(net::field_name::content_length));
    if (!r_.keep_alive)
        add("Connection", "close");
    else if (x_.head.minor_version == 0)
        add("Connection", "keep-alive");
    answer_head_.append("\r\n");
}

net::awaitable<void> proxy_run::relay_answer() {
    // RFC 9112 section 6.1: a body without a length is chunked for those who know it, and ends with the
    // connection otherwise.
    auto framing = answer_.body;
    if (framing == body_kind::chunked || framing == body_kind::until_close)
        framing = x_.head.minor_version == 1 ? body_kind::chunked : body_kind::until_close;
    // An answer that comes before the request was read ends the connection: the rest of it is not worth
    // taking.
    const bool request_done = body_is_buffered() || pump_.complete();
    r_.keep_alive = x_.head.keep_alive && request_done && framing != body_kind::until_close &&
                    !x_.shared.draining.load(std::memory_order_relaxed);
    write_answer_head(framing);

    net::body_relay answer;
    answer.first = answer_head_;
    answer.buffered = from_agent_.data().substr(answer_head_bytes_);
    answer.pools = &client_.home.pools;
    answer.observer = this;
    answer.decoder.start(answer_.body, answer_.content_length);
    answer.encoder.start(framing);
    pump_.answer_begins();
    r_.status = answer_.status;
    const auto end = co_await net::relay_body(*agent_, *client_.stream, answer);
    r_.bytes_out = answer.decoder.bytes();
    if (end.outcome != net::relay_outcome::complete) {
        r_.error = client_.left() ? "canceled: the client left"
                                  : std::string{to_string(end.code)} + ": " + end.detail;
        r_.keep_alive = false;
        r_.truncated = true; // the socket dies with this run: the pump may still be using it
        co_return;
    }
    const bool nothing_left = answer.used == answer.buffered.size() && answer.leftover.empty();
    if (answer_.keep_alive && request_done && nothing_left && !send_failed_) {
        const auto limit =
            net::keep_alive_timeout(answer_.fields.get(net::field_name::keep_alive), backend_idle_limit);
        client_.set_upstream(nullptr);
        pool_.give_back(std::move(agent_), coarse_now(), limit);
    }
}

net::awaitable<void> proxy_run::become_tunnel() {
    write_answer_head(body_kind::none);
    r_.status = 101;
    client_.wait(waiting_for::client_bytes);
    if (const auto ec = co_await client_.stream->write_all(answer_head_); ec) {
        r_.error = "closed: " + ec.message();
        co_return;
    }
    r_.tunnelled = true;
    auto early_client = std::string{client_.in.data().substr(head_bytes_)};
    auto early_agent = std::string{from_agent_.data().substr(answer_head_bytes_)};
    client_.set_upstream(nullptr);
    auto hooks = make_tunnel_session(client_, x_);
    const auto t = std::make_shared<net::tunnel>(std::move(client_.stream), std::move(agent_),
                                                 std::move(hooks), client_.home.pools);
    client_.home.dog.add(*t);
    t->start(std::move(early_client), std::move(early_agent));
}

net::awaitable<proxy_result> proxy_run::run() {
    routing::write_agent_request(x_.head, x_.inject, agent_head_);
    auto outcome = co_await try_once(true);
    if (outcome == attempt::again) {
        from_agent_.release();
        outcome = co_await try_once(false);
    }
    if (outcome == attempt::answered) {
        const bool upgraded = answer_.status == 101;
        if (upgraded && x_.head.websocket &&
            answer_.fields.list_contains(net::field_name::upgrade, "websocket"))
            co_await become_tunnel();
        else if (upgraded)
            fail(error{errc::bad_upstream, fault::upstream, retry::never,
                       "the agent changed protocols unasked"});
        else
            co_await relay_answer();
    }
    if (pump_.running()) co_await pump_.join();
    client_.set_upstream(nullptr);
    r_.bytes_in = request_.decoder.bytes();
    r_.body_unread = !request_.decoder.done();
    r_.consumed = request_.used;
    r_.leftover = std::move(request_.leftover);
    if (r_.body_unread) r_.keep_alive = false;
    co_return std::move(r_);
}

} // namespace

net::awaitable<proxy_result> proxy(client_side& client, exchange& x, std::size_t head_bytes) {
    proxy_run run{client, x, head_bytes};
    co_return co_await run.run();
}

} // namespace clawgate::app
