#pragma once
// What happens to the programs of a pod, from looks at supervisord's list and at their memory. Decides without I/O.

#include "core/clock.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace clawgate::app {

/// One program as supervisord describes it (getAllProcessInfo).
struct program_info {
    std::string name;
    std::string state; ///< RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL …
    int pid = 0;       ///< 0 when it does not run
    std::int64_t started = 0; ///< seconds since 1970
    std::string problem;      ///< why it could not be started, if so
};

/// Something that a person who looks at the pod wants to know.
struct pod_event {
    wall_time when{};
    std::string program;
    std::string what; ///< key: "restarted", "out_of_memory", "failing"
    std::uint64_t bytes = 0; ///< of out_of_memory
};

/// What a look found.
struct look_outcome {
    std::vector<pod_event> news;
    /// Programs that are to be restarted because they have been over the limit at two looks in a row: one look may
    /// meet a garbage collector that is about to run.
    std::vector<std::string> too_large;
};

class pod_observer {
public:
    /// `memory_limit`: bytes that an agent may have; 0 = no limit.
    explicit pod_observer(std::uint64_t memory_limit)
        : limit_{memory_limit} {}

    /// `memory` has the agents' programs by name.
    [[nodiscard]] look_outcome look(const std::vector<program_info>& programs,
                                    const std::map<std::string, std::uint64_t>& memory, wall_time now);

    /// The latest, oldest first; bounded.
    [[nodiscard]] const std::deque<pod_event>& events() const noexcept { return events_; }

private:
    struct seen {
        int pid = 0;
        bool failing = false;
        bool was_over = false;
        bool restarting = false; ///< it was our doing: no event of its own
    };
    std::uint64_t limit_;
    std::map<std::string, seen> seen_;
    std::deque<pod_event> events_;
};

} // namespace clawgate::app
