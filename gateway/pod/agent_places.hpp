#pragma once
// Where one agent's files lie, for the commands that copy them. Also agents that are no longer started: their
// files stay.

#include "core/config.hpp"
#include "core/error.hpp"
#include "pod/descriptor.hpp"
#include "pod/layout.hpp"
#include "pod/snapshot.hpp"

#include <string>
#include <vector>

namespace clawgate::pod {

struct agent_places {
    snapshot_places copies;
    bool is_local = false; ///< the state is on local disk
    std::string state;     ///< the .openclaw that the agent works on
    std::string work;      ///< its working directory
};

/// Workspace, run directory and local state as `clawgate prepare` without options sees them; nothing else.
[[nodiscard]] layout plain_layout(const config& c);

/// errc::bad_request for a name that is none, errc::not_found when the workspace has no such agent. A number
/// alone stands for the agent with that number.
[[nodiscard]] result<agent_places> find_agent(const config& c, const layout& l, const std::string& name);

/// The places of an agent whose name is known to be one.
[[nodiscard]] agent_places places_of(const layout& l, const std::string& name);

/// Who makes and restores snapshots does it alone: waits for the lock in `local_state`, a folder that only
/// its owner can change. Held as long as the descriptor lives.
[[nodiscard]] result<descriptor> lock_states(const std::string& local_state);

} // namespace clawgate::pod
