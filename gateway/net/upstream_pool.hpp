#pragma once
// Connections to one backend, kept between requests. One pool per worker and backend, so nothing is shared.

#include "core/clock.hpp"
#include "core/error.hpp"
#include "net/asio.hpp"

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace clawgate::net {

struct endpoint {
    std::string host; ///< IP literal or name (localhost)
    std::uint16_t port = 0;
};

/// The addresses of a host, in the order in which they are to be tried. Blocks on names: for the start, as a
/// lookup cannot be cancelled. errc::unreachable when there is none.
[[nodiscard]] result<std::vector<tcp::endpoint>> resolve(const endpoint& where);

/// Whether a program of this user may be the backend. Empty = whoever listens there.
using backend_rule = std::function<bool(uid_t)>;

class upstream_pool {
public:
    upstream_pool(executor ex, std::vector<tcp::endpoint> addresses, backend_rule may_serve = {},
                  std::size_t keep = 64);

    /// A connection that was idle for less than `max_idle` and still looks open, or nothing. Most recently
    /// used first.
    [[nodiscard]] std::unique_ptr<socket> take_idle(steady_time now, std::chrono::milliseconds max_idle);

    /// A new connection. `current` points to the socket while it connects, so that a deadline can cancel it;
    /// it is null again on return. errc::unreachable when refused, or when a program listens there that may not
    /// be the backend: while that is down, another program of this machine could take its port and with it what
    /// is sent there. errc::timeout when cancelled.
    [[nodiscard]] awaitable<result<std::unique_ptr<socket>>> connect(socket*& current);

    /// Gives a connection back whose last response was read to its end. `idle_limit`: the time after which
    /// the backend closes idle connections, if it said so (Keep-Alive: timeout=5).
    void give_back(std::unique_ptr<socket> s, steady_time now, std::chrono::seconds idle_limit);

    /// Closes what has been idle too long.
    void sweep(steady_time now);
    void clear() { idle_.clear(); }
    [[nodiscard]] std::size_t idle_count() const noexcept { return idle_.size(); }

private:
    struct idle_connection {
        std::unique_ptr<socket> connection;
        steady_time since;
        steady_time until; ///< not to be used after: the backend may be closing it by then
    };

    executor ex_;
    [[nodiscard]] result<void> check_owner(const tcp::endpoint& where) const;

    std::vector<tcp::endpoint> addresses_;
    backend_rule may_serve_;
    std::size_t keep_;
    std::vector<idle_connection> idle_; ///< oldest first
};

/// The value of `Keep-Alive: timeout=N`, or `otherwise`.
[[nodiscard]] std::chrono::seconds keep_alive_timeout(std::string_view field_value,
                                                      std::chrono::seconds otherwise) noexcept;

} // namespace clawgate::net
