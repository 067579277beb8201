#pragma once
// The part of `clawgate prepare` that decides where the agents' state lives, and brings it there.

#include "core/config.hpp"
#include "core/error.hpp"
#include "pod/descriptor.hpp"
#include "pod/directory.hpp"
#include "pod/layout.hpp"
#include "pod/volume.hpp"

namespace clawgate::pod {

/// Probes the workspace and, where the state cannot be worked on there, the local disk. Fills in
/// `local_state` and `state_is_local`. What people should know is in the notes.
[[nodiscard]] volume_verdict place_state(const config& c, layout& l);

/// Keeps snapshots from being made meanwhile; an empty descriptor where there is no local state.
[[nodiscard]] result<descriptor> lock_local_state(const layout& l);

/// The agent's .openclaw, in `home` or on local disk, with what was saved last in it. Says what it did.
[[nodiscard]] result<directory> make_state_folder(const directory& home, const layout& l,
                                                  const agent_options& a);

} // namespace clawgate::pod
