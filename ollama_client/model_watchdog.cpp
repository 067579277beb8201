#include "ollama_client/model_watchdog.hpp"

#include "core/log.hpp"

namespace clawgate::ollama {

bool silence_detector::suspicious(const door_activity& a, bool excused, steady_time now) {
    if (a.dispatched == 0 || excused) quiet_since_ = now;
    quiet_since_ = std::max(quiet_since_, a.last_record);
    const auto limit =
        a.full ? std::max(limits_.silence, a.longest_call + limits_.beyond_calls) : limits_.silence;
    return a.dispatched > 0 && !excused && now - quiet_since_ >= limit;
}

model_watchdog::model_watchdog(server_link link, model_keeper& keeper, watchdog_limits limits,
                               watchdog_hooks hooks)
    : link_{std::move(link)}
    , keeper_{keeper}
    , limits_{limits}
    , hooks_{std::move(hooks)}
    , detector_{limits}
    , timer_{link_.executor} {
    detector_.begin_anew(steady_clock::now());
}

void model_watchdog::note(log_level level, std::string event) {
    log::event(level, event);
    status_.last_event = std::move(event);
    status_.last_event_at = steady_clock::now();
}

bool model_watchdog::is_excused() const {
    const auto& k = keeper_.status();
    return !k.server_up || k.any_warming();
}

std::vector<wanted_model> model_watchdog::models_to_probe() const {
    std::vector<wanted_model> all;
    for (const auto& m : keeper_.status().models)
        if (!m.embedding && m.phase == model_phase::ready) all.push_back({m.name, false});
    return all;
}

net::awaitable<void> model_watchdog::run() {
    for (;;) {
        timer_.expires_after(limits_.tick);
        auto waited = co_await timer_.async_wait(net::tok);
        static_cast<void>(waited);
        // A load that hangs needs no probe: it is one.
        const bool load_hangs = keeper_.status().server_up && keeper_.status().load_hangs;
        bool stuck = load_hangs;
        if (!load_hangs && detector_.suspicious(hooks_.activity(), is_excused(), steady_clock::now()))
            stuck = co_await is_stuck();
        if (!stuck) continue;
        co_await recover();
        detector_.begin_anew(steady_clock::now());
    }
}

/// One token of each model that is loaded; stuck when one of them hangs and no call has had a record since.
net::awaitable<bool> model_watchdog::is_stuck() {
    ++status_.suspicions;
    note(log_level::warn, "the model server has been silent for long; asking it for one token");
    const auto asked = steady_clock::now();
    const auto models = models_to_probe();
    for (const auto& m : models) {
        auto link = link_;
        auto runner = keeper_.options().runner;
        const auto outcome =
            co_await probe_generation(std::move(link), m.name, std::move(runner), limits_.probe);
        if (outcome != probe_outcome::hangs) continue;
        ++status_.hung_probes;
        if (hooks_.activity().last_record > asked) break; // slow, but alive
        co_return true;
    }
    note(log_level::info, "the model server answered: it is busy, not stuck");
    detector_.begin_anew(steady_clock::now());
    co_return false;
}

net::awaitable<void> model_watchdog::recover() {
    ++status_.recoveries;
    note(log_level::error, "the model server is stuck; unloading the model and loading it again");
    const error told{errc::unreachable, fault::upstream, retry::later,
                     "the model server was stuck and is being recovered; try again in a moment"};
    hooks_.end_calls(told);
    bool well = co_await load_anew();
    if (!well) well = co_await restart();
    if (well) ++status_.recovered;
}

net::awaitable<bool> model_watchdog::load_anew() {
    for (const auto& wanted : keeper_.options().models) {
        if (wanted.embedding) continue; // small, and loaded by its next call
        ++status_.unloads;
        auto link = link_;
        auto gone = co_await unload(std::move(link), wanted.name, limits_.unload);
        if (!gone) {
            if (gone.error().code == errc::not_found) continue;
            note(log_level::error, "the model could not be unloaded: " + gone.error().detail);
            co_return false;
        }
    }
    for (const auto& wanted : keeper_.options().models) {
        const auto* known = keeper_.status().find(wanted.name);
        const bool there =
            known && known->phase != model_phase::absent && known->phase != model_phase::pulling;
        if (wanted.embedding || !there) continue;
        auto link = link_;
        auto model = wanted;
        auto runner = keeper_.options().runner;
        auto loaded = co_await warm_up(std::move(link), std::move(model), std::move(runner), limits_.load);
        if (!loaded && loaded.error().code != errc::not_found) {
            note(log_level::error, "the model could not be loaded again: " + loaded.error().detail);
            co_return false;
        }
    }
    keeper_.load_recovered();
    note(log_level::info, "the model server is well again after an unload");
    co_return true;
}

net::awaitable<bool> model_watchdog::restart() {
    if (!hooks_.restart) {
        note(log_level::error,
             "the model server is stuck, and it is not supervised here: restart it where it "
             "runs (with supervisord: supervisorctl restart ollama)");
        keeper_.load_recovered(); // not asked again before the next load has hung
        co_return false;
    }
    ++status_.restarts;
    note(log_level::error, "an unload did not help; restarting the model server");
    auto restarting = hooks_.restart();
    auto done = co_await std::move(restarting);
    keeper_.load_recovered();
    keeper_.look_again(); // finds it down, waits for it, and loads the models
    if (!done) {
        note(log_level::error, "the model server could not be restarted: " + done.error().detail);
        co_return false;
    }
    note(log_level::info, "the model server was restarted");
    co_return true;
}

} // namespace clawgate::ollama
