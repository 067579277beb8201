#include "app/server.hpp"

#include "app/connection.hpp"
#include "app/model_door.hpp"
#include "app/pod_watch.hpp"
#include "app/worker.hpp"
#include "core/log.hpp"
#include "core/net_names.hpp"
#include "net/listener_owner.hpp"
#include "net/tls.hpp"
#include "net/tunnel.hpp"
#include "routing/agent_users.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <thread>

namespace clawgate::app {
namespace {

using reuse_port = net::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

boost::system::error_code open_listener(net::acceptor& a, const net::tcp::endpoint& where, bool shared) {
    boost::system::error_code ec;
    a.open(where.protocol(), ec);
    if (!ec) a.set_option(net::acceptor::reuse_address{true}, ec);
    if (!ec && shared) a.set_option(reuse_port{true}, ec);
    if (!ec) a.bind(where, ec);
    if (!ec) a.listen(1024, ec);
    return ec;
}

/// Each client's requests are counted on their own; this bounds idle connections, and what a proxy sends that
/// names no client.
unsigned most_of_a_proxy(unsigned most_of_a_client) {
    return std::min(16u * most_of_a_client, 60'000u); // the counters have 16 bits
}

void prepare_socket(net::socket& s) {
    boost::system::error_code ignored;
    s.set_option(net::tcp::no_delay{true}, ignored);
    s.set_option(net::asio::socket_base::keep_alive{true}, ignored); // a browser that vanished without a word
    s.non_blocking(true, ignored);
}

} // namespace

struct server::impl {
    impl(config c, std::vector<secret> tokens, secret key)
        : shared{std::move(c), std::move(tokens), std::move(key)} {}

    struct listening {
        net::acceptor acceptor;
        const door* at;
    };

    gateway shared;
    std::unique_ptr<pod_watch> pod;
    std::vector<std::unique_ptr<worker>> workers;
    std::unique_ptr<model_door> model;                              // of the last worker; goes before it
    std::vector<std::vector<std::unique_ptr<listening>>> listeners; // by worker
    std::vector<std::uint16_t> ports;
    std::vector<std::thread> threads;
    std::atomic<unsigned> open_connections{0};
    bool share_ports =
        true; ///< an acceptor for each worker (SO_REUSEPORT); otherwise the first one accepts for all
    bool running = false;

