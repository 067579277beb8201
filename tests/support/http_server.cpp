#include "support/http_server.hpp"

#include "support/http_server_core.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <future>

namespace clawgate::support {

namespace {
constexpr auto tok = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds stop_grace{500};
} // namespace

// ---- server_core
// -------------------------------------------------------------------------------------------

server_core::server_core(server_options o, handler h)
    : options{std::move(o)}
    , handle{std::move(h)} {
    const tcp::endpoint where{asio::ip::make_address(options.bind), options.port};
    acceptor.open(where.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address{true});
    acceptor.bind(where);
    acceptor.listen(1024);
    port = acceptor.local_endpoint().port();
}

server_core::~server_core() {
    stop();
}

void server_core::start() {
    asio::co_spawn(io, accept_loop(), asio::detached);
    thread_ = std::thread{[this] {
        while (true) {
            try {
                io.run();
                return;
            } catch (const std::exception& e) {
                problem(std::string{"exception on the server's thread: "} + e.what());
            }
        }
    }};
}

void server_core::stop() {
    if (!thread_.joinable()) return;
    asio::post(io, [this] { begin_stop(); });
    thread_.join();
    stopped_ = true;
}

void server_core::run_there(const std::function<void()>& f) {
    if (!thread_.joinable()) return f();
    std::promise<void> done;
    asio::post(io, [&] {
        f();
        done.set_value();
    });
    done.get_future().wait();
}

void server_core::begin_stop() {
    stopping = true;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    const auto now = live; // stopping one changes the set
    for (auto* c : now)
        c->stop();
    if (live.empty()) return;
    grace_.expires_after(stop_grace);
    grace_.async_wait([this](boost::system::error_code ec) {
        if (!ec) io.stop();
    });
}

void server_core::ended() {
    if (stopping && !stopped_ && live.empty()) grace_.cancel();
}

awaitable<void> server_core::accept_loop() {
    while (true) {
        auto [ec, socket] = co_await acceptor.async_accept(tok);
        if (!acceptor.is_open()) co_return;
        if (ec) continue;
        socket.set_option(tcp::no_delay{true}, ec);
        auto c = std::make_shared<connection>(*this, std::move(socket), ++next_connection);
        auto running = c->run();
        asio::co_spawn(io, std::move(running), asio::detached);
    }
}

void server_core::update(const std::function<void(traffic&)>& change) {
    {
        const std::lock_guard lock{mutex_};
        change(traffic_);
    }
    changed_.notify_all();
}

std::uint64_t server_core::add_request(request_record r) {
    std::uint64_t id = 0;
    update([&](traffic& t) {
        ++t.total_requests;
        id = requests_forgotten_ + t.requests.size();
        if (t.requests.size() < options.max_records) {
            t.requests.push_back(std::move(r));
        } else {
            id = UINT64_MAX;
        }
    });
    return id;
}

void server_core::change_request(std::uint64_t id, const std::function<void(request_record&)>& change) {
    update([&](traffic& t) {
        if (id >= requests_forgotten_ && id - requests_forgotten_ < t.requests.size()) {
            change(t.requests[id - requests_forgotten_]);
        }
    });
}

std::uint64_t server_core::add_socket(socket_record r) {
    std::uint64_t id = 0;
    update([&](traffic& t) {
        id = sockets_forgotten_ + t.sockets.size();
        if (t.sockets.size() < options.max_records) {
            t.sockets.push_back(std::move(r));
        } else {
            id = UINT64_MAX;
        }
    });
    return id;
}

void server_core::change_socket(std::uint64_t id, const std::function<void(socket_record&)>& change) {
    update([&](traffic& t) {
        if (id >= sockets_forgotten_ && id - sockets_forgotten_ < t.sockets.size()) {
            change(t.sockets[id - sockets_forgotten_]);
        }
    });
}

void server_core::problem(const std::string& what) {
    update([&](traffic& t) {
        if (t.problems.size() < 1000) t.problems.push_back(what);
    });
}

traffic server_core::seen() const {
    const std::lock_guard lock{mutex_};
    return traffic_;
}

bool server_core::wait_until(const std::function<bool(const traffic&)>& done) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{10}, [&] { return done(traffic_); });
}

void server_core::forget() {
    update([&](traffic& t) {
        requests_forgotten_ += t.requests.size();
        sockets_forgotten_ += t.sockets.size();
        t.requests.clear();
        t.sockets.clear();
    });
}

// ---- connection
// --------------------------------------------------------------------------------------------

connection::connection(server_core& c, tcp::socket s, std::uint64_t number)
    : core{c}
    , socket{std::move(s)}
    , id{number}
    , timer{c.io} {
    core.live.insert(this);
    core.update([](traffic& t) {
        ++t.connections;
        ++t.open;
    });
}

