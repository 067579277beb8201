#pragma once
// One thread with everything it needs for itself: nothing here is shared, so nothing here is locked.

#include "app/gateway.hpp"
#include "net/relay.hpp"
#include "net/upstream_pool.hpp"
#include "net/watchdog.hpp"

#include <deque>
#include <optional>

namespace clawgate::app {

/// What the last readiness probe of an agent said, or the one that is under way.
struct probe_result {
    bool ready = false;
    steady_time asked{};
    bool running = false;
    std::optional<net::timer> finished; ///< cancelled at its end: wakes who waits for it
};

class model_door;

struct worker {
    worker(gateway& g, unsigned n)
        : shared{g}
        , number{n}
        , dog{io.get_executor()} {
        for (const auto& a : g.agents)
            upstreams.emplace_back(io.get_executor(), a->addresses, a->may_serve);
        probes.resize(g.agents.size());
    }

    gateway& shared;
    unsigned number; ///< from 0
    // In this order: when the io_context goes, it destroys the coroutines that still wait, and they give
    // their blocks back.
    net::block_pools pools;
    net::asio::io_context io{1};
    net::watchdog dog;                        ///< every connection and tunnel of this worker
    std::deque<net::upstream_pool> upstreams; ///< by agent number − 1
    std::vector<probe_result> probes;
    std::uint64_t requests = 0;
    model_door* model = nullptr;      ///< on the worker that serves the model API; null on the others
    std::atomic<unsigned> tunnels{0}; ///< read by whoever waits for the drain
};

} // namespace clawgate::app
