#include "app/handlers/handlers.hpp"

#include "app/probe.hpp"

namespace clawgate::app {
namespace {

/// The control port is ready when the gateway is.
net::awaitable<bool> door_is_ready(worker& w, const exchange& x) {
    if (!x.at.agent) co_return true;
    co_return co_await is_ready(w, *x.at.agent);
}

} // namespace

net::awaitable<void> show_health(worker&, exchange& x) {
    x.answer = json_reply(200, "{\"status\":\"ok\"}\n");
    co_return;
}

net::awaitable<void> show_readiness(worker& w, exchange& x) {
    // g++ 12 makes an illegal instruction of `if (co_await …) … else …` here: the condition is a named local.
    const bool ready = co_await door_is_ready(w, x);
    if (ready)
        x.answer = json_reply(200, "{\"status\":\"ready\"}\n");
    else
        x.answer = json_error(503, "not_ready", x.at.name + " is not ready", "Try again in a few seconds.")
                       .with("Retry-After", "3");
}

// RunPod's convention: 200 when it can serve, 204 while it is starting.
net::awaitable<void> answer_ping(worker& w, exchange& x) {
    const bool ready = co_await door_is_ready(w, x);
    x.answer.status = ready ? 200 : 204;
    if (ready) x.answer.content_type = "text/plain", x.answer.body = "ok\n";
}

} // namespace clawgate::app
