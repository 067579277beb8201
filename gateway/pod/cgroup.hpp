#pragma once
// Control groups: where the system lets us make them, the kernel itself holds an agent to its limits
// (docs.kernel.org/admin-guide/cgroup-v2.html, and version 1 where that still has the controllers). In most containers
// they are read-only; there the gateway's watch over memory stands in.

#include "core/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace clawgate::pod {

struct cgroup_limits {
    std::uint64_t memory_bytes = 0; ///< 0 = no limit
    int processes = 0;              ///< threads included; 0 = no limit
};

/// Makes or changes the group `name` below `root` (/sys/fs/cgroup). Returns the files that a process writes 0 into to
/// get in. errc::forbidden when there is none to be made, with the reason.
[[nodiscard]] result<std::vector<std::string>> make_cgroup(const std::string& root, const std::string& name,
                                                           const cgroup_limits& limits);

/// The hard limit of an agent's group: above the one at which the gateway restarts it in an orderly way.
[[nodiscard]] std::uint64_t hard_memory_limit(int memory_mb);

} // namespace clawgate::pod
