// The control port's JSON interface.

#include "app/handlers/handlers.hpp"
#include "app/model_door.hpp"
#include "app/probe.hpp"
#include "app/status_report.hpp"
#include "app/worker.hpp"

namespace clawgate::app {

net::awaitable<void> show_status(worker& w, exchange& x) {
    const auto ready = co_await which_are_ready(w);
    nlohmann::json status{{"version", CLAWGATE_VERSION},
                          {"time", iso_time(wall_clock::now())},
                          {"demo", x.shared.options.demo},
                          {"agents", nlohmann::json::array()}};
    std::set<std::string> names;
    for (const auto& d : x.shared.doors) {
        if (!d->agent) continue;
        names.insert(d->name);
        const bool is_ready = ready.at(static_cast<std::size_t>(d->number - 1));
        status["agents"].push_back({{"number", d->number},
                                    {"name", d->name},
                                    {"port", d->port},
                                    {"address", d->origins.canonical()},
                                    {"state", agent_state(is_ready, d->agent->state.ever_up())}});
    }
    // The control port and the model API are served by the same worker (server.cpp), so nothing is locked.
    if (const auto* model = w.model) {
        status["model"] = report_models(model->keeper.status(), steady_clock::now());
        status["queue"] = report_queue(*model->turns, names);
        status["queue"]["slots"] = x.shared.options.ollama.num_parallel;
        status["embeddings_queue"] = report_queue(*model->embeddings, names);
        status["usage"] = report_usage(model->usage);
    }
    const auto* pod = x.shared.pod.load(std::memory_order_acquire);
    report_pod(status, pod ? pod->status().get() : nullptr);
    x.answer = json_reply(200, status.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    co_return;
}

} // namespace clawgate::app
