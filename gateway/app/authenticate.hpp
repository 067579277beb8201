#pragma once
// Who asks: the phase of the pipeline that looks at sessions, passwords and agents' tokens.

#include "app/pipeline.hpp"

namespace clawgate::app {

/// Sets exchange::who, and the session where there is one; otherwise it answers, or asks the desk about a password.
[[nodiscard]] step authenticate(exchange& x);

} // namespace clawgate::app
