#include "ollama_client/model_keeper.hpp"

#include "core/log.hpp"
#include "core/model_names.hpp"

#include <algorithm>

namespace clawgate::ollama {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

milliseconds doubled(milliseconds first, milliseconds last, unsigned times) {
    for (; times > 0 && first < last; --times)
        first *= 2;
    return std::min(first, last);
}

/// A connection that ended early is none: a server that breaks off the same load again and again must not be asked
/// for it without a pause.
bool is_outage(const error& e) {
    return e.code == errc::unreachable;
}

} // namespace

std::string_view to_string(model_phase p) noexcept {
    switch (p) {
    case model_phase::waiting_for_server: return "waiting_for_server";
    case model_phase::pulling: return "pulling";
    case model_phase::absent: return "absent";
    case model_phase::failed: return "failed";
    case model_phase::warming: return "warming";
    case model_phase::ready: return "ready";
    }
    return "?";
}

const model_status* keeper_status::find(std::string_view model) const noexcept {
    const auto found =
        std::find_if(models.begin(), models.end(), [&](const model_status& m) { return m.name == model; });
    return found == models.end() ? nullptr : &*found;
}

bool keeper_status::all_ready() const noexcept {
    return std::all_of(models.begin(), models.end(),
                       [](const model_status& m) { return m.phase == model_phase::ready; });
}

bool keeper_status::any_warming() const noexcept {
    return std::any_of(models.begin(), models.end(),
                       [](const model_status& m) { return m.phase == model_phase::warming; });
}

keeper_options keeper_options_for(const config& c) {
    keeper_options o;
    o.models = wanted_models(c);
    o.auto_pull = c.model_auto_pull;
    o.warm_up = c.warmup_enabled;
    o.warm_up_embedding = has_room_for_embedding(c);
    o.runner = shared_runner(c);
    return o;
}

bool progress_log::due(const pull_progress& p, steady_time now) {
    const int tens = p.percent().value_or(0) / 10;
    const bool first = tens_ < 0;
    if (!first && now - last_ < seconds{5}) return false;
    if (!first && tens == tens_ && now - last_ < std::chrono::minutes{1}) return false;
    tens_ = tens;
    last_ = now;
    return true;
}

model_keeper::model_keeper(server_link link, keeper_options o)
    : link_{std::move(link)}
    , options_{std::move(o)}
    , plans_(options_.models.size())
    , wake_{link_.executor} {
    for (const auto& m : options_.models) {
        model_status s;
        s.name = m.name;
        s.embedding = m.embedding;
        status_.models.push_back(std::move(s));
    }
}

// ---- what to do next

/// Looking comes before loading and loading before downloading: nobody waits for another model's download.
std::optional<std::size_t> model_keeper::next_model(steady_time now) const {
    for (const auto wanted : {step::look, step::warm, step::pull})
        for (std::size_t i = 0; i < plans_.size(); ++i)
            if (plans_[i].next == wanted && plans_[i].not_before <= now) return i;
    return std::nullopt;
}

steady_time model_keeper::next_time() const {
    auto when = next_look_;
    for (const auto& p : plans_)
        if (p.next != step::none) when = std::min(when, p.not_before);
    return when;
}

net::awaitable<void> model_keeper::run() {
    for (;;) {
        if (!status_.server_up) co_await wait_for_server();
        const auto now = steady_clock::now();
        const auto i = next_model(now);
        if (i && plans_[*i].next == step::look)
            co_await look_for(*i);
        else if (i && plans_[*i].next == step::warm)
            co_await warm(*i);
        else if (i)
            co_await pull(*i);
        else if (now >= next_look_)
            co_await look_at_server();
        else
            co_await sleep_until(next_time());
    }
}

net::awaitable<void> model_keeper::sleep_until(steady_time when) {
    wake_.expires_at(when);
    auto waited = co_await wake_.async_wait(net::tok);
    static_cast<void>(waited); // cancelled is how look_again() wakes it
}

