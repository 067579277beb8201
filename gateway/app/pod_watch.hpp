#pragma once
// Looks after the pod from inside the gateway: which programs run and since when, how much memory the agents take, and
// what has happened. Restarts an agent that takes more than its limit. On a thread of its own, because reading /proc
// takes milliseconds.

#include "app/pod_observer.hpp"
#include "app/supervisor_client.hpp"
#include "core/config.hpp"
#include "core/pod_facts.hpp"

#include <memory>
#include <string>

namespace clawgate::app {

/// One agent's program.
struct agent_program_state {
    std::string agent; ///< agent_1
    program_info program;
    std::uint64_t memory_bytes = 0;
};

struct pod_status {
    pod_facts facts;
    bool supervised = false; ///< supervisord answers
    std::vector<program_info> programs;
    std::vector<agent_program_state> agents;
    std::vector<pod_event> events; ///< oldest first
};

class pod_watch {
public:
    /// `supervisor` may be empty: then nothing is looked at, and the status says so.
    pod_watch(const config& c, pod_facts facts, supervisor_access supervisor);
    ~pod_watch(); ///< stops

    void start();
    /// The last look. Any thread; never null.
    [[nodiscard]] std::shared_ptr<const pod_status> status() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace clawgate::app
