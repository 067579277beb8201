#pragma once

#include "app/worker.hpp"

namespace clawgate::app {

/// Does this agent say that it is ready (GET /readyz → 200)? Asks at most once a second a worker; 2 s at the
/// longest.
[[nodiscard]] net::awaitable<bool> is_ready(worker& w, const routing::agent& a);

} // namespace clawgate::app
