// The WebSocket side of fake_agent: Beast's WebSocket on the socket that http_server hands over.

#include "support/fake_agent_connect.hpp"
#include "support/fake_agent_parts.hpp"
#include "support/http_server_core.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>

namespace clawgate::support {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
using json = nlohmann::json;

namespace {

constexpr auto tok = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_unauthenticated_message = 64 * 1024;

class ws_session : public std::enable_shared_from_this<ws_session> {
public:
    ws_session(agent_ptr state, exchange& e)
        : state_{std::move(state)}
        , core_{e.core()}
        , head_{e.head}
        , ws_{e.take_socket()}
        , ping_timer_{core_.io}
        , connect_timer_{core_.io}
        , pause_timer_{core_.io} {
        socket_record r;
        r.connection = e.connection_id();
        r.head = head_;
        record_ = core_.add_socket(std::move(r));
    }

    awaitable<void> run(bool raw_echo);
    void stop();

private:
    awaitable<bool> accept();
    awaitable<bool> handshake();
    awaitable<void> echo_loop();
    awaitable<bool> act(const json& message);
    awaitable<bool> push(const json& params);
    awaitable<bool> read(beast::flat_buffer& buffer);
    awaitable<bool> write(std::string text);
    awaitable<void> close(std::uint16_t code, std::string reason);
    awaitable<void> refuse(std::string id, refusal why);
    awaitable<void> ping_loop();
    void cork(bool on);
    void record_control_frames();
    void abort_socket(bool with_reset);

