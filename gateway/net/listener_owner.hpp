#pragma once
// Whose program is at the other end on this machine, asked of the kernel (sock_diag(7)).

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

/// The user of the program that has connected from `client` to `server`, both of this machine. Nothing when the
/// system does not tell, or the connection is closed already.
[[nodiscard]] std::optional<uid_t> user_of_connection(const tcp::endpoint& client, const tcp::endpoint& server);

} // namespace clawgate::net
