#pragma once
// The variables that a pod was prepared with, for commands in a shell that does not have them.

#include "core/options.hpp"

#include <string>

namespace clawgate::pod {

/// Empty where this user may not read them, or where no pod was prepared.
[[nodiscard]] environment settings_of_pod(const std::string& run_dir);

/// `process`, which wins, and what it leaves open as the pod of its workspace has it (in the default run directory).
[[nodiscard]] environment with_settings_of_pod(environment process);

/// CLAWGATE_WORKSPACE, or what it is when that is not set; absolute, as prepare has it.
[[nodiscard]] std::string workspace_in(const environment& process);

} // namespace clawgate::pod
