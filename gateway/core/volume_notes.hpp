#pragma once
// What can be wrong with the workspace's volume, in words that `clawgate prepare` hands to the gateway
// (CLAWGATE_VOLUME_NOTES) and the control page translates.

#include <array>
#include <string_view>

namespace clawgate {

inline constexpr std::array<std::string_view, 6> volume_note_words{
    "not_mounted",  ///< lost with the container
    "in_memory",    ///< a file system in memory: lost with the machine
    "no_owners",    ///< files cannot be given to the agents' own users
    "unsafe_state", ///< the agents' databases lie on it although it is not safe for them
    "local_state",  ///< the agents' state is on local disk, with snapshots to the volume
    "low_space",    ///< almost full
};

} // namespace clawgate
