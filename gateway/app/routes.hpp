#pragma once
// The gateway's own paths, as a table.

#include "app/exchange.hpp"
#include "net/asio.hpp"

#include <span>

namespace clawgate::app {

struct worker;
class client_side;
struct proxy_result;

enum class need {
    nothing, ///< anybody: login, health
    session, ///< a session cookie of this door
    user,    ///< of the control port: a session cookie of it, or its password
    caller,  ///< of the model API: an agent (its token, from this machine) or a person (password or session)
    person,  ///< of the model API: a person; what changes models
};

enum class served_on {
    every_door, ///< with pages: not the model API
    agents,
    control,
    model, ///< the model API: on its own port, and under /ollama on the control port
};

struct route {
    std::string_view path; ///< normalised; at the end "#" takes a number and "*" takes anything
    net::verb method;      ///< get serves HEAD too
    served_on where;
    need credential;
    error_shape errors = error_shape::ours;
    bool takes_form = false; ///< the body is read into exchange::form (8 KB at most)
    /// One of the two: sets exchange::answer …
    net::awaitable<void> (*handle)(worker&, exchange&) = nullptr;
    /// … or talks to the client itself. `head_bytes`: size of the head at the front of the client's buffer.
    net::awaitable<proxy_result> (*stream)(client_side&, exchange&, std::size_t head_bytes) = nullptr;
};

struct route_match {
    const route* found = nullptr;
    int number = 0;
    std::string rest;
    bool wrong_method = false; ///< the path is ours, the method is not
};
/// `prefix`: how much of `path` to leave out (the model API's place on the control port).
[[nodiscard]] route_match match_route(const door& at, std::string_view path, std::size_t prefix,
                                      net::verb method);

/// The length of /ollama when `path` belongs to the model API on the control port, else 0.
[[nodiscard]] std::size_t model_prefix(const door& at, std::string_view path) noexcept;

/// Paths that never reach an agent, also when no route matches.
[[nodiscard]] bool is_reserved(std::string_view path) noexcept;

} // namespace clawgate::app
