#include "app/connection.hpp"

#include "app/body_reader.hpp"
#include "app/desk_await.hpp"
#include "app/error_shapes.hpp"
#include "app/pipeline.hpp"
#include "app/proxy.hpp"
#include "app/routes.hpp"
#include "core/log.hpp"

namespace clawgate::app {
namespace {

constexpr std::size_t max_form_bytes = 8 * 1024;
constexpr std::size_t max_linger_bytes = 1024 * 1024;
const error head_too_large{errc::too_large, fault::client, retry::never, "the request head is over 32 KB"};

class connection {
public:
    connection(worker& w, const door& at, std::unique_ptr<net::stream> s, boost::asio::ip::address peer,
               connection_counters::slot counted)
        : home_{w}
        , at_{at}
        , client_{w, std::move(s), std::move(counted)}
        , peer_{std::move(peer)} {}

    net::awaitable<void> run();

private:
    enum class head_state { complete, closed, refused };

    net::awaitable<head_state> read_head();
    net::awaitable<bool> serve_one();
    net::awaitable<void> decide(exchange& x);
    net::awaitable<bool> serve_own(exchange& x);
    net::awaitable<bool> serve_streamed(exchange& x);
    net::awaitable<bool> read_form(exchange& x);
    net::awaitable<bool> answer(const exchange& x, const reply& r, bool body_pending);
    net::awaitable<void> refuse_head(const error& e);
    net::awaitable<void> linger();
    bool finish_request(std::size_t bytes, std::string_view behind);
    void log_own(const exchange& x, int status, std::size_t bytes_out);
    std::string next_request_id();
    /// Of an answer, as they go out.
    [[nodiscard]] std::size_t body_bytes(const reply& r) const {
        return head_.method_id == net::verb::head ? 0 : r.body.size();
    }

