#include "support/http_server_core.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/evp.h>

#include <memory>

namespace clawgate::support {

namespace {

constexpr auto tok = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t record_copy_limit = 1024 * 1024;

using hash_state = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

hash_state new_sha256() {
    hash_state state{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    EVP_DigestInit_ex(state.get(), EVP_sha256(), nullptr);
    return state;
}

std::string finish(EVP_MD_CTX* state) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    EVP_DigestFinal_ex(state, reinterpret_cast<unsigned char*>(out.data()), &size);
    out.resize(size);
    return hex(out);
}

} // namespace

exchange::exchange(connection& c)
    : connection_{c} {}

std::uint64_t exchange::number(std::string_view name, std::uint64_t otherwise) const {
    const auto it = query.find(std::string{name});
    return it == query.end() ? otherwise : to_number(it->second).value_or(otherwise);
}

std::string exchange::text(std::string_view name, std::string_view otherwise) const {
    const auto it = query.find(std::string{name});
    return it == query.end() ? std::string{otherwise} : it->second;
}

std::uint64_t exchange::on_connection() const {
    return connection_.served;
}

std::uint64_t exchange::connection_id() const {
    return connection_.id;
}

server_core& exchange::core() {
    return connection_.core;
}

void exchange::record(const std::function<void(request_record&)>& change) {
    connection_.core.change_request(connection_.record_id, change);
}

void exchange::malformed(const std::string& why) {
    connection_.close_after = true;
    connection_.core.update([&](traffic& t) { ++t.malformed; });
    connection_.core.problem(why);
}

awaitable<bool> exchange::read_body(bool send_continue) {
    if (body_read_) co_return true;
    body_read_ = true;
    const auto length = head.get("content-length");
    const bool chunked = head.count("transfer-encoding") > 0;
    if (!length && !chunked) {
        record([](request_record& r) { r.body_complete = true; });
        co_return true;
    }
    if (head.count("content-length") > 1 || (length && chunked) ||
        (chunked && !iequals(*head.get("transfer-encoding"), "chunked"))) {
        malformed("ambiguous framing of a request body");
        co_return false;
    }
    if (send_continue && head.has_token("expect", "100-continue") && !continue_sent_) {
        continue_sent_ = true;
        if (!co_await send("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
    }
    if (chunked) co_return co_await read_chunked();
    const auto size = to_number(*length);
    if (!size) {
        malformed("bad Content-Length");
        co_return false;
    }
    const auto sum = new_sha256();
    if (!co_await take_body(*size, sum.get())) co_return false;
    body_sha256 = finish(sum.get());
    record([this](request_record& r) {
        r.body_complete = true;
        r.body_sha256 = body_sha256;
    });
    co_return true;
}

awaitable<bool> exchange::take_body(std::uint64_t bytes, void* sum) {
    auto& in = connection_.in;
    while (bytes > 0) {
        if (in.empty() && !co_await connection_.fill()) co_return false;
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, in.size()));
        const std::string_view piece{in.data(), n};
        EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(sum), piece.data(), piece.size());
        const auto limit = connection_.core.options.max_body_copy;
        if (body.size() < limit) body += piece.substr(0, limit - body.size());
        body_bytes += n;
        record([&](request_record& r) {
            r.body_bytes = body_bytes;
            if (r.body.size() < record_copy_limit)
                r.body += piece.substr(0, record_copy_limit - r.body.size());
        });
        in.erase(0, n);
        bytes -= n;
    }
    co_return true;
}

awaitable<bool> exchange::read_line(std::string& line) {
    auto& in = connection_.in;
    while (true) {
        const auto end = in.find("\r\n");
        if (end != std::string::npos) {
            line = in.substr(0, end);
            in.erase(0, end + 2);
            co_return true;
        }
        if (in.size() > connection_.core.options.max_head) {
            malformed("line of a chunked body over the limit");
            co_return false;
        }
        if (!co_await connection_.fill()) co_return false;
    }
}

