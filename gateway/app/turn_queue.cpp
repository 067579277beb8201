#include "app/turn_queue.hpp"

namespace clawgate::app {

result<ollama::call_id> turn_queue::join(ollama::call_request r, turn_taker& who,
                                         std::chrono::milliseconds time_limit) {
    taker t;
    t.who = &who;
    t.model = r.model;
    t.flow = r.flow;
    t.rank = r.rank;
    t.since = steady_clock::now();
    t.time_limit = time_limit;
    auto id = admission_.enqueue(std::move(r), steady_clock::now());
    if (!id) return id;
    waiting_.emplace(*id, std::move(t));
    serve();
    return id;
}

void turn_queue::leave(ollama::call_id id) {
    waiting_.erase(id);
    admission_.cancel(id);
    serve();
}

void turn_queue::answer_began(ollama::call_id id) {
    const auto found = granted_.find(id);
    if (found == granted_.end() || std::exchange(found->second.answering, true)) return;
    slots_.answer_began(found->second.model);
}

void turn_queue::done(ollama::call_id id, ollama::call_cost cost) {
    if (const auto found = granted_.find(id); found != granted_.end()) {
        if (found->second.answering) slots_.answer_ended(found->second.model);
        granted_.erase(found);
    }
    admission_.finish(id, cost.prompt_tokens, cost.answer_tokens, steady_clock::now());
    serve();
}

void turn_queue::set_slots(unsigned slots) {
    admission_.set_slots(slots);
    serve();
}

void turn_queue::end_granted(const error& why) {
    for (const auto& [id, t] : granted_)
        t.who->ended_by(why);
}

std::optional<ollama::queue_place> turn_queue::place_of(ollama::call_id id) const {
    return admission_.place_of(id, steady_clock::now());
}

std::vector<waiting_call> turn_queue::waiting() const {
    const auto now = steady_clock::now();
    std::vector<waiting_call> all;
    for (const auto& [id, t] : waiting_) {
        const auto place = admission_.place_of(id, now);
        if (!place) continue;
        const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - t.since);
        all.push_back({t.flow, t.rank, t.model, waited, *place});
    }
    return all;
}

ollama::door_activity turn_queue::activity() const {
    ollama::door_activity a;
    a.dispatched = admission_.active();
    std::map<std::string_view, unsigned> of_model;
    for (const auto& [id, t] : granted_) {
        a.longest_call = std::max(a.longest_call, t.time_limit);
        if (++of_model[t.model] >= slots_.sure(t.model)) a.full = true;
    }
    return a;
}

void turn_queue::serve() {
    while (const auto id = admission_.next(steady_clock::now())) {
        auto found = waiting_.extract(*id);
        if (found.empty()) continue;
        auto* const who = found.mapped().who;
        granted_.insert(std::move(found));
        who->granted();
    }
    const auto again = admission_.next_decision();
    if (!again) return;
    later_.expires_at(*again);
    later_.async_wait([this](net::error_code ec) {
        if (!ec) serve();
    });
}

} // namespace clawgate::app
