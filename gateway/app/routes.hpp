#pragma once
// The gateway's own paths, as a table.

#include "app/exchange.hpp"
#include "net/asio.hpp"

#include <span>

namespace clawgate::app {

struct worker;

enum class need {
    nothing, ///< anybody: login, health
    session, ///< a session cookie of this door
};

enum class served_on { every_door, agents, control };

struct route {
    std::string_view path; ///< normalised; a trailing "/#" takes a number: /_gateway/open/#
    net::verb method;      ///< get serves HEAD too
    served_on where;
    need credential;
    bool takes_form; ///< the body is read into exchange::form (8 KB at most)
    net::awaitable<void> (*handle)(worker&, exchange&); ///< sets exchange::answer
};

[[nodiscard]] std::span<const route> routes();

struct route_match {
    const route* found = nullptr;
    int number = 0;
    bool wrong_method = false; ///< the path is ours, the method is not
};
[[nodiscard]] route_match match_route(const door& at, std::string_view path, net::verb method);

/// Paths that never reach an agent, also when no route matches.
[[nodiscard]] bool is_reserved(std::string_view path) noexcept;

} // namespace clawgate::app
