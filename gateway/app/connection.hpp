#pragma once
// One client connection: reads heads, runs each through the pipeline, answers or hands it to the proxy, until
// it ends.

#include "app/client_side.hpp"
#include "app/exchange.hpp"

namespace clawgate::app {

/// Serves `s` to its end. Never throws: what goes wrong is logged. `counted` is given back with the
/// connection, or with the tunnel that it became.
[[nodiscard]] net::awaitable<void> serve_connection(worker& w, const door& at, std::unique_ptr<net::stream> s,
                                                    boost::asio::ip::address peer,
                                                    connection_counters::slot counted);

} // namespace clawgate::app