connection::~connection() {
    core.live.erase(this);
    core.update([](traffic& t) { --t.open; });
    core.ended();
}

void connection::stop() {
    gone = true;
    timer.cancel();
    if (stop_upgraded) {
        stop_upgraded();
    } else if (!taken) {
        boost::system::error_code ignored;
        socket.close(ignored);
    }
}

void connection::watch_peer() {
    if (watching_ || gone) return;
    watching_ = true;
    socket.async_wait(tcp::socket::wait_read, [self = shared_from_this()](boost::system::error_code ec) {
        self->watching_ = false;
        if (ec) return;
        char byte = 0;
        const auto n = ::recv(self->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            self->gone = true;
            self->timer.cancel();
        }
    });
}

awaitable<bool> connection::fill() {
    constexpr std::size_t piece = 64 * 1024;
    const auto before = in.size();
    in.resize(before + piece);
    auto [ec, n] = co_await socket.async_read_some(asio::buffer(in.data() + before, piece), tok);
    in.resize(before + n);
    if (ec) gone = true;
    co_return !ec;
}

awaitable<bool> connection::read_head(std::string& raw) {
    // The idle limit counts between requests only, as Node's keepAliveTimeout does.
    if (served > 0 && core.options.idle.count() > 0 && in.empty()) {
        timer.expires_after(core.options.idle);
        timer.async_wait([self = shared_from_this()](boost::system::error_code ec) {
            boost::system::error_code ignored;
            if (!ec) self->socket.close(ignored);
        });
    }
    while (true) {
        const auto end = in.find("\r\n\r\n");
        if (end != std::string::npos) {
            raw = in.substr(0, end + 4);
            in.erase(0, end + 4);
            co_return true;
        }
        if (in.size() > core.options.max_head) {
            co_await refuse("head over the limit");
            co_return false;
        }
        if (!co_await fill()) {
            if (!in.empty() && !core.stopping) core.problem("connection ended in the middle of a head");
            co_return false;
        }
        timer.cancel();
    }
}

awaitable<void> connection::refuse(const std::string& why) {
    core.update([&](traffic& t) { ++t.malformed; });
    core.problem(why);
    const std::string answer{"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"};
    co_await asio::async_write(socket, asio::buffer(answer), tok);
}

awaitable<bool> connection::one_request() {
    std::string raw;
    if (!co_await read_head(raw)) co_return false;
    std::string why;
    auto head = parse_request_head(std::move(raw), why);
    if (!head) {
        co_await refuse(why);
        co_return false;
    }
    request_record r;
    r.connection = id;
    r.number = served;
    r.head = *head;
    record_id = core.add_request(std::move(r));

    exchange e{*this};
    e.head = std::move(*head);
    split_target(e.head.target, e.path, e.query);
    if (e.head.has_token("connection", "close") || e.head.version == "HTTP/1.0") close_after = true;
    co_await core.handle(e);
    // What the handler did not read must not be taken for the next request; a body that waits for a 100 never
    // comes.
    const bool body_may_never_come = e.head.has_token("expect", "100-continue") && !e.continue_sent_;
    if (!taken && !close_after && !reset_after && !gone && !e.body_read_) {
        if (body_may_never_come) {
            close_after = true;
        } else {
            co_await e.read_body(false);
        }
    }
    const bool left = gone && !core.stopping;
    core.change_request(record_id, [&](request_record& rec) {
        rec.finished = true;
        rec.peer_left = left;
    });
    ++served;
    co_return !taken && !close_after && !reset_after && !gone;
}

awaitable<void> connection::run() {
    const auto self = shared_from_this(); // the coroutine owns the connection
    try {
        while (co_await one_request()) {
        }
    } catch (const std::exception& e) {
        core.problem(std::string{"exception in a handler: "} + e.what());
    }
    if (!taken) end();
}

void connection::end() {
    boost::system::error_code ignored;
    timer.cancel();
    if (reset_after) socket.set_option(asio::socket_base::linger{true, 0}, ignored);
    if (!reset_after) socket.shutdown(tcp::socket::shutdown_send, ignored);
    socket.close(ignored);
}

// ---- http_server
// -------------------------------------------------------------------------------------------

http_server::http_server(server_options options, handler h)
    : core_{std::make_unique<server_core>(std::move(options), std::move(h))} {
    core_->start();
}

http_server::~http_server() = default;

std::uint16_t http_server::port() const {
    return core_->port;
}

void http_server::stop() {
    core_->stop();
}

traffic http_server::seen() const {
    return core_->seen();
}

bool http_server::wait_until(const std::function<bool(const traffic&)>& done) const {
    return core_->wait_until(done);
}

void http_server::forget() {
    core_->forget();
}

void http_server::run_there(const std::function<void()>& f) {
    core_->run_there(f);
}

} // namespace clawgate::support
