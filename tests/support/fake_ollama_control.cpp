// The control path of fake_ollama, for tests that have it only as a program. Never one of Ollama's own paths.

#include "support/fake_ollama_parts.hpp"

namespace clawgate::support {

awaitable<bool> serve_state(const ollama_ptr& state, exchange& e) {
    state->scheduler.expire(std::chrono::steady_clock::now());
    state->publish();
    const auto c = state->counters();
    json body{{"loads", c.loads},
              {"reloads", c.reloads},
              {"evictions", c.evictions},
              {"prefilled_tokens", c.prefilled_tokens},
              {"cached_tokens", c.cached_tokens},
              {"running", c.running},
              {"peak", c.peak},
              {"queued", c.queued},
              {"leaked", c.leaked},
              {"canceled", c.canceled},
              {"deadlocked", c.deadlocked},
              {"models", json::array()}};
    for (const auto& m : state->scheduler.models()) {
        json slots = json::array();
        for (const auto& s : m.slots)
            slots.push_back({{"busy", s.busy}, {"leaked", s.leaked}, {"cached_bytes", s.cached}});
        body["models"].push_back({{"name", m.model},
                                  {"loading", m.loading},
                                  {"calls", m.calls},
                                  {"num_ctx", m.settings.num_ctx},
                                  {"shift", m.settings.shift},
                                  {"slots", std::move(slots)}});
    }
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> serve_fault(const ollama_ptr& state, exchange& e) {
    const auto kind = e.text("kind", "");
    if (!state->set_fault(kind, static_cast<unsigned>(e.number("count", 1)))) {
        co_return co_await respond_error(e, 400, "no such fault: " + kind);
    }
    co_return co_await e.respond(204, "", "");
}

} // namespace clawgate::support
