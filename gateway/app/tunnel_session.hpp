#pragma once
// What a tunnel to an agent needs to know about who is at its other end.

#include "app/exchange.hpp"
#include "app/worker.hpp"
#include "net/tunnel.hpp"

namespace clawgate::app {

/// Makes the hooks of the tunnel that the accepted upgrade `x` becomes. `w` and the door must outlive the tunnel.
[[nodiscard]] std::unique_ptr<net::tunnel_hooks> make_tunnel_session(worker& w, exchange& x);

} // namespace clawgate::app
