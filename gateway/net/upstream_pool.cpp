#include "net/upstream_pool.hpp"

#include "net/listener_owner.hpp"
#include "net/stream.hpp"

#include <boost/asio/ip/address.hpp>

#include <charconv>

namespace clawgate::net {

result<std::vector<tcp::endpoint>> resolve(const endpoint& where) {
    error_code ec;
    if (const auto literal = asio::ip::make_address(where.host, ec); !ec)
        return std::vector{tcp::endpoint{literal, where.port}};
    asio::io_context io;
    tcp::resolver resolver{io};
    const auto found = resolver.resolve(where.host, std::to_string(where.port), ec);
    if (ec)
        return error{errc::unreachable, fault::gateway, retry::later,
                     "the name " + where.host + " has no address: " + ec.message()};
    std::vector<tcp::endpoint> addresses;
    for (const auto& e : found)
        addresses.push_back(e.endpoint());
    return addresses;
}

upstream_pool::upstream_pool(executor ex, std::vector<tcp::endpoint> addresses, backend_rule may_serve,
                             std::size_t keep)
    : ex_{ex}
    , addresses_{std::move(addresses)}
    , may_serve_{std::move(may_serve)}
    , keep_{keep} {}

std::unique_ptr<socket> upstream_pool::take_idle(steady_time now, std::chrono::milliseconds max_idle) {
    while (!idle_.empty()) {
        auto c = std::move(idle_.back());
        idle_.pop_back();
        if (now >= c.until || now - c.since > max_idle) {
            idle_.clear(); // the others are older still
            return nullptr;
        }
        if (idle_and_open(*c.connection)) return std::move(c.connection);
    }
    return nullptr;
}

result<void> upstream_pool::check_owner(const tcp::endpoint& where) const {
    if (!may_serve_) return {};
    const auto found = listener_at(where);
    if (found.state == listener_state::unknown) return {};
    if (found.state == listener_state::owned && may_serve_(found.uid)) return {};
    // It may have ended since it accepted.
    const auto what = found.state == listener_state::absent
                          ? std::string{"nobody listens any more on port "}
                          : "a program of another user (" + std::to_string(found.uid) + ") listens on port ";
    return error{errc::unreachable, fault::upstream, retry::later, what + std::to_string(where.port())};
}

awaitable<result<std::unique_ptr<socket>>> upstream_pool::connect(socket*& current) {
    error_code last = asio::error::connection_refused;
    for (const auto& e : addresses_) {
        auto s = std::make_unique<socket>(ex_);
        current = s.get();
        auto [ec] = co_await s->async_connect(e, tok);
        current = nullptr;
        if (!ec) {
            // Now, and not before: whoever it is has accepted this very connection.
            if (auto owned = check_owner(e); !owned) co_return owned.error();
            s->set_option(tcp::no_delay{true}, ec);
            s->non_blocking(true, ec);
            co_return std::move(s);
        }
        last = ec;
        if (ec == asio::error::operation_aborted)
            co_return error{errc::timeout, fault::upstream, retry::later,
                            "the backend did not accept the connection in time"};
    }
    co_return error{errc::unreachable, fault::upstream, retry::later, last.message()};
}

void upstream_pool::give_back(std::unique_ptr<socket> s, steady_time now, std::chrono::seconds idle_limit) {
    if (idle_.size() >= keep_) idle_.erase(idle_.begin());
    // One second before the backend's own limit: its timer and ours must not meet (OpenClaw closes after 5
    // s).
    const auto usable =
        idle_limit > std::chrono::seconds{1} ? idle_limit - std::chrono::seconds{1} : std::chrono::seconds{0};
    idle_.push_back({std::move(s), now, now + usable});
}

void upstream_pool::sweep(steady_time now) {
    std::erase_if(idle_, [now](const idle_connection& c) { return now >= c.until; });
}

std::chrono::seconds keep_alive_timeout(std::string_view value, std::chrono::seconds otherwise) noexcept {
    const auto at = value.find("timeout=");
    if (at == value.npos) return otherwise;
    unsigned seconds = 0;
    const auto* first = value.data() + at + 8;
    const auto [end, ec] = std::from_chars(first, value.data() + value.size(), seconds);
    if (ec != std::errc{} || end == first || seconds > 3600) return otherwise;
    return std::chrono::seconds{seconds};
}

} // namespace clawgate::net
