#pragma once
// The passwords of all doors, as the configuration gives them. Immutable, so any thread may read it.

#include "auth/desk.hpp"
#include "auth/password.hpp"

#include "core/config.hpp"

#include <vector>

namespace clawgate::auth {

class door_passwords {
public:
    door_passwords(const config& c, const keyed_digest& compare, const keyed_digest& mark);

    /// A door that does not exist has a password that accepts nothing.
    [[nodiscard]] const password& of(door where) const noexcept;

    /// Both doors have a password, and the same one was configured for both.
    [[nodiscard]] bool same(door a, door b) const noexcept;

private:
    std::vector<password> by_door_;
};

} // namespace clawgate::auth