    result<void> resolve_backends();
    std::vector<net::asio::ip::address> addresses_of(const door& d) const;
    result<void> choose_ports();
    result<void> open_all();
    net::awaitable<void> accept_loop(worker& w, listening& l);
    net::awaitable<bool> accept_one(worker& w, listening& l, std::size_t turn);
    void run_worker(worker& w);
    void drain(worker& w, std::vector<std::unique_ptr<listening>>& ls);
};

server::server(config c, std::vector<secret> agent_tokens, secret session_key)
    : impl_{std::make_unique<impl>(std::move(c), std::move(agent_tokens), std::move(session_key))} {}

server::~server() {
    if (impl_->running) stop(std::chrono::seconds{0});
}

gateway& server::state() {
    return impl_->shared;
}
std::uint16_t server::port(std::size_t i) const {
    return impl_->ports.at(i);
}

/// The interfaces of a door; throws for a name without an address.
std::vector<net::asio::ip::address> server::impl::addresses_of(const door& d) const {
    const bool of_model = d.kind == door_kind::model;
    const auto& host = of_model ? shared.options.ollama.host : shared.options.bind;
    std::vector all{net::resolve({host, d.port}).value().front().address()};
    // Agents call the model API on loopback, also where it is served on one other interface: from there their
    // tokens would not be taken.
    if (of_model && !all.front().is_unspecified() && !auth::is_local(all.front()))
        all.push_back(net::asio::ip::make_address(loopback_for(host)));
    return all;
}

result<void> server::impl::resolve_backends() {
    std::string failures;
    const routing::agent_users users{shared.options};
    shared.may_serve_models = users.rule_for_model_server();
    for (auto& a : shared.agents) {
        a->may_serve = users.rule_for_agent(a->options->number);
        auto found = net::resolve(a->backend);
        if (found)
            a->addresses = std::move(*found);
        else
            failures.append(failures.empty() ? "" : "; ")
                .append(a->options->name + ": " + found.error().detail);
    }
    if (auto found = net::resolve(shared.model_server))
        shared.model_server_addresses = std::move(*found);
    else
        failures.append(failures.empty() ? "" : "; ").append("CLAWGATE_OLLAMA_URL: " + found.error().detail);
    if (!failures.empty()) return error{errc::unreachable, fault::gateway, retry::later, failures};
    return {};
}

/// Binds every port once without SO_REUSEPORT: with it, a second gateway would silently share the first one's
/// ports.
result<void> server::impl::choose_ports() {
    net::asio::io_context io;
    std::vector<net::acceptor> probes;
    std::string failures;
    for (const auto& d : shared.doors) {
        auto port = d->port; // 0: chosen once, for all addresses
        for (const auto& address : addresses_of(*d)) {
            auto& probe = probes.emplace_back(io.get_executor());
            if (const auto failed = open_listener(probe, {address, port}, false); failed)
                failures.append(failures.empty() ? "" : "; ")
                    .append(d->name + " needs port " + std::to_string(port) + " of " + address.to_string() +
                            ": " + failed.message());
            else
                port = probe.local_endpoint().port();
        }
        ports.push_back(port);
    }
    if (!failures.empty()) return error{errc::io, fault::gateway, retry::never, failures};
    return {};
}

result<void> server::impl::open_all() {
    if (auto r = choose_ports(); !r) return r;
    // Where agents run as the gateway's own user, one of them could bind a shared port too and take logins: the
    // kernel lets every process of that user.
    share_ports = !routing::agent_users{shared.options}.shared_with_gateway();
    // The model API and the control port have a worker of their own, the last: one owner for who may use the
    // model next, and no long body that is read here delays a dashboard.
    const auto last = std::max(1u, shared.options.workers);
    for (unsigned n = 0; n <= last; ++n) {
        auto& w = *workers.emplace_back(std::make_unique<worker>(shared, n));
        auto& mine = listeners.emplace_back();
        const bool serves_model = n == last;
        for (std::size_t i = 0; i < shared.doors.size(); ++i) {
            const bool agents_door = shared.doors[i]->kind == door_kind::agent;
            if (agents_door == serves_model || (agents_door && n > 0 && !share_ports)) continue;
            for (const auto& address : addresses_of(*shared.doors[i])) {
                auto l = std::make_unique<listening>(net::acceptor{w.io.get_executor()}, shared.doors[i].get());
                const auto ec = open_listener(l->acceptor, {address, ports[i]}, agents_door && share_ports);
                if (ec)
                    return error{errc::io, fault::gateway, retry::never,
                                 shared.doors[i]->name + " needs port " + std::to_string(ports[i]) + ": " +
                                     ec.message()};
                mine.push_back(std::move(l));
            }
        }
    }
    return {};
}

/// False when there is nothing more to accept, or not now.
net::awaitable<bool> server::impl::accept_one(worker& w, listening& l, std::size_t turn) {
    // The last worker is not for dashboards.
    auto& server =
        share_ports || l.at->kind != door_kind::agent ? w : *workers[turn % (workers.size() - 1)];
    auto [ec, accepted] = co_await l.acceptor.async_accept(server.io.get_executor(), net::tok);
    if (ec == net::asio::error::operation_aborted || !l.acceptor.is_open()) co_return false;
    if (ec) {
        log::event(log_level::warn, "cannot accept connections for a moment", {{"error", ec.message()}});
        co_return false;
    }
    boost::system::error_code gone;
    const auto remote = accepted.remote_endpoint(gone);
    if (gone) co_return true;
    auto peer = remote.address();
    if (peer.is_v6() && peer.to_v6().is_v4_mapped())
        peer = net::asio::ip::make_address_v4(net::asio::ip::v4_mapped, peer.to_v6());
    // A trusted proxy carries everybody: its connections are not one client's, but they have an end too.
    const bool proxy = shared.trusted.contains(peer);
    auto& counters = proxy ? shared.proxy_connections : shared.connections;
    const auto most = shared.options.max_connections_per_client;
    // On loopback every program has the same address: they are told apart by their users, so that one agent with many
    // connections does not shut out the others.
    std::optional<uid_t> user;
    if (const auto here = accepted.local_endpoint(gone); !gone && !proxy && auth::is_local(peer))
        user = net::user_of_connection(remote, here);
    auto counted = counters.acquire(peer, proxy ? most_of_a_proxy(most) : most, user);
    if (!counted) co_return true; // closed without a word: an answer would cost what the limit saves
    prepare_socket(accepted);
    auto s = std::make_unique<net::stream>(std::move(accepted));
    auto served = serve_connection(server, *l.at, std::move(s), std::move(peer), std::move(counted));
    open_connections.fetch_add(1, std::memory_order_relaxed);
    auto ended = [this](std::exception_ptr) { open_connections.fetch_sub(1, std::memory_order_relaxed); };
    net::asio::co_spawn(server.io, std::move(served), std::move(ended));
    co_return true;
}

net::awaitable<void> server::impl::accept_loop(worker& w, listening& l) {
    for (std::size_t turn = 0; l.acceptor.is_open(); ++turn) {
        bool accepted = false;
        try {
            accepted = co_await accept_one(w, l, turn);
        } catch (const std::exception& e) { // of one connection; the port must go on
            log::event(log_level::error, "a connection could not be accepted", {{"what", e.what()}});
        }
        if (accepted || !l.acceptor.is_open()) continue;
        // Out of descriptors or memory: wait for some to come back instead of spinning.
        net::timer pause{w.io.get_executor(), std::chrono::milliseconds{100}};
        auto waited = co_await pause.async_wait(net::tok);
        static_cast<void>(waited);
    }
}

void server::impl::run_worker(worker& w) {
    for (;;) {
        try {
            w.io.run();
            return;
        } catch (const std::exception& e) {
            // A bug, but one connection's bug: the others go on (facts/boost.md 1).
            log::event(log_level::error, "an exception reached the event loop", {{"what", e.what()}});
        }
    }
}

result<void> server::start() {
    auto& i = *impl_;
    if (!i.shared.options.tls_cert.empty())
        if (auto r = reload_tls(); !r) return r;
    if (auto r = i.resolve_backends(); !r) return r;
    if (auto r = i.open_all(); !r) return r;
    i.model = std::make_unique<model_door>(i.shared, *i.workers.back());
    i.workers.back()->model = i.model.get();
    for (std::size_t n = 0; n < i.workers.size(); ++n) {
        auto& w = *i.workers[n];
        w.dog.start([&w](steady_time now) {
            if (w.model) w.model->pool.sweep(now);
            for (auto& u : w.upstreams)
                u.sweep(now);
        });
        for (auto& l : i.listeners[n])
            net::asio::co_spawn(w.io, i.accept_loop(w, *l), net::asio::detached);
        i.threads.emplace_back([&i, &w] { i.run_worker(w); });
    }
    i.running = true;
    return {};
}

void server::look_after_models(supervisor_access supervisor, ollama::watchdog_limits limits) {
    auto& door = *impl_->model;
    net::asio::post(door.home.io,
                    [&door, s = std::move(supervisor), limits] { door.look_after_models(s, limits); });
}

void server::look_after_pod(pod_facts facts, supervisor_access supervisor) {
    auto& i = *impl_;
    i.pod = std::make_unique<pod_watch>(i.shared.options, std::move(facts), std::move(supervisor));
    i.pod->start();
    i.shared.pod.store(i.pod.get(), std::memory_order_release);
}

void server::impl::drain(worker& w, std::vector<std::unique_ptr<listening>>& ls) {
    boost::system::error_code ignored;
    for (auto& l : ls)
        l->acceptor.close(ignored);
    // Idle connections and tunnels notice at their tick; the first one comes now.
    w.dog.for_each([](net::watched& c) { c.on_tick(coarse_now()); });
}

void server::stop(std::chrono::seconds grace) {
    auto& i = *impl_;
    if (!i.running) return;
    i.running = false;
    i.shared.draining.store(true);
    for (std::size_t n = 0; n < i.workers.size(); ++n)
        net::asio::post(i.workers[n]->io, [&i, n] { i.drain(*i.workers[n], i.listeners[n]); });

    const auto end = steady_clock::now() + grace;
    const auto busy = [&i] {
        unsigned tunnels = 0;
        for (const auto& w : i.workers)
            tunnels += w->tunnels.load(std::memory_order_relaxed);
        return i.open_connections.load() + tunnels > 0;
    };
    const auto wait_until = [&busy](steady_time when) {
        while (busy() && steady_clock::now() < when)
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
    };
    wait_until(end);
    if (busy()) {
        for (auto& w : i.workers)
            net::asio::post(w->io, [&w = *w] { w.dog.for_each([](net::watched& c) { c.abandon(); }); });
        wait_until(steady_clock::now() + std::chrono::milliseconds{500});
    }
    for (auto& w : i.workers)
        w->io.stop();
    for (auto& t : i.threads)
        t.join();
    i.threads.clear();
    i.listeners.clear();
    i.shared.close_desk();
    i.model.reset();
    i.workers.clear(); // closes what is still open
}

result<void> server::reload_tls() {
    auto context = net::make_tls_context(impl_->shared.options.tls_cert, impl_->shared.options.tls_key);
    if (!context) return context.error();
    impl_->shared.set_tls(std::move(*context));
    return {};
}

} // namespace clawgate::app
