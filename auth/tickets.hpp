#pragma once
// One-time tickets that carry a login from the control port to an agent's port.

#include "auth/keyed_digest.hpp"

#include "core/clock.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace clawgate::auth {

/// Any thread may call everything.
class tickets {
public:
    static constexpr std::chrono::seconds lifetime{30};
    static constexpr std::size_t capacity = 64; ///< outstanding ones; the oldest is dropped for a new one

    tickets();

    /// 32 random bytes, base64url. Only its digest is kept.
    [[nodiscard]] std::string mint(int door, wall_time now);

    /// True once, within the lifetime, for the door it was minted for. Showing it ends it whatever the answer
    /// is: a ticket that turns up at the wrong door has leaked.
    [[nodiscard]] bool redeem(std::string_view ticket, int door, wall_time now);

private:
    struct issued {
        digest ticket;
        int door;
        wall_time expires;
    };

    keyed_digest digest_;
    std::mutex mutex_;
    std::deque<issued> issued_; ///< oldest first
};

} // namespace clawgate::auth
