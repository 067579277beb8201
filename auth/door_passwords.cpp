#include "auth/door_passwords.hpp"

namespace clawgate::auth {

door_passwords::door_passwords(const config& c, const keyed_digest& compare, const keyed_digest& mark)
    : by_door_(max_agents + 1) {
    by_door_[control_door] = password{c.password, c.password_hash, compare, mark};
    for (const auto& agent : c.agents)
        if (agent.number >= 1 && agent.number <= max_agents)
            by_door_[static_cast<std::size_t>(agent.number)] =
                password{agent.password, agent.password_hash, compare, mark};
}

const password& door_passwords::of(door where) const noexcept {
    static const password closed;
    if (where < 0 || static_cast<std::size_t>(where) >= by_door_.size()) return closed;
    return by_door_[static_cast<std::size_t>(where)];
}

bool door_passwords::same(door a, door b) const noexcept {
    const auto& x = of(a);
    const auto& y = of(b);
    return x.kind() != password::form::none && x.kind() == y.kind() &&
           equal_constant_time(x.mark(), y.mark());
}

} // namespace clawgate::auth
