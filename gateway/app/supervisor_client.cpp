#include "app/supervisor_client.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <optional>
#include <memory>
#include <string_view>

namespace clawgate::app {
namespace {

using local = net::asio::local::stream_protocol;
using local_socket = net::asio::basic_stream_socket<local, net::executor>;

constexpr auto limit = std::chrono::seconds{60}; // supervisord itself waits for a program's stopwaitsecs
constexpr std::size_t longest_answer = 64 * 1024;

// Of supervisor/xmlrpc.py.
constexpr int bad_name = 10;
constexpr int not_running = 70;

error failure(errc code, std::string detail) {
    return error{code, fault::gateway, retry::later, "supervisord: " + std::move(detail)};
}

/// The program's name comes from this program, so nothing in it needs escaping.
std::string call_text(std::string_view method, std::string_view program, bool wait) {
    const auto body = "<?xml version=\"1.0\"?><methodCall><methodName>" + std::string{method} +
                      "</methodName><params><param><value><string>" + std::string{program} +
                      "</string></value></param><param><value><boolean>" + (wait ? "1" : "0") +
                      "</boolean></value></param></params></methodCall>";
    return "POST /RPC2 HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// 0, or the number of the fault; nothing for what is no answer.
std::optional<int> fault_of(std::string_view answer) {
    if (answer.find(" 200 ") == answer.npos || answer.find("<methodResponse>") == answer.npos)
        return std::nullopt;
    if (answer.find("<fault>") == answer.npos) return 0;
    constexpr std::string_view tag = "<int>";
    const auto at = answer.find(tag);
    int code = -1;
    if (at != answer.npos)
        std::from_chars(answer.data() + at + tag.size(), answer.data() + answer.size(), code);
    return code;
}

net::awaitable<result<int>> call(net::executor ex, std::string path, std::string request) {
    const auto socket = std::make_shared<local_socket>(ex);
    net::timer deadline{ex, limit};
    deadline.async_wait([weak = std::weak_ptr{socket}](net::error_code ec) {
        net::error_code ignored;
        if (const auto s = weak.lock(); s && !ec) s->close(ignored);
    });
    const local::endpoint where{path};
    auto [connect_ec] = co_await socket->async_connect(where, net::tok);
    if (connect_ec) co_return failure(errc::unreachable, path + ": " + connect_ec.message());
    const auto bytes = net::asio::buffer(request);
    auto [write_ec, written] = co_await net::asio::async_write(*socket, bytes, net::tok);
    std::string answer;
    auto to = net::asio::dynamic_buffer(answer, longest_answer);
    const auto read = co_await net::asio::async_read(*socket, to, net::tok);
    static_cast<void>(read); // it ends by closing: what came decides
    static_cast<void>(written);
    if (!socket->is_open()) co_return failure(errc::timeout, "no answer in time");
    if (write_ec) co_return failure(errc::bad_upstream, write_ec.message());
    const auto code = fault_of(answer);
    if (!code) co_return failure(errc::bad_upstream, "the answer cannot be read");
    co_return *code;
}

} // namespace

net::awaitable<result<void>> restart_program(net::executor ex, std::string socket, std::string program) {
    auto stop = call_text("supervisor.stopProcess", program, true);
    auto stopped = co_await call(ex, socket, std::move(stop));
    if (!stopped) co_return stopped.error();
    if (*stopped == bad_name) co_return failure(errc::not_found, "it has no program " + program);
    if (*stopped != 0 && *stopped != not_running)
        co_return failure(errc::bad_upstream,
                          program + " was not stopped (fault " + std::to_string(*stopped) + ")");
    auto start = call_text("supervisor.startProcess", program, false);
    auto started = co_await call(ex, socket, std::move(start));
    if (!started) co_return started.error();
    if (*started != 0)
        co_return failure(errc::bad_upstream,
                          program + " was not started (fault " + std::to_string(*started) + ")");
    co_return result<void>{};
}

} // namespace clawgate::app
