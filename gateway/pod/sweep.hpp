#pragma once
// Ends what an agent left behind. A process that leaves its group (setsid) is not reached by supervisord, which signals
// groups; it would outlive the agent's restart and the pod's stop. What it cannot leave is a supplementary group: that
// takes CAP_SETGID, which no agent has (credentials(7)). So every process of a pod's agents carries the pod's group.

#include "pod/layout.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace clawgate::pod {

/// The supplementary group of one pod's agents, from 30000 to 59999; nothing of the pod's is given to it. The same user in
/// another pod on this machine has another one. Below 65536, because a container may not know more.
[[nodiscard]] gid_t pod_group(const std::string& run_dir);

/// True when /proc/PID/status says that a living process is that user's (by its effective or real uid) and in that
/// supplementary group. Pure.
[[nodiscard]] bool is_process_of(const std::string& status, owner user_and_group);

struct sweep_outcome {
    bool found = false; ///< there was something, and it was sent SIGKILL
    bool clean = false; ///< none is left
};
/// SIGKILL to every process of uid `whose.uid` that is in the group `whose.gid`, again until none is left or `limit` is
/// over. Only root reaches other users' processes.
[[nodiscard]] sweep_outcome sweep(owner whose, std::chrono::milliseconds limit);

/// `clawgate sweep UID GID [-- PROGRAM …]`: sweeps for at most 5 s, says on standard error when there was something, and
/// becomes the program. Returns 71 when something is left or the program cannot be started.
[[nodiscard]] int sweep_and_run(owner whose, const std::vector<std::string>& program);

} // namespace clawgate::pod
