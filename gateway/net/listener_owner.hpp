#pragma once
// Whose program listens on a port of this machine, asked of the kernel (sock_diag(7)).

#include "net/asio.hpp"

#include <sys/types.h>

#include <optional>

namespace clawgate::net {

enum class listener_state {
    owned,   ///< `uid` is the user of the socket
    absent,  ///< nobody listens there
    unknown, ///< the system does not tell, or the address is not of this machine
};
struct listener {
    listener_state state = listener_state::unknown;
    uid_t uid = 0;
};

/// The socket that gets connections to `where`. Some ten microseconds; blocks for no other reason.
[[nodiscard]] listener listener_at(const tcp::endpoint& where);

} // namespace clawgate::net
