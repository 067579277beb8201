#include "app/routes.hpp"

#include "app/handlers/handlers.hpp"

#include <array>
#include <charconv>

namespace clawgate::app {
namespace {

using net::verb;

constexpr std::array table{
    route{"/_gateway/login", verb::get, served_on::every_door, need::nothing, false, show_login},
    route{"/_gateway/login", verb::post, served_on::every_door, need::nothing, true, do_login},
    route{"/_gateway/logout", verb::post, served_on::every_door, need::nothing, true, do_logout},
    route{"/_gateway/ticket", verb::get, served_on::agents, need::nothing, false, redeem_ticket},
    route{"/_gateway/healthz", verb::get, served_on::every_door, need::nothing, false, show_health},
    route{"/_gateway/readyz", verb::get, served_on::every_door, need::nothing, false, show_readiness},
    route{"/ping", verb::get, served_on::every_door, need::nothing, false, answer_ping},
    route{"/", verb::get, served_on::control, need::session, false, show_fleet},
    route{"/_gateway/open/#", verb::post, served_on::control, need::session, true, open_agent},
};

bool is_here(served_on where, const door& at) noexcept {
    return where == served_on::every_door ||
           (where == served_on::control) == (at.number == auth::control_door);
}

/// Does `path` match `pattern`; a "#" at the end of it is a number.
bool matches(std::string_view pattern, std::string_view path, int& number) noexcept {
    if (!pattern.ends_with('#')) return pattern == path;
    pattern.remove_suffix(1);
    if (!path.starts_with(pattern)) return false;
    path.remove_prefix(pattern.size());
    const auto [end, ec] = std::from_chars(path.data(), path.data() + path.size(), number);
    return ec == std::errc{} && end == path.data() + path.size() && !path.empty() && path.size() <= 3 &&
           path[0] != '-';
}

} // namespace

std::span<const route> routes() {
    return table;
}

bool is_reserved(std::string_view path) noexcept {
    return path == "/_gateway" || path.starts_with("/_gateway/");
}

route_match match_route(const door& at, std::string_view path, net::verb method) {
    route_match m;
    if (method == verb::head) method = verb::get;
    for (const auto& r : table) {
        if (!is_here(r.where, at) || !matches(r.path, path, m.number)) continue;
        if (r.method == method) {
            m.found = &r;
            m.wrong_method = false;
            return m;
        }
        m.wrong_method = true;
    }
    return m;
}

} // namespace clawgate::app
