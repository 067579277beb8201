#pragma once
// Answers in the place of an agent that does not give one.

#include "app/exchange.hpp"

namespace clawgate::app {

/// 503: nothing listens there. A page that refreshes itself for navigations, JSON with Retry-After otherwise.
[[nodiscard]] reply agent_unavailable(const exchange& x);
/// 502 or 504: it listens, but its answer is missing or broken.
[[nodiscard]] reply agent_failed(const exchange& x, int status, std::string_view code,
                                 std::string_view detail);

} // namespace clawgate::app
