#include "app/supervisor_client.hpp"

#include "core/encoding.hpp"
#include "core/pod_facts.hpp"

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

std::string request_text(const supervisor_access& at, std::string_view method, std::string_view params) {
    const auto body = "<?xml version=\"1.0\"?><methodCall><methodName>" + std::string{method} +
                      "</methodName><params>" + std::string{params} + "</params></methodCall>";
    const auto credentials = std::string{supervisor_user} + ":" + std::string{at.password().reveal()};
    return "POST /RPC2 HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/xml\r\nAuthorization: Basic " +
           base64_encode(credentials) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// The program's name comes from this program, so nothing in it needs escaping.
std::string call_text(const supervisor_access& at, std::string_view method, std::string_view program, bool wait) {
    return request_text(at, method, "<param><value><string>" + std::string{program} +
                                    "</string></value></param><param><value><boolean>" + (wait ? "1" : "0") +
                                    "</boolean></value></param>");
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

net::awaitable<result<std::string>> ask(net::executor ex, std::string path, std::string request) {
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
    co_return answer;
}

net::awaitable<result<int>> call(net::executor ex, std::string path, std::string request) {
    auto answer = co_await ask(ex, std::move(path), std::move(request));
    if (!answer) co_return answer.error();
    const auto code = fault_of(*answer);
    if (!code) co_return failure(errc::bad_upstream, "the answer cannot be read");
    co_return *code;
}

/// The text between two marks, from `at` on; `at` is then behind it. Nothing when they are not there.
std::optional<std::string_view> between(std::string_view text, std::string_view begin, std::string_view end,
                                        std::size_t& at) {
    const auto first = text.find(begin, at);
    if (first == text.npos) return std::nullopt;
    const auto last = text.find(end, first + begin.size());
    if (last == text.npos) return std::nullopt;
    at = last + end.size();
    return text.substr(first + begin.size(), last - first - begin.size());
}

/// `<int>5</int>` without its tag, if it has one. The names and numbers in use need no unescaping; a description that
/// does is shown with its escapes.
std::string_view without_tag(std::string_view value) {
    if (!value.starts_with('<')) return value;
    const auto begin = value.find('>');
    const auto end = value.rfind("</");
    return begin == value.npos || end == value.npos || end <= begin ? std::string_view{}
                                                                    : value.substr(begin + 1, end - begin - 1);
}

void set_member(program_info& p, std::string_view name, std::string_view value) {
    if (name == "name") p.name = value;
    if (name == "statename") p.state = value;
    if (name == "pid") std::from_chars(value.data(), value.data() + value.size(), p.pid);
    if (name == "start") std::from_chars(value.data(), value.data() + value.size(), p.started);
    if (name == "spawnerr") p.problem = value;
}

} // namespace

std::vector<program_info> programs_in(std::string_view answer) {
    std::vector<program_info> all;
    std::size_t at = 0;
    while (const auto whole = between(answer, "<struct>", "</struct>", at)) {
        program_info p;
        std::size_t inner = 0;
        while (const auto name = between(*whole, "<name>", "</name>", inner)) {
            const auto value = between(*whole, "<value>", "</value>", inner);
            if (!value) break;
            set_member(p, *name, without_tag(*value));
        }
        if (!p.name.empty()) all.push_back(std::move(p));
    }
    return all;
}

net::awaitable<result<std::vector<program_info>>> list_programs(net::executor ex, supervisor_access at) {
    auto request = request_text(at, "supervisor.getAllProcessInfo", "");
    auto answer = co_await ask(ex, at.socket(), std::move(request));
    if (!answer) co_return answer.error();
    if (fault_of(*answer) != 0) co_return failure(errc::bad_upstream, "the answer cannot be read");
    co_return programs_in(*answer);
}

net::awaitable<result<void>> restart_program(net::executor ex, supervisor_access at, std::string program) {
    auto stop = call_text(at, "supervisor.stopProcess", program, true);
    auto stopped = co_await call(ex, at.socket(), std::move(stop));
    if (!stopped) co_return stopped.error();
    if (*stopped == bad_name) co_return failure(errc::not_found, "it has no program " + program);
    if (*stopped != 0 && *stopped != not_running)
        co_return failure(errc::bad_upstream,
                          program + " was not stopped (fault " + std::to_string(*stopped) + ")");
    auto start = call_text(at, "supervisor.startProcess", program, false);
    auto started = co_await call(ex, at.socket(), std::move(start));
    if (!started) co_return started.error();
    if (*started != 0)
        co_return failure(errc::bad_upstream,
                          program + " was not started (fault " + std::to_string(*started) + ")");
    co_return result<void>{};
}

} // namespace clawgate::app
