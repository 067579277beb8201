#include "support/fake_agent.hpp"

#include "support/fake_agent_parts.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace clawgate::support {

using json = nlohmann::json;

namespace {

constexpr std::string_view json_type{"application/json; charset=utf-8"};
constexpr std::string_view text_type{"text/plain; charset=utf-8"};
constexpr std::string_view security_lines{
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "X-Frame-Options: DENY\r\n"
    "Content-Security-Policy: default-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; connect-src 'self' ws: wss:\r\n"};

constexpr std::string_view shell_page{R"(<!doctype html>
<html lang="en" data-fake="clawgate-fake-agent-shell">
<head><meta charset="utf-8"><title>Fake agent</title>
<link rel="stylesheet" href="/assets/app.css"></head>
<body><h1>Fake agent @NAME@</h1>
<p>This is a test stand-in, not OpenClaw.</p>
<p>Connection: <output id="state">connecting</output></p>
<form id="form"><label>Message <input id="message"></label><button>Send</button></form>
<ol id="log"></ol>
<script src="/assets/app.js"></script></body></html>
)"};

// Like the real dashboard it sends no password of its own: that it gets connected shows that one was put in.
constexpr std::string_view shell_script{R"('use strict';
const state = document.getElementById('state');
const log = document.getElementById('log');
let next = 1;
const socket = new WebSocket((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/');
const request = (method, params) =>
  socket.send(JSON.stringify({ type: 'req', id: String(next++), method, params }));
socket.onmessage = (event) => {
  const message = JSON.parse(event.data);
  if (message.event === 'connect.challenge') {
    request('connect', {
      minProtocol: 4, maxProtocol: 4, role: 'operator', scopes: ['operator.read'], caps: [],
      client: { id: 'openclaw-control-ui', version: 'fake', platform: 'web', mode: 'webchat' },
      device: { id: 'fake-device', publicKey: 'fake', signature: 'fake:', nonce: message.payload.nonce },
    });
  } else if (message.payload && message.payload.type === 'hello-ok') {
    state.textContent = 'connected';
  } else if (message.type === 'res') {
    const line = document.createElement('li');
    line.textContent = JSON.stringify(message.payload || message.error);
    log.append(line);
  }
};
socket.onclose = (event) => { state.textContent = 'closed ' + event.code + ' ' + event.reason; };
document.getElementById('form').onsubmit = (event) => {
  event.preventDefault();
  request('echo', { text: document.getElementById('message').value });
};
)"};

bool forwarded_header(const message_head& head) {
    return std::any_of(head.headers.begin(), head.headers.end(), [](const header& h) {
        const auto name = lower(h.name);
        return name == "forwarded" || name == "x-real-ip" || name.starts_with("x-forwarded-") ||
               name.starts_with("tailscale-");
    });
}

bool get_or_head(const exchange& e) {
    return e.head.method == "GET" || e.head.method == "HEAD";
}

awaitable<bool> not_allowed(exchange& e, std::string_view allow) {
    std::string extra{security_lines};
    extra.append("Allow: ").append(allow).append("\r\n");
    co_return co_await e.respond(405, text_type, "Method Not Allowed", extra);
}

awaitable<bool> refuse_attribution(exchange& e) {
    const json body{
        {"error",
         {{"message", "Proxy client attribution is required. Configure gateway.trustedProxies narrowly and "
                      "make the proxy overwrite or safely rebuild forwarded client headers."},
          {"type", "proxy_attribution_required"}}}};
    const auto text = body.dump();
    if (e.head.has_token("connection", "upgrade")) e.close_after();
    co_return co_await e.respond(403, json_type, text, security_lines);
}

// ---- open paths

awaitable<bool> healthz(const agent_ptr&, exchange& e) {
    if (!get_or_head(e)) co_return co_await not_allowed(e, "GET, HEAD");
    co_return co_await e.respond(200, json_type, R"({"ok":true,"status":"live"})",
                                 "Cache-Control: no-store\r\n");
}

awaitable<bool> readyz(const agent_ptr& state, exchange& e) {
    if (!get_or_head(e)) co_return co_await not_allowed(e, "GET, HEAD");
    while (state->holds_readiness)
        if (!co_await e.pause(std::chrono::milliseconds{5})) co_return false;
    const bool ready = state->ready;
    co_return co_await e.respond(ready ? 200 : 503, json_type,
                                 ready ? R"({"ready":true,"failing":[],"uptimeMs":1000})"
                                       : R"({"ready":false,"failing":["startup"]})",
                                 "Cache-Control: no-store\r\n");
}

awaitable<bool> startupz(const agent_ptr&, exchange& e) {
    if (!get_or_head(e)) co_return co_await not_allowed(e, "GET, HEAD");
    co_return co_await e.respond(200, json_type, R"({"ok":true,"status":"started","version":"fake"})",
                                 "Cache-Control: no-store\r\n");
}

awaitable<bool> asset(const agent_ptr&, exchange& e) {
    std::string extra{security_lines};
    extra += "Cache-Control: public, max-age=31536000, immutable\r\n";
    if (e.path == "/assets/app.js") {
        co_return co_await e.respond(200, "text/javascript; charset=utf-8", shell_script, extra);
    }
    if (e.path == "/assets/app.css") {
        co_return co_await e.respond(200, "text/css; charset=utf-8", "body { font-family: sans-serif }\n",
                                     extra);
    }
    co_return co_await e.respond(404, text_type, "Not Found", security_lines);
}

awaitable<bool> service_worker(const agent_ptr&, exchange& e) {
    co_return co_await e.respond(200, "text/javascript; charset=utf-8", "// nothing to cache\n",
                                 security_lines);
}

awaitable<bool> manifest(const agent_ptr&, exchange& e) {
    co_return co_await e.respond(200, "application/manifest+json", R"({"name":"Fake agent"})",
                                 security_lines);
}

// ---- paths that need a credential

awaitable<bool> ui_config(const agent_ptr& state, exchange& e) {
    const json body{{"basePath", ""}, {"assistantName", state->options.name}, {"serverVersion", "fake"}};
    const auto text = body.dump();
    co_return co_await e.respond(200, json_type, text, security_lines);
}

awaitable<bool> reflect(const agent_ptr& state, exchange& e) {
    if (!co_await e.read_body()) co_return false;
    const json body{
        {"ok", true}, {"agent", state->options.name}, {"path", e.path}, {"bodyBytes", e.body_bytes}};
    const auto text = body.dump();
    co_return co_await e.respond(200, json_type, text, security_lines);
}

std::string last_user_text(const json& request) {
    std::string text;
    if (!request.contains("messages") || !request["messages"].is_array()) return text;
    for (const auto& m : request["messages"]) {
        if (m.is_object() && m.value("role", "") == "user" && m.contains("content") &&
            m["content"].is_string()) {
            text = m["content"].get<std::string>();
        }
    }
    return text;
}

awaitable<bool> stream_completion(exchange& e, const std::string& answer, std::chrono::milliseconds pace) {
    if (!co_await e.send_head(200, "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                                   "Transfer-Encoding: chunked\r\n")) {
        co_return false;
    }
    for (std::size_t at = 0; at < answer.size(); at += 8) {
        const json piece{{"object", "chat.completion.chunk"},
                         {"choices", {{{"index", 0}, {"delta", {{"content", answer.substr(at, 8)}}}}}}};
        const auto line = "data: " + piece.dump() + "\n\n";
        if (!co_await e.send_chunk(line)) co_return false;
        if (pace.count() > 0 && !co_await e.pause(pace)) co_return false;
    }
    co_return co_await e.send_chunk("data: [DONE]\n\n") && co_await e.send("0\r\n\r\n");
}

awaitable<bool> completions(const agent_ptr& state, exchange& e) {
    // The method is judged before the credential, as the real one does.
    if (e.head.method != "POST") co_return co_await not_allowed(e, "POST");
    if (!bearer_ok(*state, e.head)) co_return co_await respond_unauthorized(e);
    if (!co_await e.read_body()) co_return false;
    const auto request = json::parse(e.body, nullptr, false);
    if (!request.is_object()) {
        co_return co_await e.respond(
            400, json_type, R"({"error":{"message":"Invalid JSON","type":"invalid_request_error"}})");
    }
    const auto answer = "[fake agent " + state->options.name + "] You wrote: " + last_user_text(request);
    if (request.value("stream", false)) {
        const std::chrono::milliseconds pace{e.number("interval_ms", 0)};
        co_return co_await stream_completion(e, answer, pace);
    }
    const json body{{"object", "chat.completion"},
                    {"model", "openclaw"},
                    {"choices",
                     {{{"index", 0},
                       {"message", {{"role", "assistant"}, {"content", answer}}},
                       {"finish_reason", "stop"}}}},
                    {"usage", {{"prompt_tokens", 1}, {"completion_tokens", 1}, {"total_tokens", 2}}}};
    const auto text = body.dump();
    co_return co_await e.respond(200, json_type, text, security_lines);
}

awaitable<bool> shell(const agent_ptr& state, exchange& e) {
    if (!get_or_head(e)) co_return co_await not_allowed(e, "GET, HEAD");
    // A name with a dot is a file that is not there; everything else is a page of the single-page app.
    if (e.path.find('.', e.path.rfind('/')) != std::string::npos) {
        co_return co_await e.respond(404, text_type, "Not Found", security_lines);
    }
    std::string page{shell_page};
    page.replace(page.find("@NAME@"), 6, state->options.name);
    std::string extra{security_lines};
    extra += "Cache-Control: no-cache\r\nVary: Accept-Encoding\r\n";
    co_return co_await e.respond(200, "text/html; charset=utf-8", page, extra);
}

// ---- the table

enum class need { open, bearer };
using route_handler = awaitable<bool> (*)(const agent_ptr&, exchange&);
struct route {
    std::string_view path; ///< with a final '/': everything below it
    need needs;
    route_handler handle;
};

// The first match counts. Health stands first: it answers even a request with forwarding headers.
constexpr std::array<route, 14> routes{{
    {"/assets/", need::open, asset},
    {"/sw.js", need::open, service_worker},
    {"/manifest.webmanifest", need::open, manifest},
    {"/control-ui-config.json", need::bearer, ui_config},
    {"/avatar/", need::bearer, reflect},
    {"/tools/invoke", need::bearer, reflect},
    {"/sessions/", need::bearer, reflect},
    {"/api/channels", need::bearer, reflect},
    {"/v1/chat/completions", need::open, completions},
    {"/v1/", need::bearer, reflect},
    {"/favicon.ico", need::open, asset},
    {"/api/", need::bearer, reflect},
    {"/tools/", need::bearer, reflect},
    {"/", need::open, shell},
}};
constexpr std::array<route, 3> health_routes{{
    {"/healthz", need::open, healthz},
    {"/readyz", need::open, readyz},
    {"/startupz", need::open, startupz},
}};

bool matches(const route& r, std::string_view path) {
    return r.path.ends_with('/') ? path.starts_with(r.path) : path == r.path;
}

awaitable<void> serve(agent_ptr state, exchange& e) {
    for (const auto& r : health_routes) {
        if (matches(r, e.path)) {
            co_await r.handle(state, e);
            co_return;
        }
    }
    if (forwarded_header(e.head)) {
        co_await refuse_attribution(e);
        co_return;
    }
    if (e.path.starts_with("/test/")) {
        if (!co_await serve_test_path(e)) co_await e.respond(404, text_type, "Not Found");
        co_return;
    }
    if (e.head.has_token("connection", "upgrade") &&
        iequals(e.head.get("upgrade").value_or(""), "websocket")) {
        co_await serve_websocket(state, e);
        co_return;
    }
    for (const auto& r : routes) {
        if (!matches(r, e.path)) continue;
        if (r.needs == need::bearer && !bearer_ok(*state, e.head)) {
            co_await respond_unauthorized(e);
        } else {
            co_await r.handle(state, e);
        }
        co_return;
    }
    co_await e.respond(404, text_type, "Not Found", security_lines);
}

} // namespace

bool bearer_ok(const agent_state& state, const message_head& head) {
    const auto value = head.get("authorization").value_or("");
    constexpr std::string_view scheme{"bearer "};
    if (value.size() <= scheme.size() || !iequals(std::string_view{value}.substr(0, scheme.size()), scheme)) {
        return false;
    }
    const auto token = value.substr(scheme.size());
    return token == state.options.secret || state.device_tokens.contains(token);
}

awaitable<bool> respond_unauthorized(exchange& e) {
    co_return co_await e.respond(
        401, json_type, R"({"error":{"message":"Unauthorized","type":"unauthorized"}})", security_lines);
}

fake_agent::fake_agent(fake_agent_options options)
    : state_{std::make_shared<agent_state>(std::move(options))} {
    server_options server;
    server.bind = state_->options.bind;
    server.port = state_->options.port;
    server.idle = state_->options.idle;
    server.max_records = state_->options.max_records;
    server_ = std::make_unique<http_server>(std::move(server),
                                            [state = state_](exchange& e) { return serve(state, e); });
}

fake_agent::~fake_agent() = default;

std::uint16_t fake_agent::port() const {
    return server_->port();
}

const std::string& fake_agent::secret() const {
    return state_->options.secret;
}

void fake_agent::stop() {
    server_->stop();
}

void fake_agent::set_ready(bool ready) {
    state_->ready = ready;
}

void fake_agent::hold_readiness(bool hold) {
    state_->holds_readiness = hold;
}

traffic fake_agent::seen() const {
    return server_->seen();
}

bool fake_agent::wait_until(const std::function<bool(const traffic&)>& done) const {
    return server_->wait_until(done);
}

void fake_agent::forget() {
    server_->forget();
}

} // namespace clawgate::support
