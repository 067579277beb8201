#pragma once

#include "core/config.hpp"

namespace clawgate::app {

/// Runs every listener until SIGTERM or SIGINT, drains, and returns the process's exit status: 0 after an
/// orderly stop, 71 (EX_OSERR) when a listener cannot be opened, 66 (EX_NOINPUT) when an agent's token is
/// missing because `clawgate prepare` has not run. Reports its errors itself. Call once, from main().
int serve(const config& c);

} // namespace clawgate::app
