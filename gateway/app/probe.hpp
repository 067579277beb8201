#pragma once

#include "app/worker.hpp"

namespace clawgate::app {

/// Does this agent say that it is ready (GET /readyz → 200)? Asks at most once a second a worker; 2 s at the
/// longest. Who asks while a probe is under way waits for what it finds.
[[nodiscard]] net::awaitable<bool> is_ready(worker& w, const routing::agent& a);

/// All agents, by number − 1. They are asked at the same time.
[[nodiscard]] net::awaitable<std::vector<bool>> which_are_ready(worker& w);

} // namespace clawgate::app
