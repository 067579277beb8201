#pragma once
// What argon2id said lately, so that curl's every request does not cost it anew. Keeps digests, never
// passwords.

#include "auth/keyed_digest.hpp"

#include "core/clock.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>

namespace clawgate::auth {

/// Owned by one thread.
class verified_cache {
public:
    /// `capacity` for right answers and as many for wrong ones, apart: guesses cannot drive a user out.
    verified_cache(std::size_t capacity, std::chrono::seconds lifetime);

    /// `what`: digest over the door's hash and the offered password.
    [[nodiscard]] std::optional<bool> find(const digest& what, steady_time now);
    void remember(const digest& what, bool right, steady_time now);

    [[nodiscard]] std::size_t size() const noexcept { return right_.index.size() + wrong_.index.size(); }

private:
    struct answer {
        digest what;
        steady_time expires;
    };
    struct table {
        std::list<answer> answers; ///< oldest first
        std::unordered_map<digest, std::list<answer>::iterator, digest_hash> index;
    };

    static bool holds(table& t, const digest& what, steady_time now);

    std::size_t capacity_;
    std::chrono::seconds lifetime_;
    table right_;
    table wrong_;
};

} // namespace clawgate::auth