    worker& home_;
    const door& at_;
    client_side client_;
    boost::asio::ip::address peer_;
    net::request_head head_;
    session_cache sessions_;
    std::size_t head_bytes_ = 0;
    bool form_read_ = false;
    std::string behind_form_;
    steady_time began_;
};

std::string connection::next_request_id() {
    // Unique without sharing a counter: the workers count by their own number.
    return home_.shared.run_id + "-" + std::to_string(home_.number) + "-" + std::to_string(++home_.requests);
}

net::awaitable<void> connection::run() {
    // Agents call the model API over plain HTTP from this machine, where nobody else listens in.
    const bool plain = at_.kind == door_kind::model && auth::is_local(peer_);
    if (auto context = plain ? nullptr : home_.shared.tls()) {
        client_.wait(waiting_for::tls_handshake);
        if (const auto ec = co_await client_.stream->accept_tls(std::move(context)); ec) {
            log::event(log_level::debug, "TLS handshake failed",
                       {{"client", peer_.to_string()}, {"error", ec.message()}});
            client_.stream->close();
            co_return;
        }
    }
    for (;;) {
        const auto state = co_await read_head();
        if (state != head_state::complete || !co_await serve_one()) break;
        if (home_.shared.draining.load(std::memory_order_relaxed) && client_.in.empty()) break;
    }
    if (client_.stream) client_.stream->close();
}

net::awaitable<connection::head_state> connection::read_head() {
    client_.wait(client_.in.empty() ? waiting_for::next_request : waiting_for::head);
    std::size_t searched = 0;
    bool begun = !client_.in.empty();
    for (;;) {
        // RFC 9112 section 2.2: an empty line before a request is ignored.
        if (client_.in.data().starts_with("\r\n")) client_.in.consume(2), searched = 0;
        head_bytes_ = net::find_head_end(client_.in.data(), searched);
        if (head_bytes_ > net::max_head_bytes) {
            co_await refuse_head(head_too_large);
            co_return head_state::refused;
        }
        if (head_bytes_) {
            began_ = steady_clock::now();
            const auto ok = net::parse_request(client_.in.data().substr(0, head_bytes_), head_);
            if (ok) co_return head_state::complete;
            co_await refuse_head(ok.error());
            co_return head_state::refused;
        }
        if (client_.in.size() == client_.in.capacity() && client_.in.size() < net::max_head_bytes)
            client_.in.grow(home_.pools.large);
        const auto space = client_.in.space();
        if (client_.in.size() >= net::max_head_bytes || space.size() == 0) {
            co_await refuse_head(head_too_large);
            co_return head_state::refused;
        }
        auto [ec, n] = co_await client_.stream->read_some(space);
        if (ec) {
            if (client_.expired() && !client_.in.empty())
                co_await refuse_head(error{errc::timeout, fault::client, retry::never,
                                           "the request head did not come in time"});
            co_return head_state::closed;
        }
        if (!std::exchange(begun, true))
            client_.wait(waiting_for::head); // the first byte: from now on it must hurry
        client_.in.commit(n);
    }
}

net::awaitable<void> connection::refuse_head(const error& e) {
    const int status = e.code == errc::too_large   ? 431
                       : e.code == errc::timeout   ? 408
                       : e.code == errc::not_found ? 505
                                                   : 400;
    auto r = json_error(status, to_string(e.code), e.detail, "The request was not forwarded.");
    const auto bytes = serialise(r, false, false, 1);
    client_.forgive();
    client_.wait(waiting_for::client_bytes);
    auto ec = co_await client_.stream->write_all(bytes);
    const auto client = peer_.to_string();
    const auto id = next_request_id();
    log::access_record record;
    record.agent = at_.name;
    record.client = client;
    record.caller = "-";
    record.method = "-";
    record.target = "-";
    record.status = status;
    record.bytes_out = r.body.size();
    record.error = e.detail;
    record.request_id = id;
    log::access(record);
    if (!ec) co_await linger();
}

net::awaitable<void> connection::linger() {
    // Closing with unread bytes makes the kernel send RST, which can destroy the answer on its way (RFC 9112
    // section 9.6).
    client_.stream->shutdown_send();
    client_.wait(waiting_for::lingering);
    for (std::size_t read = 0; read < max_linger_bytes;) {
        client_.in.consume(client_.in.size());
        auto [ec, n] = co_await client_.stream->lowest().async_read_some(client_.in.space(), net::tok);
        if (ec) break;
        read += n;
    }
}

net::awaitable<void> connection::decide(exchange& x) {
    std::size_t at = 0;
    while (run_pipeline(x, at) == step::ask_desk) {
        client_.wait(waiting_for::desk);
        auto asked = std::move(*x.asked);
        x.judged = co_await ask_desk(home_.shared.desk, std::move(asked), home_.io.get_executor());
        client_.forgive(); // hashing may have taken its time
    }
}

net::awaitable<bool> connection::serve_one() {
    exchange x{home_.shared, at_, head_, sessions_, peer_};
    x.https = client_.stream->is_tls();
    x.request_id = next_request_id();
    co_await decide(x);
    if (!x.answer.status && (!x.own || x.own->stream)) co_return co_await serve_streamed(x);
    co_return co_await serve_own(x);
}

net::awaitable<bool> connection::read_form(exchange& x) {
    body_limits limits;
    limits.most = max_form_bytes;
    auto read = co_await read_whole_body(client_, head_, head_bytes_, limits);
    x.form = std::move(read.bytes);
    if (read.state == body_state::complete) {
        // The head stays where it is while the handler reads it; what came behind the form is the next
        // request.
        behind_form_ = std::move(read.behind);
        form_read_ = true;
        co_return true;
    }
    client_.forgive();
    x.answer = std::move(read.refusal);
    if (read.state == body_state::gone) log_own(x, 499, 0);
    co_return read.state == body_state::refused;
}

net::awaitable<bool> connection::serve_own(exchange& x) {
    bool body_pending = head_.body != net::body_kind::none;
    if (!x.answer.status) {
        if (x.own->takes_form && body_pending) {
            if (!co_await read_form(x)) co_return false;
            body_pending = !form_read_;
        }
        if (!x.answer.status) {
            client_.wait(waiting_for::desk); // it may have to wait for a verdict; the form's time is over
            co_await x.own->handle(home_, x);
            client_.forgive();
        }
        wipe(x.form);
    }
    reshape(x.answer, x.errors);
    co_return co_await answer(x, x.answer, body_pending);
}

net::awaitable<bool> connection::answer(const exchange& x, const reply& r, bool body_pending) {
    const bool keep = head_.keep_alive && !body_pending && !r.close &&
                      !home_.shared.draining.load(std::memory_order_relaxed);
    const auto bytes = serialise(r, head_.method_id == net::verb::head, keep, head_.minor_version);
    log_own(x, r.status, body_bytes(r));
    const bool fits = std::exchange(form_read_, false)
                          ? finish_request(client_.in.size(), std::exchange(behind_form_, {}))
                          : finish_request(head_bytes_, {});
    client_.wait(waiting_for::client_bytes);
    if (const auto ec = co_await client_.stream->write_all(bytes); ec) co_return false;
    if (body_pending) co_await linger();
    co_return keep && fits;
}

/// Drops a request's bytes from the buffer, and puts those that were read behind it there. False when they do
/// not fit.
bool connection::finish_request(std::size_t bytes, std::string_view behind) {
    client_.in.consume(bytes);
    if (behind.empty()) return true;
    if (client_.in.capacity() < client_.in.size() + behind.size()) {
        static_cast<void>(client_.in.space()); // there is a block
        client_.in.grow(home_.pools.large);
    }
    const auto space = client_.in.space();
    if (space.size() < behind.size()) return false;
    std::memcpy(space.data(), behind.data(), behind.size());
    client_.in.commit(behind.size());
    return true;
}

void connection::log_own(const exchange& x, int status, std::size_t bytes_out) {
    const auto client = x.client.to_string();
    log::access_record r;
    r.agent = at_.name;
    r.client = client;
    r.caller = to_string(x.who);
    r.method = head_.method;
    r.target = head_.target;
    r.status = status;
    r.bytes_out = bytes_out;
    r.total = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began_);
    r.request_id = x.request_id;
    log::access(r);
}

net::awaitable<bool> connection::serve_streamed(exchange& x) {
    auto serving = x.own ? x.own->stream(client_, x, head_bytes_) : proxy(client_, x, head_bytes_);
    auto result = co_await std::move(serving);
    reshape(result.answer, x.errors);
    if (result.tunnelled) co_return false; // the tunnel writes the line in the log
    const auto client = x.client.to_string();
    log::access_record r;
    r.agent = at_.name;
    r.client = client;
    r.caller = to_string(x.who);
    r.method = head_.method;
    r.target = head_.target;
    r.status = result.answer.status ? result.answer.status : result.status;
    r.bytes_in = result.bytes_in;
    r.bytes_out = result.answer.status ? body_bytes(result.answer) : result.bytes_out;
    r.total = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began_);
    r.connect = result.connect;
    r.first_byte = result.first_byte;
    r.reused = result.reused;
    r.request_id = x.request_id;
    r.error = result.error;
    log::access(r);

    bool keep = result.keep_alive;
    if (result.answer.status) {
        keep =
            head_.keep_alive && !result.body_unread && !home_.shared.draining.load(std::memory_order_relaxed);
        const auto bytes =
            serialise(result.answer, head_.method_id == net::verb::head, keep, head_.minor_version);
        client_.forgive();
        client_.wait(waiting_for::client_bytes);
        if (const auto ec = co_await client_.stream->write_all(bytes); ec) co_return false;
    }
    keep = finish_request(head_bytes_ + result.consumed, result.leftover) && keep;
    if (result.truncated)
        client_.stream->close(true); // RST: the end must not look like one
    else if (result.body_unread)
        co_await linger();
    co_return keep && !client_.expired();
}

} // namespace

net::awaitable<void> serve_connection(worker& w, const door& at, std::unique_ptr<net::stream> s,
                                      boost::asio::ip::address peer, connection_counters::slot counted) {
    try {
        connection c{w, at, std::move(s), std::move(peer), std::move(counted)};
        co_await c.run();
    } catch (const std::exception& e) {
        log::event(log_level::error, "a connection ended by an exception", {{"what", e.what()}});
    }
}

} // namespace clawgate::app
