#pragma once
// What a tunnel to an agent needs to know about who is at its other end.

#include "app/client_side.hpp"
#include "app/exchange.hpp"
#include "net/tunnel.hpp"

namespace clawgate::app {

/// Makes the hooks of the tunnel that the accepted upgrade `x` of `client` becomes; takes over what counts
/// it. The worker and the door must outlive the tunnel.
[[nodiscard]] std::unique_ptr<net::tunnel_hooks> make_tunnel_session(client_side& client, exchange& x);

} // namespace clawgate::app
