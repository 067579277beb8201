#include "auth/tickets.hpp"

#include "core/secret.hpp"

#include <algorithm>

namespace clawgate::auth {

tickets::tickets()
    : digest_{make_process_key(), "ticket"} {}

std::string tickets::mint(int door, wall_time now) {
    auto ticket = random_token(32);
    const std::scoped_lock lock{mutex_};
    if (issued_.size() == capacity) issued_.pop_front();
    issued_.push_back({digest_({ticket}), door, now + lifetime});
    return ticket;
}

bool tickets::redeem(std::string_view ticket, int door, wall_time now) {
    const auto shown = digest_({ticket});
    const std::scoped_lock lock{mutex_};
    const auto found = std::ranges::find(issued_, shown, &issued::ticket);
    if (found == issued_.end()) return false;
    const issued which = *found;
    issued_.erase(found);
    return which.door == door && now < which.expires;
}

} // namespace clawgate::auth
