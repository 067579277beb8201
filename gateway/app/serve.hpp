#pragma once

#include "core/config.hpp"

#include <string>

namespace clawgate::app {

/// Runs every listener until SIGTERM or SIGINT, drains, and returns the process's exit status: 0 after an
/// orderly stop, 71 (EX_OSERR) when a listener cannot be opened, 66 (EX_NOINPUT) when an agent's token is
/// missing because `clawgate prepare` has not run. Reports its errors itself. Call once, from main().
/// `run_dir`: of the pod that `clawgate prepare` made, with its facts and supervisord's socket; empty where there is
/// none.
int serve(const config& c, const std::string& run_dir);

} // namespace clawgate::app
