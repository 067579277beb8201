// The state of fake_ollama and a call's way through its scheduler.

#include "support/fake_ollama_parts.hpp"

#include <algorithm>
#include <array>

namespace clawgate::support {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr std::array<std::string_view, 10> call_faults{"error-first", "busy",  "error-mid", "cut",    "drop",
                                                      "hang",        "stall", "close",     "garbage", "no-end"};

schedule_limits limits_of(const fake_ollama_options& o) {
    return {o.parallel, o.max_loaded_models, o.max_queue, o.keep_alive};
}

} // namespace

// ---- ollama_state

ollama_state::ollama_state(fake_ollama_options o)
    : options{std::move(o)}
    , scheduler{limits_of(options)} {
    for (const auto& name : options.models)
        models.insert(with_tag(name));
    if (!options.server_fault.empty() && !set_fault(options.server_fault, 0)) {
        throw std::invalid_argument{"no such fault: " + options.server_fault};
    }
}

std::string ollama_state::with_tag(const std::string& name) {
    return name.find(':') == std::string::npos ? name + ":latest" : name;
}

bool ollama_state::has_one_slot(const std::string& model) {
    return is_embedding(model) || model.starts_with("qwen3.5");
}

bool ollama_state::is_embedding(const std::string& model) {
    return model.find("embed") != std::string::npos;
}

bool ollama_state::has_tools(const std::string& model) {
    return !is_embedding(model) && model.find("plain") == std::string::npos;
}

bool ollama_state::has_thinking(const std::string& model) {
    return has_tools(model) && model.find("coder") == std::string::npos;
}

std::uint64_t ollama_state::trained_context(const std::string& model) const {
    return is_embedding(model) ? 2048 : options.context_length;
}

runner_settings ollama_state::settings_of(const json& request, const std::string& model) const {
    const auto trained = static_cast<std::int64_t>(trained_context(model));
    const auto chosen = static_cast<std::int64_t>(options.default_context);
    return read_settings(request, chosen > 0 ? chosen : trained, trained);
}

void ollama_state::publish() {
    for (const auto t : scheduler.take_changed()) {
        const auto it = callers.find(t);
        if (it != callers.end()) it->second->wake();
    }
    const auto c = scheduler.counts();
    {
        const std::lock_guard lock{mutex_};
        counters_ = {c.loads, c.reloads, c.evictions, prefilled_tokens, cached_tokens,     c.running,
                     c.peak,  c.queued,  c.leaked,    canceled,         scheduler.frozen()};
    }
    changed_.notify_all();
}

ollama_counters ollama_state::counters() const {
    const std::lock_guard lock{mutex_};
    return counters_;
}

bool ollama_state::wait_for(const std::function<bool(const ollama_counters&)>& done) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{10}, [&] { return done(counters_); });
}

bool ollama_state::set_fault(const std::string& kind, unsigned count) {
    if (kind == "leak") {
        leaking = true;
    } else if (kind == "deadlock") {
        scheduler.freeze();
    } else if (kind == "deadlock-on-reload") {
        scheduler.freeze_on_reload(true);
    } else if (kind == "none") {
        leaking = false;
        planned_count = 0;
        scheduler.freeze_on_reload(false);
        scheduler.thaw();
    } else if (kind == "pull-error" || std::count(call_faults.begin(), call_faults.end(), kind) > 0) {
        planned_fault = kind;
        planned_count = count;
    } else {
        return false;
    }
    publish();
    return true;
}

std::string ollama_state::take_fault(bool of_pull) {
    if (planned_count == 0 || (planned_fault == "pull-error") != of_pull) return {};
    --planned_count;
    return planned_fault;
}

// ---- model_call

model_call::model_call(ollama_ptr state, exchange& e, scheduled_call call)
    : state_{std::move(state)}
    , exchange_{e} {
    ticket_ = state_->scheduler.submit(std::move(call), steady_clock::now());
    if (ticket_) state_->callers[*ticket_] = &e;
    state_->publish();
}

model_call::~model_call() {
    if (!ticket_) return;
    state_->callers.erase(*ticket_);
    if (leak_) {
        state_->scheduler.leave_and_leak(*ticket_, steady_clock::now());
    } else {
        state_->scheduler.leave(*ticket_, steady_clock::now());
    }
    state_->publish();
}

call_phase model_call::phase() const {
    return state_->scheduler.phase_of(*ticket_);
}

awaitable<call_progress> model_call::start() {
    while (true) {
        switch (phase()) {
        case call_phase::running:
            in_slot_at_ = steady_clock::now();
            if (loaded_at_ == began_) loaded_at_ = in_slot_at_;
            co_return call_progress::ready;
        case call_phase::failed: co_return call_progress::failed;
        case call_phase::loading: {
            const auto progress = co_await work(state_->options.load_time);
            if (progress != call_progress::ready) co_return progress;
            state_->scheduler.loaded(*ticket_);
            state_->publish();
            break;
        }
        default: {
            if (phase() == call_phase::waiting && loaded_at_ == began_) loaded_at_ = steady_clock::now();
            const bool there = co_await exchange_.pause(std::chrono::hours{1});
            if (there) break;
            ++state_->canceled;
            co_return call_progress::left;
        }
        }
    }
}

awaitable<call_progress> model_call::work(nanoseconds d) {
    const auto end = steady_clock::now() + d;
    while (true) {
        if (phase() == call_phase::failed) co_return call_progress::failed;
        const bool frozen = state_->scheduler.frozen();
        const auto rest = end - steady_clock::now();
        if (!frozen && rest.count() <= 0) co_return call_progress::ready;
        const auto wait =
            frozen ? milliseconds{std::chrono::hours{1}} : std::chrono::ceil<milliseconds>(rest);
        const bool there = co_await exchange_.pause(wait); // woken when the scheduler has news of this call
        if (there) continue;
        ++state_->canceled;
        co_return call_progress::left;
    }
}

awaitable<void> model_call::hang() {
    co_await exchange_.hang();
    ++state_->canceled;
}

std::size_t model_call::common() const {
    return state_->scheduler.common_of(*ticket_);
}

void model_call::append(std::string_view text) {
    state_->scheduler.append(*ticket_, text);
}

void model_call::keep(std::size_t bytes) {
    state_->scheduler.keep(*ticket_, bytes);
}

void model_call::broken_off() {
    leak_ = state_->leaking;
}

} // namespace clawgate::support
