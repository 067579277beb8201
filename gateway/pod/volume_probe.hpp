#pragma once
// Tries out what the workspace's file system can do, instead of believing its name: network volumes accept
// calls that have no effect (docs/facts/runpod.md).

#include "core/config.hpp"
#include "pod/volume.hpp"

#include <string>

namespace clawgate::pod {

/// Works in a folder of its own inside `path`, which must exist, and removes it again. Forks, so call it
/// while there is one thread. Never fails: what could not be tried is `untested` and says why.
[[nodiscard]] volume_facts probe_volume(const std::string& path, const config& c);

/// Whether / is lost when this system is replaced: Docker, Podman, RunPod, or a root that is an overlay.
[[nodiscard]] bool runs_in_container(const config& c);

} // namespace clawgate::pod
