#pragma once
// How many wrong passwords somebody may try. A pure state machine: time comes in, nothing waits, nothing is
// shared.

#include "auth/keyed_digest.hpp"

#include "core/clock.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace clawgate::auth {

/// Distinct wrong passwords per key (a client, or a lane) within a window, then a lock. Trying the same wrong
/// password again moves its time and counts nothing: a device with an old password locks nobody out.
class attempt_table {
public:
    struct limits {
        std::size_t distinct;        ///< the one that reaches this number locks
        std::chrono::seconds window; ///< how long a wrong password counts after it was last tried
        std::chrono::seconds lockout;
        std::size_t capacity; ///< entries; the least recently used one that is not locked goes first
    };

    explicit attempt_table(const limits& l);

    /// When its lock ends, if it is locked.
    [[nodiscard]] std::optional<steady_time> locked_until(std::string_view key, steady_time now);

    /// False when the table is full of locked entries and nothing could be counted. Changes nothing for a key
    /// that is locked.
    bool count(std::string_view key, const digest& wrong, steady_time now);

    /// Forgets what was counted; a lock stays.
    void reset(std::string_view key);

    /// The latest end of any lock so far.
    [[nodiscard]] steady_time latest_lock() const noexcept { return latest_lock_; }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool counting() const noexcept { return !counting_.empty(); }

private:
    struct attempt {
        digest wrong;
        steady_time last;
    };
    struct entry {
        std::string key;
        std::vector<attempt> attempts;
        std::optional<steady_time> locked_until;
        steady_time last;
    };
    using entries = std::list<entry>;

    void expire(steady_time now);
    bool make_room();
    void erase(entries& from, entries::iterator which);

    limits limits_;
    entries counting_; ///< least recently used first
    entries locked_;   ///< in the order of their ends, because every lock lasts equally long
    std::unordered_map<std::string_view, entries::iterator> entries_; ///< keys live in the entries
    steady_time latest_lock_{};
};

class attempt_limiter {
public:
    struct limits {
        attempt_table::limits client{10, std::chrono::seconds{60}, std::chrono::seconds{300}, 10'000};
        attempt_table::limits lane{10, std::chrono::seconds{60}, std::chrono::seconds{300}, 1'000};
        /// Everybody without a lane, together, but for local programs: one of them could otherwise lock all
        /// users out. Distinct (client, password) pairs.
        std::size_t ceiling = 100;
        std::chrono::seconds ceiling_window{60};
        std::chrono::seconds ceiling_lockout{60};
    };

    attempt_limiter()
        : attempt_limiter{limits{}} {}
    explicit attempt_limiter(const limits& l);

    /// Time left until somebody may try again; nothing when they may now. `lane`: id of a genuine earlier
    /// session, or empty. A lane exempts from the ceiling only, never from the client's own lock, and only as
    /// long as it was not itself used for too many wrong passwords.
    [[nodiscard]] std::optional<std::chrono::seconds> locked(std::string_view client, std::string_view lane,
                                                             steady_time now);

    /// A password that was compared and was wrong. The one that reaches a limit locks from the next one on.
    /// `client` is a limiter_key(): local_key has its own lock only, and never counts under the ceiling.
    void count_wrong(std::string_view client, std::string_view lane, const digest& wrong, steady_time now);

    /// A password that was right: this client and this lane start anew, nobody else does.
    void count_right(std::string_view client, std::string_view lane);

    /// Is it a lane, and not one that was used for too many wrong passwords?
    [[nodiscard]] bool has_lane(std::string_view lane, steady_time now);

    /// The latest end of any lock: until then somebody may be locked.
    [[nodiscard]] steady_time latest_lock() const noexcept;
    /// Whether count_right() could change anything.
    [[nodiscard]] bool counting() const noexcept { return clients_.counting() || lanes_.counting(); }
    [[nodiscard]] std::size_t clients() const noexcept { return clients_.size(); }

private:
    struct guess {
        std::string client;
        digest wrong;
        steady_time last;
    };

    void count_under_ceiling(std::string_view client, const digest& wrong, steady_time now);

    limits limits_;
    attempt_table clients_;
    attempt_table lanes_;
    std::vector<guess> guesses_; ///< never longer than the ceiling
    steady_time ceiling_locked_until_{};
};

} // namespace clawgate::auth
