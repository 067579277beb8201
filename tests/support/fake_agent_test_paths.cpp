// The /test/ paths of fake_agent: one upstream behaviour each.
//
// g++ 12.2 lays the frame of a coroutine out wrongly, and it crashes on its first resume, when it has a
// co_await in the condition of an if or while and no named local variable at all: hence the `const bool
// whole` here.

#include "support/fake_agent_parts.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace clawgate::support {

using json = nlohmann::json;
using std::chrono::milliseconds;

namespace {

constexpr std::string_view json_type{"application/json; charset=utf-8"};

json headers_as_json(const std::vector<header>& headers) {
    auto list = json::array();
    for (const auto& h : headers)
        list.push_back(json::array({h.name, h.value}));
    return list;
}

/// What arrived: method, target, headers in order and case, and the body's size and hash.
json report(const exchange& e) {
    return {{"method", e.head.method},
            {"target", e.head.target},
            {"version", e.head.version},
            {"headers", headers_as_json(e.head.headers)},
            {"connection", e.connection_id()},
            {"request_on_connection", e.on_connection()},
            {"body_bytes", e.body_bytes},
            {"body_sha256", e.body_sha256},
            {"trailers", headers_as_json(e.trailers)}};
}

awaitable<void> answer_report(exchange& e, int status = 200) {
    const auto text = report(e).dump(-1, ' ', false, json::error_handler_t::replace);
    co_await e.respond(status, json_type, text);
}

/// /test/echo and /test/upload: reads the body, answers with the report.
awaitable<void> echo(exchange& e) {
    const bool whole = co_await e.read_body();
    if (whole) co_await answer_report(e);
}

/// ?bytes=N&chunk=C&mode=length|chunked|close&interval_ms=I&status=S: pattern_bytes(0, N).
awaitable<void> body(exchange& e) {
    const auto total = e.number("bytes", 1024);
    const auto piece = std::max<std::uint64_t>(1, e.number("chunk", 16 * 1024));
    const auto mode = e.text("mode", "length");
    const milliseconds interval{e.number("interval_ms", 0)};
    std::string lines{"Content-Type: application/octet-stream\r\n"};
    if (mode == "length") lines += "Content-Length: " + std::to_string(total) + "\r\n";
    if (mode == "chunked") lines += "Transfer-Encoding: chunked\r\n";
    if (mode == "close") e.close_after();
    if (!co_await e.send_head(static_cast<int>(e.number("status", 200)), lines) || e.is_head()) co_return;
    for (std::uint64_t at = 0; at < total; at += piece) {
        const auto data = pattern_bytes(at, static_cast<std::size_t>(std::min(piece, total - at)));
        bool sent = false; // not `? co_await … : co_await …`, which g++ 12 gets wrong
        if (mode == "chunked") {
            sent = co_await e.send_chunk(data);
        } else {
            sent = co_await e.send(data);
        }
        if (!sent) co_return;
        if (interval.count() > 0 && !co_await e.pause(interval)) co_return;
    }
    if (mode == "chunked") co_await e.send("0\r\n\r\n");
}

/// ?head_ms=&piece_ms=&pieces=: waits before the head and before each piece "piece N\n".
awaitable<void> slow(exchange& e) {
    if (!co_await e.pause(milliseconds{e.number("head_ms", 0)})) co_return;
    if (!co_await e.send_head(200, "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n")) co_return;
    const auto pieces = e.number("pieces", 3);
    for (std::uint64_t i = 0; i < pieces; ++i) {
        if (!co_await e.pause(milliseconds{e.number("piece_ms", 100)})) co_return;
        const auto text = "piece " + std::to_string(i) + "\n";
        if (!co_await e.send_chunk(text)) co_return;
    }
    co_await e.send("0\r\n\r\n");
}

/// ?events=&interval_ms=: "data: N\n\n", the head at once.
awaitable<void> sse(exchange& e) {
    if (!co_await e.send_head(200, "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                                   "Transfer-Encoding: chunked\r\n")) {
        co_return;
    }
    const auto events = e.number("events", 3);
    const milliseconds interval{e.number("interval_ms", 0)};
    for (std::uint64_t i = 0; i < events; ++i) {
        if (interval.count() > 0 && !co_await e.pause(interval)) co_return;
        const auto text = "data: " + std::to_string(i) + "\n\n";
        if (!co_await e.send_chunk(text)) co_return;
    }
    co_await e.send("0\r\n\r\n");
}

/// ?code=: that status with a small body where one is allowed; 304 comes with the Content-Length of a 200.
awaitable<void> status(exchange& e) {
    const auto code = static_cast<int>(e.number("code", 200));
    if (!co_await e.read_body()) co_return;
    std::string lines;
    if (code == 304) lines = "ETag: \"fake\"\r\nContent-Length: 12\r\n";
    if (code >= 301 && code <= 308 && code != 304)
        lines = "Location: " + e.text("location", "/overview") + "\r\n";
    co_await e.respond(code, "text/plain", "status body\n", lines);
}

/// Chunked answer with trailers; the body reports the request's own trailers.
awaitable<void> trailers(exchange& e) {
    if (!co_await e.read_body()) co_return;
    const auto text = report(e).dump();
    if (!co_await e.send_head(200, "Content-Type: application/json\r\nTrailer: X-Checksum, X-Last\r\n"
                                   "Transfer-Encoding: chunked\r\n")) {
        co_return;
    }
    const auto end = "0\r\nX-Checksum: " + sha256_hex(text) + "\r\nX-Last: yes\r\n\r\n";
    if (!co_await e.send_chunk(text)) co_return;
    co_await e.send(end);
}

/// ?status=413&keep=0|1: answers before it has read any of the body; keep=1 reads the rest afterwards.
awaitable<void> early(exchange& e) {
    const bool keep = e.number("keep", 0) != 0;
    if (!keep) e.close_after();
    co_await e.respond(static_cast<int>(e.number("status", 413)), "text/plain", "too early\n");
    if (keep) co_await e.read_body(false);
}

/// 103 Early Hints, then after hint_ms the 200. ?times=
awaitable<void> hints(exchange& e) {
    const auto times = e.number("times", 1);
    for (std::uint64_t i = 0; i < times; ++i) {
        if (!co_await e.send("HTTP/1.1 103 Early Hints\r\nLink: </assets/app.css>; rel=preload\r\n\r\n"))
            co_return;
    }
    if (!co_await e.pause(milliseconds{e.number("hint_ms", 0)})) co_return;
    co_await e.respond(200, "text/plain", "after the hints\n");
}

/// Sends 100 only when asked for it; ?never=1 sends none and waits for the body; ?refuse=417 answers that
/// status instead of a 100 and closes.
awaitable<void> continues(exchange& e) {
    if (const auto refuse = e.number("refuse", 0); refuse != 0) {
        e.close_after();
        co_await e.respond(static_cast<int>(refuse), "text/plain", "not continued\n");
        co_return;
    }
    if (!co_await e.read_body(e.number("never", 0) == 0)) co_return;
    co_await answer_report(e);
}

struct garbage_kind {
    std::string_view name;
    std::string_view bytes;
    bool then_hang; ///< stays open in the middle; otherwise the connection is closed
};

// Bytes that are not, or not quite, an HTTP response.
constexpr char nul_bytes[] = "HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view nul_head{nul_bytes, sizeof nul_bytes - 1}; // a C string would end at the NUL
constexpr std::array<garbage_kind, 20> garbage_kinds{{
    {"status-line", "HELLO 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
    {"status-code", "HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nok", false},
    {"version", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
    {"content-length", "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok", false},
    {"negative-length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", false},
    {"huge-length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok", false},
    {"two-lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!", false},
    {"cl-and-te",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
    {"transfer-encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", false},
    {"chunk-size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n", false},
    {"chunk-end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokXX0\r\n\r\n", false},
    {"nul", nul_head, false},
    {"bare-lf", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false},
    {"obs-fold", "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\nok", false},
    {"header-line", "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\nok", false},
    {"truncated", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", false},
    {"truncated-chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false},
    {"no-head", "", false},
    {"half-head", "HTTP/1.1 200 OK\r\nContent-Le", false},
    {"half-head-hang", "HTTP/1.1 200 OK\r\nContent-Le", true},
}};

/// ?kind=: one of the table, or big-head (?bytes=), extra (a response nobody asked for), unasked-101.
awaitable<void> garbage(exchange& e) {
    e.close_after();
    const auto kind = e.text("kind", "status-line");
    if (kind == "big-head") {
        const auto line =
            "HTTP/1.1 200 OK\r\nX-Big: " + std::string(e.number("bytes", 300'000), 'x') + "\r\n\r\n";
        co_await e.send(line);
        co_return;
    }
    if (kind == "extra") {
        co_await e.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        co_await e.hang();
        co_return;
    }
    if (kind == "unasked-101") {
        co_await e.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        co_return;
    }
    for (const auto& g : garbage_kinds) {
        if (g.name != kind) continue;
        co_await e.send(g.bytes);
        if (g.then_hang) co_await e.hang();
        co_return;
    }
    co_await e.respond(404, "text/plain", "no such kind\n");
}

/// Never answers; ?read=1 reads the body first.
awaitable<void> hang(exchange& e) {
    const bool read = e.number("read", 0) != 0;
    if (read) co_await e.read_body();
    co_await e.hang();
}

/// TCP reset; ?after=head: after the head and a part of the body.
awaitable<void> reset(exchange& e) {
    if (e.text("after", "") == "head") {
        co_await e.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        co_await e.pause(milliseconds{50}); // else the reset overtakes the bytes in the peer's receive queue
    }
    e.reset_after();
}

/// A whole small response, one byte per ?interval_ms= (1).
awaitable<void> one_byte(exchange& e) {
    const std::string_view all{
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\nX-Trailer: end\r\n\r\n"};
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!co_await e.send(all.substr(i, 1))) co_return;
        if (!co_await e.pause(milliseconds{e.number("interval_ms", 1)})) co_return;
    }
}

/// Closes without an answer when the connection was used before, as an idle limit that strikes just then
/// would; ?always=1 on a fresh one too.
awaitable<void> drop_if_reused(exchange& e) {
    if (e.on_connection() > 0 || e.number("always", 0) != 0) {
        e.close_after();
        co_return;
    }
    const bool whole = co_await e.read_body();
    if (whole) co_await answer_report(e);
}

/// Reads nothing for ?ms=, then all: for back-pressure on an upload.
awaitable<void> hold(exchange& e) {
    const bool there = co_await e.pause(milliseconds{e.number("ms", 1000)});
    const bool whole = there && co_await e.read_body();
    if (whole) co_await answer_report(e);
}

/// Answers 200, says keep-alive, and closes ?ms= later (0: at once).
awaitable<void> lying_keep_alive(exchange& e) {
    const bool whole = co_await e.read_body();
    if (!whole) co_return;
    co_await e.respond(200, "text/plain", "kept alive, or so it says\n");
    co_await e.pause(milliseconds{e.number("ms", 0)});
    e.close_after();
}

/// A response whose headers a proxy must treat with care: hop-by-hop ones, one named by Connection, several
/// Set-Cookie, and an invitation to every origin.
awaitable<void> headers(exchange& e) {
    co_await e.respond(200, "text/plain", "headers\n",
                       "X-Hop: secret\r\nProxy-Authenticate: Basic\r\nTE: trailers\r\nUpgrade: h2c\r\n"
                       "Connection: X-Hop\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/\r\n"
                       "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n"
                       "Access-Control-Expose-Headers: X-Hop\r\nX-Empty:\r\nX-Case-Kept: Yes\r\n");
}

struct test_path {
    std::string_view path;
    awaitable<void> (*handle)(exchange&);
};

constexpr std::array<test_path, 19> test_paths{{
    {"/test/echo", echo},
    {"/test/upload", echo},
    {"/test/body", body},
    {"/test/slow", slow},
    {"/test/sse", sse},
    {"/test/status", status},
    {"/test/trailers", trailers},
    {"/test/early", early},
    {"/test/hints", hints},
    {"/test/continue", continues},
    {"/test/garbage", garbage},
    {"/test/hang", hang},
    {"/test/reset", reset},
    {"/test/one-byte", one_byte},
    {"/test/drop-if-reused", drop_if_reused},
    {"/test/hold", hold},
    {"/test/lying-keep-alive", lying_keep_alive},
    {"/test/headers", headers},
    {"/test/echo/", echo}, // anything below it
}};

} // namespace

awaitable<bool> serve_test_path(exchange& e) {
    for (const auto& p : test_paths) {
        if (e.path == p.path || (p.path.ends_with('/') && e.path.starts_with(p.path))) {
            co_await p.handle(e);
            co_return true;
        }
    }
    co_return false;
}

} // namespace clawgate::support
