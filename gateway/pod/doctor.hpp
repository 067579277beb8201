#pragma once
// `clawgate doctor`: looks at a pod that was prepared, and says what is wrong or weak.

#include "core/options.hpp"

#include <string>

namespace clawgate::pod {

struct doctor_options {
    std::string run_dir; ///< empty = default_run_dir() of the workspace
    std::string as;      ///< name of the agent to try as, "all", or empty = the first
    bool json = false;
    bool isolation_only = false; ///< there is nothing else yet
};

/// Prints what it finds. Returns 0 when all that an agent must not do was refused, 1 when anything was possible, 75 when
/// nothing was but something could not be tested (it does not run, it is not there), 66 when there is no pod (prepare
/// has not run), 71 when the tests cannot be run, 78 for a configuration that is wrong.
[[nodiscard]] int doctor_command(const environment& process, const doctor_options& options);

} // namespace clawgate::pod
