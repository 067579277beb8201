#pragma once
// All workers and listeners as one object: started, drained, stopped. Tests run it in-process on port 0.

#include "app/gateway.hpp"
#include "app/supervisor_client.hpp"
#include "core/error.hpp"
#include "core/pod_facts.hpp"
#include "ollama_client/model_watchdog.hpp"

#include <memory>
#include <vector>

namespace clawgate::app {

class server {
public:
    /// Ports of 0 in `c` are chosen by the system (for tests).
    server(config c, std::vector<secret> agent_tokens, secret session_key);
    ~server(); ///< stops without draining if stop() was not called

    /// Opens every listener and starts the workers. Either all ports are open afterwards or none; the error
    /// names every port that could not be opened.
    [[nodiscard]] result<void> start();

    /// Brings the models to "ready" and keeps them there, from a thread of the server's. Once, after start().
    /// `supervisor`: the supervisord that runs the model server, or empty.
    void look_after_models(supervisor_access supervisor, ollama::watchdog_limits limits = {});

    /// Looks after the programs of the pod, from a thread of its own. Once, after start().
    void look_after_pod(pod_facts facts, supervisor_access supervisor);

    /// Port of the n-th door: the agents' in order, then the control port's.
    [[nodiscard]] std::uint16_t port(std::size_t door_index) const;

    /// Stops accepting, lets requests finish, closes WebSockets with 1012, and ends after `grace` at the
    /// latest. Blocks.
    void stop(std::chrono::seconds grace);

    /// Loads certificate and key anew; the old ones stay when that fails.
    [[nodiscard]] result<void> reload_tls();

    [[nodiscard]] gateway& state();

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace clawgate::app