/// The pause after a failure stays: the failure may be what brought the server down.
void model_keeper::plan_all(step next) {
    for (auto& p : plans_) {
        p.next = next;
        p.missing = 0;
    }
}

void model_keeper::look_again() {
    // What waits for its turn or its next try is looked at as well; a download under way sets its own plan.
    for (auto& p : plans_)
        if (p.next != step::pull) {
            p.next = step::look;
            p.not_before = {};
        }
    wake_.cancel();
}

// ---- the server

net::awaitable<void> model_keeper::wait_for_server() {
    for (unsigned attempt = 0;; ++attempt) {
        auto link = link_;
        auto version = co_await ask_version(std::move(link));
        if (version) {
            if (attempt > 0 || status_.server_version != *version)
                log::event(log_level::info, "the model server answers", {{"version", *version}});
            status_.server_up = true;
            status_.server_version = *version;
            status_.server_problem.clear();
            next_look_ = steady_clock::now() + options_.look;
            plan_all(step::look);
            co_return;
        }
        status_.server_problem = version.error().detail;
        if (attempt == 0)
            log::event(log_level::info, "waiting for the model server",
                       {{"why", std::string_view{status_.server_problem}}});
        co_await sleep_until(steady_clock::now() +
                             doubled(options_.first_connect, options_.last_connect, attempt));
    }
}

void model_keeper::server_lost(const error& e) {
    if (!status_.server_up) return;
    log::event(log_level::warn, "the model server went away", {{"why", std::string_view{e.detail}}});
    status_.server_up = false;
    status_.server_problem = e.detail;
    status_.loaded.clear();
    for (auto& m : status_.models) {
        if (m.phase == model_phase::failed) continue; // its reason is worth more
        m.phase = model_phase::waiting_for_server;
        m.progress.reset();
    }
}

/// A server that was restarted between two looks is back, but empty.
net::awaitable<void> model_keeper::look_at_server() {
    next_look_ = steady_clock::now() + options_.look;
    auto link = link_;
    auto loaded = co_await ask_loaded(std::move(link));
    if (!loaded) {
        if (is_outage(loaded.error())) server_lost(loaded.error());
        if (loaded.error().code == errc::closed) next_look_ = steady_clock::now() + options_.first_connect;
        co_return;
    }
    status_.loaded = std::move(*loaded);
    const bool for_ever = keeps_for_ever(options_.runner);
    for (std::size_t i = 0; i < plans_.size(); ++i) {
        auto& m = status_.models[i];
        const bool there = std::any_of(status_.loaded.begin(), status_.loaded.end(),
                                       [&](const loaded_model& l) { return l.name == m.name; });
        // One look may fall into another model's load, and a load is not listed.
        plans_[i].missing = there ? 0 : plans_[i].missing + 1;
        if (m.phase == model_phase::ready && for_ever && wants_warm_up(m) && plans_[i].missing >= 2) {
            log::event(log_level::info, "the model is not in memory any more; loading it again",
                       {{"model", std::string_view{m.name}}});
            plans_[i].next = step::look;
        }
    }
}

// ---- one model

bool model_keeper::wants_warm_up(const model_status& m) const {
    return options_.warm_up && (!m.embedding || options_.warm_up_embedding);
}

void model_keeper::failed(std::size_t i, const error& e, std::string_view doing) {
    auto& m = status_.models[i];
    auto& p = plans_[i];
    if (is_outage(e)) {
        p.next = step::look;
        return server_lost(e);
    }
    const auto wait = doubled(options_.first_retry, options_.last_retry, p.failures++);
    m.phase = model_phase::failed;
    m.reason = std::string{doing} + ": " + e.detail;
    m.next_try = steady_clock::now() + wait;
    m.progress.reset();
    p.next = step::look;
    p.not_before = m.next_try;
    log::event(
        log_level::warn, "the model is not ready",
        {{"model", std::string_view{m.name}},
         {"why", std::string_view{m.reason}},
         {"next_try_s", static_cast<std::int64_t>(std::chrono::duration_cast<seconds>(wait).count())}});
    if (e.code == errc::closed) next_look_ = {}; // is the server still there?
}