awaitable<bool> exchange::read_chunked() {
    const auto sum = new_sha256();
    std::string line;
    while (true) {
        if (!co_await read_line(line)) co_return false;
        const auto size = to_number(std::string_view{line}.substr(0, line.find(';')), 16);
        if (!size) {
            malformed("bad chunk size: " + line.substr(0, 40));
            co_return false;
        }
        if (*size == 0) break;
        if (!co_await take_body(*size, sum.get())) co_return false;
        if (!co_await read_line(line)) co_return false;
        if (!line.empty()) {
            malformed("chunk without its CRLF");
            co_return false;
        }
    }
    while (true) {
        if (!co_await read_line(line)) co_return false;
        if (line.empty()) break;
        auto parsed = parse_header_line(line);
        if (!parsed) {
            malformed("bad trailer: " + line.substr(0, 40));
            co_return false;
        }
        trailers.push_back(std::move(*parsed));
    }
    body_sha256 = finish(sum.get());
    record([this](request_record& r) {
        r.body_complete = true;
        r.body_sha256 = body_sha256;
        r.trailers = trailers;
    });
    co_return true;
}

awaitable<bool> exchange::send(std::string_view bytes) {
    if (connection_.gone) co_return false;
    auto [ec, n] = co_await asio::async_write(connection_.socket, asio::buffer(bytes), tok);
    if (ec) connection_.gone = true;
    co_return !ec;
}

std::string exchange::connection_lines() const {
    if (connection_.close_after || connection_.reset_after) return "Connection: close\r\n";
    const auto& keep = connection_.core.options.keep_alive_header;
    return "Connection: keep-alive\r\n" + (keep.empty() ? std::string{} : keep + "\r\n");
}

awaitable<bool> exchange::send_head(int status, std::string_view extra) {
    std::string out{"HTTP/1.1 " + std::to_string(status) + " "};
    out += reason_phrase(status);
    out += "\r\n";
    out += extra;
    out += connection_lines();
    out += "\r\n";
    co_return co_await send(out);
}

awaitable<bool> exchange::respond(int status, std::string_view type, std::string_view body_text,
                                  std::string_view extra) {
    std::string out{"HTTP/1.1 " + std::to_string(status) + " "};
    out += reason_phrase(status);
    out += "\r\n";
    if (!type.empty()) out.append("Content-Type: ").append(type).append("\r\n");
    out += extra;
    if (status != 204 && status != 304 && status >= 200) {
        out += "Content-Length: " + std::to_string(body_text.size()) + "\r\n";
    }
    out += connection_lines();
    out += "\r\n";
    if (!is_head() && status != 204 && status != 304) out += body_text;
    co_return co_await send(out);
}

awaitable<bool> exchange::send_chunk(std::string_view data) {
    char size[24];
    const int n = std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    std::string out{size, static_cast<std::size_t>(n)};
    out += data;
    out += "\r\n";
    co_return co_await send(out);
}

awaitable<bool> exchange::pause(std::chrono::milliseconds d) {
    if (connection_.gone) co_return false;
    connection_.watch_peer();
    connection_.timer.expires_after(d);
    co_await connection_.timer.async_wait(tok);
    co_return !connection_.gone;
}

awaitable<void> exchange::hang() {
    bool there = true; // named: see the note on g++ 12.2 in fake_agent_test_paths.cpp
    while (there)
        there = co_await pause(std::chrono::hours{1});
}

void exchange::wake() {
    connection_.timer.cancel();
}

void exchange::close_after() {
    connection_.close_after = true;
}

void exchange::reset_after() {
    connection_.reset_after = true;
}

tcp::socket exchange::take_socket() {
    connection_.taken = true;
    return std::move(connection_.socket);
}

void exchange::on_stop(std::function<void()> f) {
    connection_.stop_upgraded = std::move(f);
}

} // namespace clawgate::support
