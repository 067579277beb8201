#pragma once
// What of an agent is running, as /proc says.

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace clawgate::pod {

/// Processes that have OPENCLAW_STATE_DIR=`state` in their environment; zombies and this process are not
/// counted. The environment of another user's process cannot be read without privileges (ptrace(2)), as in a
/// container: such a process counts when it runs as the owner of the folder `state` and that is an agent's
/// own user.
[[nodiscard]] std::vector<pid_t> agent_processes(const std::string& state);

/// Waits until there are none. False when the time was not enough.
[[nodiscard]] bool wait_until_stopped(const std::vector<std::string>& states, std::chrono::seconds limit);

} // namespace clawgate::pod