    agent_ptr state_;
    server_core& core_;
    message_head head_;
    websocket::stream<tcp::socket> ws_;
    asio::steady_timer ping_timer_;
    asio::steady_timer connect_timer_;
    asio::steady_timer pause_timer_;
    std::uint64_t record_{};
    std::string nonce_;
    bool closing_{};
};

void ws_session::cork(bool on) {
    const int value = on ? 1 : 0;
    ::setsockopt(ws_.next_layer().native_handle(), IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

void ws_session::record_control_frames() {
    ws_.control_callback([this](websocket::frame_type kind, beast::string_view) {
        // Of a close frame too: after it Beast waits for the peer's FIN before it ends the read.
        const auto why = ws_.reason();
        core_.change_socket(record_, [&](socket_record& r) {
            if (kind == websocket::frame_type::ping) ++r.pings;
            if (kind == websocket::frame_type::pong) ++r.pongs;
            if (kind != websocket::frame_type::close) return;
            r.code = why.code;
            r.reason = std::string{why.reason.data(), why.reason.size()};
        });
    });
}

awaitable<bool> ws_session::accept() {
    websocket::stream_base::timeout timeouts{};
    timeouts.handshake_timeout = std::chrono::seconds{5}; // of a close handshake too
    timeouts.idle_timeout = websocket::stream_base::none();
    timeouts.keep_alive_pings = false;
    ws_.set_option(timeouts);
    ws_.auto_fragment(false);
    ws_.read_message_max(max_unauthenticated_message);
    record_control_frames();
    // Beast reads the head once more from these bytes.
    auto [ec] = co_await ws_.async_accept(asio::buffer(head_.raw), tok);
    if (ec) core_.problem("WebSocket handshake: " + ec.message());
    co_return !ec;
}

awaitable<bool> ws_session::read(beast::flat_buffer& buffer) {
    auto [ec, n] = co_await ws_.async_read(buffer, tok);
    if (!ec) {
        core_.change_socket(record_, [&, size = n](socket_record& r) {
            if (r.messages == 0) {
                r.first_message = beast::buffers_to_string(buffer.data());
                r.first_was_text = ws_.got_text();
            }
            ++r.messages;
            r.bytes += size;
        });
        co_return true;
    }
    const auto problem = ec == websocket::error::closed ? std::string{} : ec.message();
    core_.change_socket(record_, [&](socket_record& r) { r.end_problem = problem; });
    co_return false;
}

awaitable<bool> ws_session::write(std::string text) {
    ws_.text(true);
    auto [ec, n] = co_await ws_.async_write(asio::buffer(text), tok);
    co_return !ec;
}

awaitable<void> ws_session::close(std::uint16_t code, std::string reason) {
    if (closing_) co_return;
    closing_ = true;
    core_.change_socket(record_, [](socket_record& r) { r.sent_close = true; });
    websocket::close_reason why;
    why.code = code;
    why.reason.assign(reason.data(), std::min<std::size_t>(reason.size(), 123));
    co_await ws_.async_close(why, tok);
}

awaitable<void> ws_session::refuse(std::string id, refusal why) {
    json error{{"code", why.code}, {"message", why.message}};
    if (!why.detail.empty()) error["details"] = {{"code", why.detail}};
    const json answer{{"type", "res"}, {"id", id}, {"ok", false}, {"error", error}};
    auto text = answer.dump();
    co_await write(std::move(text));
    co_await close(1008, std::move(why.message));
}

awaitable<bool> ws_session::handshake() {
    nonce_ = random_hex(16);
    const json challenge{{"type", "event"},
                         {"event", "connect.challenge"},
                         {"payload", {{"nonce", nonce_}, {"ts", 1'700'000'000'000}}}};
    auto text = challenge.dump();
    if (!co_await write(std::move(text))) co_return false;
    cork(false);

    connect_timer_.expires_after(state_->options.connect_within);
    connect_timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
        if (!ec) self->abort_socket(false);
    });
    beast::flat_buffer buffer;
    const bool got = co_await read(buffer);
    connect_timer_.cancel();
    if (!got) co_return false;

    const auto message = json::parse(beast::buffers_to_string(buffer.data()), nullptr, false);
    if (!message.is_object()) {
        co_await close(1000, "");
        co_return false;
    }
    auto id = string_of(member_of(message, "id"));
    if (member_of(message, "method") != "connect") {
        refusal why{"INVALID_REQUEST", "invalid handshake: first request must be connect", ""};
        co_await refuse(std::move(id), std::move(why));
        co_return false;
    }
    if (auto why = check_connect(*state_, head_, member_of(message, "params"), nonce_)) {
        co_await refuse(std::move(id), std::move(*why));
        co_return false;
    }
    const auto device_token = "fake-device-" + random_hex(16);
    state_->device_tokens.insert(device_token);
    const json hello{
        {"type", "res"},
        {"id", id},
        {"ok", true},
        {"payload",
         {{"type", "hello-ok"},
          {"protocol", 4},
          {"server", {{"version", "fake"}, {"connId", nonce_}}},
          {"features", {{"methods", {"echo", "close", "push"}}, {"events", {"connect.challenge"}}}},
          {"auth", {{"deviceToken", device_token}, {"role", "operator"}}},
          {"policy", {{"maxPayload", state_->options.max_payload}, {"tickIntervalMs", 30'000}}}}}};
    text = hello.dump();
    core_.change_socket(record_, [](socket_record& r) { r.authenticated = true; });
    ws_.read_message_max(state_->options.max_payload);
    co_return co_await write(std::move(text));
}

awaitable<bool> ws_session::push(const json& params) {
    const auto bytes = number_of(member_of(params, "bytes"), 1024);
    const auto count = number_of(member_of(params, "count"), 1);
    const std::chrono::milliseconds interval{number_of(member_of(params, "interval_ms"), 0)};
    for (std::uint64_t i = 0; i < count && !closing_; ++i) {
        const auto data = pattern_bytes(i * bytes, bytes);
        ws_.binary(true);
        auto [ec, n] = co_await ws_.async_write(asio::buffer(data), tok);
        if (ec) co_return false;
        if (interval.count() > 0) {
            pause_timer_.expires_after(interval);
            co_await pause_timer_.async_wait(tok);
        }
    }
    co_return true;
}

void ws_session::abort_socket(bool with_reset) {
    boost::system::error_code ignored;
    auto& socket = ws_.next_layer();
    if (with_reset) socket.set_option(asio::socket_base::linger{true, 0}, ignored);
    if (!with_reset) socket.shutdown(tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
}

/// True when the message was an order and the session goes on.
awaitable<bool> ws_session::act(const json& message) {
    const auto method = string_of(member_of(message, "method"));
    const auto& params = member_of(message, "params");
    if (method == "echo") {
        const json answer{
            {"type", "res"}, {"id", member_of(message, "id")}, {"ok", true}, {"payload", params}};
        auto text = answer.dump();
        co_return co_await write(std::move(text));
    }
    if (method == "push") co_return co_await push(params);
    if (method == "ping") {
        auto [ec] = co_await ws_.async_ping("fake", tok);
        co_return !ec;
    }
    if (method == "deaf") {
        pause_timer_.expires_after(std::chrono::milliseconds{number_of(member_of(params, "ms"), 1000)});
        co_await pause_timer_.async_wait(tok);
        co_return !closing_;
    }
    if (method == "raw") {
        const auto bytes = unhex(string_of(member_of(params, "hex"))).value_or("");
        auto [ec, n] = co_await asio::async_write(ws_.next_layer(), asio::buffer(bytes), tok);
        co_return !ec;
    }
    if (method == "close") {
        co_await close(static_cast<std::uint16_t>(number_of(member_of(params, "code"), 1000)),
                       string_of(member_of(params, "reason")));
    }
    if (method == "drop") abort_socket(false);
    if (method == "reset") abort_socket(true);
    co_return false;
}

awaitable<void> ws_session::echo_loop() {
    constexpr std::array<std::string_view, 8> orders{"echo", "push",  "ping", "deaf",
                                                     "raw",  "close", "drop", "reset"};
    while (true) {
        beast::flat_buffer buffer;
        if (!co_await read(buffer)) co_return;
        if (ws_.got_text() && buffer.size() < 64 * 1024) {
            const auto message = json::parse(beast::buffers_to_string(buffer.data()), nullptr, false);
            const auto method = string_of(member_of(message, "method"));
            if (std::find(orders.begin(), orders.end(), method) != orders.end()) {
                if (!co_await act(message)) co_return;
                continue;
            }
        }
        ws_.text(ws_.got_text());
        auto [ec, n] = co_await ws_.async_write(buffer.data(), tok);
        if (ec) co_return;
    }
}

awaitable<void> ws_session::ping_loop() {
    const auto self = shared_from_this(); // it may outlive run() by one turn of the loop
    while (true) {
        ping_timer_.expires_after(state_->options.ping_every);
        auto [waited] = co_await ping_timer_.async_wait(tok);
        if (waited || closing_) co_return;
        auto [ec] = co_await ws_.async_ping({}, tok);
        if (ec) co_return;
    }
}

awaitable<void> ws_session::run(bool raw_echo) {
    const auto self = shared_from_this();
    ++state_->unauthenticated;
    // The 101 and the challenge leave in one segment: a proxy must not lose what follows the head.
    if (!raw_echo) cork(true);
    bool good = co_await accept();
    if (good && !raw_echo) good = co_await handshake();
    --state_->unauthenticated;
    if (good) {
        if (raw_echo) ws_.read_message_max(state_->options.max_payload);
        if (state_->options.ping_every.count() > 0) asio::co_spawn(core_.io, ping_loop(), asio::detached);
        co_await echo_loop();
    }
    ping_timer_.cancel();
    core_.change_socket(record_, [](socket_record& r) { r.ended = true; });
}

void ws_session::stop() {
    ping_timer_.cancel();
    connect_timer_.cancel();
    pause_timer_.cancel();
    auto closer = [](std::shared_ptr<ws_session> self) -> awaitable<void> {
        co_await self->close(1012, "service restart");
    };
    asio::co_spawn(core_.io, closer(shared_from_this()), asio::detached);
}

} // namespace

awaitable<void> serve_websocket(agent_ptr state, exchange& e) {
    e.close_after();
    if (e.head.count("sec-websocket-extensions") > 0) {
        e.core().problem("Sec-WebSocket-Extensions arrived: " + *e.head.get("sec-websocket-extensions"));
        co_await e.respond(400, "text/plain",
                           "This fake takes no WebSocket extensions; a gateway must strip them.");
        co_return;
    }
    const bool raw_echo = e.path == "/browser/screencast" || e.path == "/desktop/observe";
    if (!raw_echo && state->unauthenticated >= state->options.max_unauthenticated) {
        co_await e.respond(503, "text/plain", "too many unauthenticated sockets");
        co_return;
    }
    auto session = std::make_shared<ws_session>(std::move(state), e);
    e.on_stop([session] { session->stop(); });
    co_await session->run(raw_echo);
    e.on_stop({});
}

} // namespace clawgate::support
