#include "support/fake_ollama_schedule.hpp"

#include <algorithm>
#include <utility>

namespace clawgate::support {

struct model_scheduler::runner {
    std::string model;
    runner_settings settings;
    std::chrono::nanoseconds keep_alive{};
    bool loading = true;
    bool unload_when_idle = false;
    std::size_t calls = 0;
    std::deque<call_ticket> waiting;
    prefix_slots slots{1};
    std::optional<schedule_time> expires;
};

bool needs_reload(const runner_settings& loaded, const runner_settings& wanted) {
    const bool both_default_context = !loaded.num_ctx_given && !wanted.num_ctx_given;
    if (!both_default_context && loaded.num_ctx != wanted.num_ctx) return true;
    if (wanted.num_gpu >= 0 && loaded.num_gpu != wanted.num_gpu) return true;
    if (wanted.use_mmap && loaded.use_mmap != wanted.use_mmap) return true;
    if (!wanted.use_mmap && loaded.use_mmap) return true;
    return loaded.num_batch != wanted.num_batch || loaded.main_gpu != wanted.main_gpu ||
           loaded.num_thread != wanted.num_thread || loaded.shift != wanted.shift;
}

model_scheduler::model_scheduler(schedule_limits limits)
    : limits_{limits} {
    if (limits_.max_loaded == 0) limits_.max_loaded = 3;
}

// ---- calls

std::optional<call_ticket> model_scheduler::submit(scheduled_call call, schedule_time now) {
    expire(now);
    const auto it = runners_.find(call.model);
    const bool fits = it != runners_.end() && !it->second->loading && !frozen_ &&
                      !needs_reload(it->second->settings, call.settings);
    if (!fits && pending_.size() > limits_.max_queue) return std::nullopt;
    const auto t = ++next_ticket_;
    calls_[t].call = std::move(call);
    if (fits) {
        // Past the queue, even when its head waits for this very model to go idle.
        use(it->second, t);
    } else {
        pending_.push_back(t);
        serve_pending();
    }
    return t;
}

call_phase model_scheduler::phase_of(call_ticket t) const {
    return calls_.at(t).phase;
}

std::size_t model_scheduler::common_of(call_ticket t) const {
    const auto& slot = calls_.at(t).slot;
    return slot ? slot->common : 0;
}

void model_scheduler::loaded(call_ticket t) {
    const auto r = calls_.at(t).on.lock();
    if (!r || !r->loading) return;
    r->loading = false;
    if (calls_.at(t).call.generates) {
        set_phase(t, call_phase::waiting);
        r->waiting.push_back(t);
        fill_slots(*r);
    } else {
        set_phase(t, call_phase::running);
    }
    serve_pending();
}

void model_scheduler::append(call_ticket t, std::string_view text) {
    auto& c = calls_.at(t);
    if (const auto r = c.on.lock(); r && c.slot) r->slots.append(c.slot->slot, text);
}

void model_scheduler::keep(call_ticket t, std::size_t bytes) {
    auto& c = calls_.at(t);
    if (const auto r = c.on.lock(); r && c.slot) r->slots.keep(c.slot->slot, bytes);
}

void model_scheduler::leave(call_ticket t, schedule_time now) {
    end(t, false, now);
}

void model_scheduler::leave_and_leak(call_ticket t, schedule_time now) {
    end(t, true, now);
}

void model_scheduler::end(call_ticket t, bool leak, schedule_time now) {
    const auto it = calls_.find(t);
    if (it == calls_.end()) return;
    const auto c = std::move(it->second);
    calls_.erase(it);
    if (c.phase == call_phase::pending) std::erase(pending_, t);
    if (const auto r = c.on.lock()) {
        std::erase(r->waiting, t);
        if (c.slot && leak) {
            r->slots.leak(c.slot->slot);
        } else if (c.slot) {
            r->slots.release(c.slot->slot);
        }
        --r->calls;
        if (c.phase == call_phase::loading) r->unload_when_idle = true; // given up half-way
        fill_slots(*r);
        let_go(r, now);
    }
    serve_pending();
}

// ---- models

void model_scheduler::serve_pending() {
    bool moved = !frozen_;
    while (moved && !frozen_ && !pending_.empty())
        moved = serve_head();
}

/// False when the head has to wait, and with it everyone behind it.
bool model_scheduler::serve_head() {
    const auto t = pending_.front();
    auto& c = calls_.at(t);
    const auto it = runners_.find(c.call.model);
    if (it == runners_.end()) {
        const bool room = runners_.size() < limits_.max_loaded;
        if (!room) return make_room();
        const bool one_loads =
            std::any_of(runners_.begin(), runners_.end(), [](const auto& r) { return r.second->loading; });
        if (one_loads) return false; // one load at a time
        pending_.pop_front();
        start_load(t);
        return true;
    }
    const auto r = it->second;
    if (r->loading) return false;
    if (!needs_reload(r->settings, c.call.settings)) {
        pending_.pop_front();
        use(r, t);
        return true;
    }
    c.reloads = true;
    if (freeze_on_reload_ && r->calls > 0) {
        freeze();
        return false;
    }
    return request_unload(r);
}

void model_scheduler::use(const std::shared_ptr<runner>& r, call_ticket t) {
    auto& c = calls_.at(t);
    c.on = r;
    ++r->calls;
    r->expires.reset();
    if (c.call.keep_alive) r->keep_alive = *c.call.keep_alive;
    if (!c.call.generates) return set_phase(t, call_phase::running);
    set_phase(t, call_phase::waiting);
    r->waiting.push_back(t);
    fill_slots(*r);
}

void model_scheduler::start_load(call_ticket t) {
    auto& c = calls_.at(t);
    const auto r = std::make_shared<runner>();
    r->model = c.call.model;
    r->settings = c.call.settings;
    r->keep_alive = c.call.keep_alive.value_or(limits_.keep_alive);
    r->calls = 1;
    r->slots = prefix_slots{c.call.one_slot ? 1U : limits_.parallel};
    runners_[r->model] = r;
    c.on = r;
    ++counts_.loads;
    if (c.reloads) ++counts_.reloads;
    set_phase(t, call_phase::loading);
}

/// Whichever idle model has the shortest keep_alive, and among equals the first name; with none idle, the
/// call waits for that model's calls to end. True when there is room now.
bool model_scheduler::make_room() {
    const auto before = [](const auto& a, const auto& b) {
        const bool a_idle = a.second->calls == 0;
        const bool b_idle = b.second->calls == 0;
        if (a_idle != b_idle) return a_idle;
        if (a.second->keep_alive != b.second->keep_alive) return a.second->keep_alive < b.second->keep_alive;
        return a.first < b.first;
    };
    const auto victim = std::min_element(runners_.begin(), runners_.end(), before)->second;
    if (!victim->unload_when_idle) ++counts_.evictions;
    return request_unload(victim);
}

/// True when it is gone at once.
bool model_scheduler::request_unload(const std::shared_ptr<runner>& r) {
    r->unload_when_idle = true;
    if (r->calls > 0) return false;
    runners_.erase(r->model);
    return true;
}

void model_scheduler::fill_slots(runner& r) {
    while (!frozen_ && !r.loading && !r.waiting.empty() && r.slots.free_count() > 0) {
        const auto t = r.waiting.front();
        r.waiting.pop_front();
        auto& c = calls_.at(t);
        c.slot = r.slots.take(c.call.prompt);
        set_phase(t, call_phase::running);
        counts_.peak = std::max(counts_.peak, counts().running);
    }
}

/// After a call of it has ended.
void model_scheduler::let_go(const std::shared_ptr<runner>& r, schedule_time now) {
    if (r->calls > 0) return;
    const auto it = runners_.find(r->model);
    if (it == runners_.end() || it->second != r) return;
    if (r->unload_when_idle || r->keep_alive.count() == 0) {
        runners_.erase(it);
    } else if (r->keep_alive != for_ever) {
        r->expires = now + std::chrono::duration_cast<schedule_time::duration>(r->keep_alive);
    }
}

void model_scheduler::unload(const std::string& model) {
    const auto it = runners_.find(model);
    if (frozen_) {
        if (it != runners_.end()) take_away(it->second);
        thaw();
    } else if (it != runners_.end()) {
        const auto r = it->second;
        request_unload(r);
        serve_pending();
    }
}

void model_scheduler::take_away(const std::shared_ptr<runner>& r) {
    for (auto& [t, c] : calls_) {
        if (c.on.lock() != r) continue;
        c.on.reset();
        c.slot.reset();
        set_phase(t, call_phase::failed);
    }
    runners_.erase(r->model);
}

void model_scheduler::expire(schedule_time now) {
    if (frozen_) return;
    std::erase_if(runners_, [&](const auto& r) { return r.second->expires && *r.second->expires <= now; });
    serve_pending();
}

void model_scheduler::freeze() {
    frozen_ = true;
    for (const auto& c : calls_)
        changed_.push_back(c.first);
}

void model_scheduler::thaw() {
    if (!frozen_) return;
    frozen_ = false;
    for (const auto& c : calls_)
        changed_.push_back(c.first);
    for (const auto& r : runners_)
        fill_slots(*r.second);
    serve_pending();
}

// ---- looking

void model_scheduler::set_phase(call_ticket t, call_phase p) {
    calls_.at(t).phase = p;
    changed_.push_back(t);
}

std::vector<call_ticket> model_scheduler::take_changed() {
    return std::exchange(changed_, {});
}

schedule_counts model_scheduler::counts() const {
    auto counts = counts_;
    for (const auto& [t, c] : calls_) {
        if (c.phase == call_phase::running && c.slot) ++counts.running;
        if (c.phase == call_phase::pending || c.phase == call_phase::waiting) ++counts.queued;
    }
    for (const auto& r : runners_) {
        for (const auto& s : r.second->slots.view())
            counts.leaked += s.leaked ? 1 : 0;
    }
    return counts;
}

std::vector<loaded_model> model_scheduler::models() const {
    std::vector<loaded_model> all;
    for (const auto& [name, r] : runners_)
        all.push_back({name, r->settings, r->loading, r->calls, r->expires, r->slots.view()});
    return all;
}

} // namespace clawgate::support