/// The model is on the server's disk.
void model_keeper::found(std::size_t i) {
    auto& m = status_.models[i];
    auto& p = plans_[i];
    m.progress.reset();
    if (wants_warm_up(m)) {
        p.next = step::warm;
        m.phase = model_phase::warming;
        return;
    }
    if (m.phase != model_phase::ready)
        log::event(log_level::info, "the model is there", {{"model", std::string_view{m.name}}});
    m.phase = model_phase::ready;
    m.reason.clear();
    p = {step::none, {}, 0, 0};
}

net::awaitable<void> model_keeper::look_for(std::size_t i) {
    auto& m = status_.models[i];
    auto link = link_;
    auto there = co_await has_model(std::move(link), m.name);
    if (!there) {
        failed(i, there.error(), "the model server was asked for it");
        co_return;
    }
    if (*there) {
        found(i);
        co_return;
    }
    if (options_.auto_pull) {
        m.phase = model_phase::pulling;
        m.progress.emplace();
        plans_[i].next = step::pull;
        co_return;
    }
    if (m.phase != model_phase::absent)
        log::event(log_level::warn, "the model is absent, and OPENCLAW_MODEL_AUTO_PULL is off",
                   {{"model", std::string_view{m.name}}});
    m.phase = model_phase::absent;
    m.reason = "clawgate model pull " + m.name;
    plans_[i].not_before = steady_clock::now() + options_.look; // somebody may have fetched it by then
}

void model_keeper::log_progress(const model_status& m, const pull_progress& p) {
    const auto now = steady_clock::now();
    if (!progress_log_.due(p, now)) return;
    const auto text = describe(p, now);
    log::event(log_level::info, "downloading the model",
               {{"model", std::string_view{m.name}},
                {"progress", std::string_view{text.empty() ? std::string_view{"starting"} : text}}});
}

net::awaitable<void> model_keeper::pull(std::size_t i) {
    auto& m = status_.models[i];
    ++m.pulls;
    progress_log_ = {};
    const auto task = std::make_shared<pull_task>();
    task->on_line = [this, &m, t = std::weak_ptr{task}] {
        const auto locked = t.lock();
        if (!locked) return;
        m.progress = locked->progress;
        log_progress(m, locked->progress);
    };
    auto link = link_;
    auto done = co_await pull_model(std::move(link), m.name, options_.pull, task);
    if (done) {
        log::event(log_level::info, "the model was downloaded", {{"model", std::string_view{m.name}}});
        plans_[i].failures = 0;
        found(i);
        co_return;
    }
    ++m.failed_pulls;
    // An interruption after progress is not another failure in a row.
    if (task->progress.received() > 0) plans_[i].failures = 0;
    failed(i, done.error(), "the download stopped");
}

net::awaitable<void> model_keeper::warm(std::size_t i) {
    auto& m = status_.models[i];
    m.phase = model_phase::warming;
    const auto began = steady_clock::now();
    auto link = link_;
    auto model = options_.models[i];
    auto runner = options_.runner;
    auto done = co_await warm_up(std::move(link), std::move(model), std::move(runner), options_.load_limit);
    status_.load_hangs = !done && done.error().code == errc::timeout;
    if (!done) {
        ++m.failed_warm_ups;
        failed(i, done.error(), "it could not be loaded");
        co_return;
    }
    ++m.warm_ups;
    m.phase = model_phase::ready;
    m.reason.clear();
    // What was asked for in the meantime stays asked for.
    if (plans_[i].next == step::warm) plans_[i] = {step::none, {}, 0, 0};
    const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
    log::event(log_level::info, "the model is loaded",
               {{"model", std::string_view{m.name}}, {"ms", std::int64_t{took.count()}}});
}

} // namespace clawgate::ollama
