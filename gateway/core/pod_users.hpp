#pragma once
// The numbers of the users that a pod's programs have where each has one of its own.

#include "core/config.hpp"

#include <sys/types.h>

namespace clawgate {

/// The gateway is first_uid, agent n is first_uid + n, Ollama comes after the last possible agent.
inline constexpr uid_t first_uid = 20000;
/// One of these users, or of their groups: they have the same numbers.
[[nodiscard]] constexpr bool is_pod_user(uid_t id) noexcept {
    return id >= first_uid && id <= first_uid + max_agents + 1;
}

} // namespace clawgate
