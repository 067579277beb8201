#pragma once
// How supervisord runs one agent: its environment, its limits, and what it is kept from. Pure.

#include "core/config.hpp"
#include "core/options.hpp"
#include "pod/confine.hpp"
#include "pod/layout.hpp"
#include "pod/supervisor.hpp"

#include <string>
#include <vector>

namespace clawgate::pod {

[[nodiscard]] program agent_program(const config& c, const agent_options& a, const layout& l,
                                    const environment& process);

/// What the agent is kept from, beyond what its user is: listening on ports that belong to others (while the owner
/// is down it could take what is meant for that one), connecting to their private ports where no packet filter does
/// it, and, where all share one user, everything of the others in the workspace and the run directory.
[[nodiscard]] confinement confinement_of(const config& c, const agent_options& a, const layout& l);

/// As the options of `clawgate confine`.
[[nodiscard]] std::vector<std::string> confine_arguments(const confinement& c);

/// The most that V8 may keep of the agent's memory limit, in MiB: the rest is for its buffers, threads and the
/// programs that it starts. 0 without a limit.
[[nodiscard]] int heap_limit_mb(int memory_mb);

} // namespace clawgate::pod
