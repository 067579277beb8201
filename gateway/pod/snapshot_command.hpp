#pragma once
// `clawgate snapshot`: copies the agents' state from local disk to the volume, once or at an interval.

#include "core/config.hpp"

#include <string>

namespace clawgate::pod {

struct snapshot_options {
    bool watch = false; ///< at the interval until SIGTERM, then once more when the agents have stopped
    std::string agent;  ///< one only; empty = all that have state on local disk
};

/// Exit status: 0, 1 when a snapshot could not be made, 64 for an unknown agent.
[[nodiscard]] int snapshot_command(const config& c, const snapshot_options& options);

} // namespace clawgate::pod
