#pragma once
// What one door accepts: a plain password, compared as a keyed digest, or an argon2id hash.

#include "auth/keyed_digest.hpp"

#include "core/secret.hpp"

#include <string_view>

namespace clawgate::auth {

class password {
public:
    /// Accepts nothing.
    password() = default;

    /// `hash` wins where both are given; with neither, nothing is accepted. `compare` keys the comparison and
    /// may end with the process, `mark` keys mark() and must outlive it.
    password(const secret& plain, const secret& hash, const keyed_digest& compare, const keyed_digest& mark);

    enum class form { none, plain, hashed };
    [[nodiscard]] form kind() const noexcept { return form_; }

    /// For form::plain: whether `offered`, made by the same `compare`, is it. Constant time.
    [[nodiscard]] bool matches(const digest& offered) const noexcept;

    /// The argon2id hash; for the slow comparison.
    [[nodiscard]] const secret& hash() const noexcept { return hash_; }

    /// Changes when the configured password or hash changes; the same for two doors exactly when the same was
    /// configured for both. Not set for form::none.
    [[nodiscard]] const digest& mark() const noexcept { return mark_; }

private:
    form form_ = form::none;
    digest plain_{};
    digest mark_{};
    secret hash_;
};

/// Takes a good part of a second and the memory that the hash asks for: never on an event loop. False for a
/// hash that is not valid, too.
[[nodiscard]] bool verify_hash(const secret& hash, const secret& offered);

} // namespace clawgate::auth
