#pragma once
// The desk: everything about credentials that has state, owned by one thread. Workers ask it; what can be
// decided without state (a session cookie, a plain password while nobody is locked out) is decided on the
// caller's thread.

#include "core/clock.hpp"
#include "core/config.hpp"
#include "core/error.hpp"
#include "core/secret.hpp"

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace clawgate::auth {

/// Which door a credential is for: an agent's port (1–10) or the control port.
using door = int;
inline constexpr door control_door = 0;

/// A session as its signed cookie carries it.
struct session {
    std::string id; ///< 16 random bytes, base64url
    door where = control_door;
    wall_time issued;  ///< first login
    wall_time renewed; ///< last time the cookie was made anew: the idle limit counts from here
    wall_time expires; ///< absolute end; renewing never moves it
};

enum class session_state {
    valid,
    renew,        ///< valid, and old enough that the answer should carry a fresh cookie
    idle_expired, ///< genuine, but not used for too long
    expired,      ///< genuine, but past its absolute end
    revoked,      ///< genuine, but logged out
    stale,        ///< genuine, but the password has changed since
    foreign,      ///< genuine, but for another door
    forged,       ///< not ours, or not canonical
    absent,
};

struct session_verdict {
    session_state state = session_state::absent;
    session who; ///< set unless absent or forged
    [[nodiscard]] bool ok() const { return state == session_state::valid || state == session_state::renew; }
    /// It was signed by us once: its client has a lane of its own under the limiter's global ceiling.
    [[nodiscard]] bool genuine() const {
        return state != session_state::absent && state != session_state::forged;
    }
};

enum class outcome {
    accepted,
    wrong,
    locked,
    busy, ///< it was not looked at: too many are being checked. Says nothing about it, and counts nothing
};

struct verdict {
    outcome what = outcome::wrong;
    std::chrono::seconds retry_after{0}; ///< for locked and busy
};

/// What an offered password is compared for.
enum class intent {
    enter,        ///< to be let in: a guess, when it is wrong
    device_token, ///< the same, but it looks like the token of a dashboard whose session has ended
    look,         ///< somebody in a session shows it: is it the password, which the agent must not see?
};

/// A password that somebody offers.
struct candidate {
    door where = control_door;
    boost::asio::ip::address client; ///< what client_address() decided
    std::string lane;                ///< id of a genuine earlier session shown with it, or empty
    secret password;
    intent why = intent::enter;
};

class desk {
public:
    /// `session_key`: 32 bytes. `state_dir`: where the list of revoked sessions is kept (written atomically);
    /// empty = nowhere. Throws std::runtime_error when the stored list cannot be read.
    desk(const config& c, secret session_key, std::string state_dir);
    ~desk(); ///< waits for running checks; callbacks that have not run are dropped
    desk(const desk&) = delete;
    desk& operator=(const desk&) = delete;

    /// Decides on the caller's thread when that is possible without state: a plain password that is right
    /// while no client and no ceiling is locked and no other password waits for its verdict. Never accepts
    /// anything verify() would refuse, and has no answer for a wrong one, so that none goes uncounted. Not
    /// for intent::look.
    [[nodiscard]] std::optional<verdict> verify_now(const candidate& c) const;

    /// Full decision: limiter, cache of verified credentials, argon2id off the event loop (bounded; when too
    /// many wait the verdict is `busy`. Whoever has a lane goes first, and has room of his own: strangers
    /// that guess can neither fill it nor hold it up). `done` runs on a thread of the desk and must not
    /// throw. With intent::look no lock refuses and nothing counts as a guess; but the answer is `locked`
    /// once a lane has asked about many values, because a script of the agent could otherwise find the
    /// password by asking. With intent::device_token a wrong one counts on a ledger of its own, with limits
    /// of the same order: stale tokens lock nobody out of signing in, and the shape gives no guess away.
    void verify(candidate c, std::function<void(verdict)> done);

    /// A new session for a door; the cookie's value.
    [[nodiscard]] std::string issue(door where, wall_time now);
    /// The same session, renewed; the new cookie's value. Only for one that examine() found ok(): the cookie
    /// carries the mark of today's password.
    [[nodiscard]] std::string renew(const session& s, wall_time now);
    /// Any thread. Takes no lock for a valid session (but for one in some ten thousand whose id resembles a
    /// revoked one) unless it is kept alive by touch() alone.
    [[nodiscard]] session_verdict examine(std::string_view cookie_value, door where, wall_time now) const;
    /// Ends one session for good: at once for examine(), a moment later on disk, until its absolute end.
    void revoke(const session& s);
    /// A tunnel of this session saw traffic: the idle limit counts from `now` although no cookie could be
    /// sent.
    void touch(const session& s, wall_time now);
    /// Changes whenever a session was revoked; a caller that keeps verdicts compares it.
    [[nodiscard]] std::uint64_t revocation_epoch() const noexcept;

    /// A single-use ticket for `where`, good for 30 s, minted for a control session. `unavailable` (nothing)
    /// when that door has another password than the control port.
    [[nodiscard]] std::optional<std::string> mint_ticket(door where, wall_time now);
    /// True once, in time, for the right door. Showing a ticket ends it, also at the wrong door.
    [[nodiscard]] bool redeem_ticket(std::string_view ticket, door where, wall_time now);

    /// The keyed mark of the door's password, as in the sessions: tells whether two doors share a password.
    [[nodiscard]] bool same_password(door a, door b) const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace clawgate::auth
