#pragma once
// Inside of http_server, shared with the fakes' WebSocket side. Everything but update(), add_socket() and the
// snapshot functions runs on the server's one thread.

#include "support/http_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

namespace clawgate::support {

namespace asio = boost::asio;
using asio::ip::tcp;

class server_core {
public:
    server_core(server_options o, handler h);
    ~server_core();

    void start();
    void stop();
    void run_there(const std::function<void()>& f);

    /// Changes the record and wakes whoever waits for it.
    void update(const std::function<void(traffic&)>& change);
    std::uint64_t add_request(request_record r);
    void change_request(std::uint64_t id, const std::function<void(request_record&)>& change);
    std::uint64_t add_socket(socket_record r);
    void change_socket(std::uint64_t id, const std::function<void(socket_record&)>& change);
    void problem(const std::string& what);

    [[nodiscard]] traffic seen() const;
    bool wait_until(const std::function<bool(const traffic&)>& done) const;
    void forget();

    /// A connection or an upgraded socket has ended; the last one lets stop() finish at once.
    void ended();

    server_options options;
    handler handle;
    std::uint16_t port{};
    bool stopping{};
    std::set<connection*> live;
    std::uint64_t next_connection{};

private:
    awaitable<void> accept_loop();
    void begin_stop();

    bool stopped_{};
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    traffic traffic_;
    std::uint64_t requests_forgotten_{};
    std::uint64_t sockets_forgotten_{};

public:
    // After the state above: what io still holds when it is destroyed are connections, which reach for that
    // state.
    asio::io_context io{1};
    tcp::acceptor acceptor{io};

private:
    asio::steady_timer grace_{io};
    std::thread thread_;
};

/// One client connection: reads heads, calls the handler, keeps alive. Kept alive by its coroutine.
class connection : public std::enable_shared_from_this<connection> {
public:
    connection(server_core& c, tcp::socket s, std::uint64_t number);
    ~connection();

    awaitable<void> run();
    void stop();
    /// Sees a client that leaves while nothing is read; ends as soon as pipelined bytes are there.
    void watch_peer();
    /// More bytes into `in`; false at the end of the stream.
    awaitable<bool> fill();

    server_core& core;
    tcp::socket socket;
    const std::uint64_t id;
    asio::steady_timer timer;
    std::string in; ///< received, not yet used
    std::uint64_t served{};
    std::uint64_t record_id{};
    bool gone{};
    bool close_after{};
    bool reset_after{};
    bool taken{};
    std::function<void()> stop_upgraded;

private:
    awaitable<bool> read_head(std::string& raw);
    awaitable<bool> one_request();
    awaitable<void> refuse(const std::string& why);
    void end();

    bool watching_{};
};

} // namespace clawgate::support
