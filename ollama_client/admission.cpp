// The book of who waits and who runs. Who is next: admission_choice.cpp.

#include "ollama_client/admission_impl.hpp"

#include <algorithm>

namespace clawgate::ollama {
namespace {

/// Callers that are remembered while they do nothing. A forgotten one is treated as new.
constexpr std::size_t most_callers = 1024;
/// Weight of the latest call in the mean service time.
constexpr double newest_weight = 0.125;

[[nodiscard]] error queue_full() {
    return error{errc::locked_out, fault::gateway, retry::later,
                 "server busy, please try again.  maximum pending requests exceeded"};
}

} // namespace

bool admission::impl::has_room(const std::string& name, std::size_t bytes) const {
    const auto found = callers.find(name);
    const bool newcomer = found == callers.end() || found->second.queued == 0;
    const std::size_t places = newcomer ? limits.max_queued + limits.max_queued / 8 : limits.max_queued;
    const std::size_t room =
        newcomer ? limits.max_queued_bytes : limits.max_queued_bytes - limits.max_queued_bytes / 4;
    return queued.size() < places && bytes <= room && queued_bytes <= room - bytes;
}

caller& admission::impl::caller_of(const std::string& name) {
    if (const auto found = callers.find(name); found != callers.end()) return found->second;
    if (callers.size() >= most_callers) forget_an_idle_caller();
    caller& c = callers[name];
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        c.flows[rank].who = &c;
        c.flows[rank].rank = rank;
    }
    return c;
}

void admission::impl::forget_an_idle_caller() {
    const auto found = std::find_if(callers.begin(), callers.end(), [](auto& c) { return c.second.idle(); });
    if (found == callers.end()) return;
    for (last_served& l : last) {
        if (l.of != nullptr && l.of->who == &found->second) l = {};
    }
    callers.erase(found);
}

/// A flow of which nothing could be served, because it asked for nothing or had all that it may have at once,
/// has earned no more than the window by that. One that was away for longer starts like a new one.
void admission::impl::catch_up(flow& f) const noexcept {
    const std::int64_t newest = virtual_time[f.rank];
    if (f.time < newest - static_cast<std::int64_t>(limits.fairness_window)) f.time = newest;
}

void admission::impl::unlist(flow& f) noexcept {
    auto& flows = backlog[f.rank];
    flows.erase(std::find(flows.begin(), flows.end(), &f));
}

admission::admission(admission_limits limits) {
    limits.slots = std::max(limits.slots, 1u);
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max() / 4;
    limits.fairness_window = std::min(limits.fairness_window, most);
    impl_ = std::make_unique<impl>(limits);
}

admission::~admission() = default;

result<call_id> admission::enqueue(call_request r, steady_time now) {
    impl& a = *impl_;
    if (!a.has_room(r.flow, r.bytes)) return queue_full();
    caller& who = a.caller_of(r.flow);
    who.max_concurrent = std::max(r.max_concurrent, 1u);
    flow& f = who.flows[static_cast<std::size_t>(r.rank)];

    if (f.queue.empty()) {
        a.note_return(f, r.prefixes, now);
        a.catch_up(f);
        f.goes_first = f.time <= a.virtual_time[f.rank];
        a.backlog[f.rank].push_back(&f);
    }
    const call_id id = ++a.last_id;
    f.queue.push_back({id, r.prompt_tokens, r.answer_tokens, r.bytes, std::move(r.prefixes),
                       std::move(r.model), r.model_slots});
    a.queued.emplace(id, std::pair{&f, std::prev(f.queue.end())});
    a.queued_bytes += r.bytes;
    ++who.queued;
    return id;
}

void admission::cancel(call_id id) {
    impl& a = *impl_;
    const auto found = a.queued.find(id);
    if (found == a.queued.end()) return;
    const auto [f, call] = found->second;
    a.queued_bytes -= call->bytes;
    --f->who->queued;
    f->queue.erase(call);
    a.queued.erase(found);
    if (f->queue.empty()) a.unlist(*f);
}

void admission::finish(call_id id, std::uint32_t prompt_tokens, std::uint32_t answer_tokens,
                       steady_time now) {
    impl& a = *impl_;
    const auto found = a.running.find(id);
    if (found == a.running.end()) return;
    const running_call call = found->second;
    a.running.erase(found);
    if (const auto of_model = a.running_of_model.find(call.model); --of_model->second == 0)
        a.running_of_model.erase(of_model);

    flow& f = *call.of;
    // Before the correction: what was charged too much is the flow's own, not credit from standing still.
    if (f.who->at_limit() && !f.queue.empty()) a.catch_up(f);
    if (prompt_tokens > 0) f.time += std::int64_t{prompt_tokens} - call.prompt_tokens;
    if (answer_tokens > 0) f.time += std::int64_t{answer_tokens} - call.answer_tokens;
    --f.who->active;

    const auto served = now - call.since;
    const auto ticks = static_cast<double>(served.count());
    a.mean_service = a.mean_service == 0 ? ticks : a.mean_service + newest_weight * (ticks - a.mean_service);
    a.earn_idle_time(served);
    a.slots.release(call.slot);
    a.last[call.slot] = {&f, now + a.limits.anticipation_limit, false};
}

std::optional<steady_time> admission::next_decision() const {
    std::optional<steady_time> earliest;
    for (const last_served& l : impl_->last) {
        if (l.kept_free && (!earliest || l.until < *earliest)) earliest = l.until;
    }
    return earliest;
}

/// In ticks of steady_clock, as far as the mean service time can tell.
double admission::impl::until_a_slot_is_free(steady_time now) const {
    if (running.size() < limits.slots) return 0;
    double least = mean_service;
    for (const auto& [_, call] : running) {
        const double left = mean_service - static_cast<double>((now - call.since).count());
        least = std::min(least, std::max(left, 0.0));
    }
    return least;
}

std::optional<queue_place> admission::place_of(call_id id, steady_time now) const {
    const impl& a = *impl_;
    const auto found = a.queued.find(id);
    if (found == a.queued.end()) return std::nullopt;
    const flow& own = *found->second.first;
    const auto before = static_cast<std::size_t>(
        std::distance(own.queue.begin(), std::list<waiting_call>::const_iterator{found->second.second}));

    // As if the flows took turns, whoever has had least first.
    std::size_t position = before + 1;
    for (const flow* f : a.backlog[own.rank]) {
        if (f == &own) continue;
        const bool first = f->time != own.time ? f->time < own.time : f->queue.front().id < id;
        position += std::min(f->queue.size(), first ? before + 1 : before);
    }
    std::size_t ahead = position - 1;
    for (std::size_t rank = 0; rank < own.rank; ++rank) {
        for (const flow* f : a.backlog[rank])
            ahead += f->queue.size();
    }

    const double by_slots =
        a.until_a_slot_is_free(now) + static_cast<double>(ahead) / a.limits.slots * a.mean_service;
    const double by_own_limit = static_cast<double>(before / own.who->max_concurrent) * a.mean_service;
    const steady_clock::duration wait{
        static_cast<steady_clock::duration::rep>(std::max(by_slots, by_own_limit))};
    return queue_place{position, std::chrono::duration_cast<std::chrono::milliseconds>(wait)};
}

std::size_t admission::queued() const {
    return impl_->queued.size();
}

std::size_t admission::queued_bytes() const {
    return impl_->queued_bytes;
}

unsigned admission::active() const {
    return static_cast<unsigned>(impl_->running.size());
}

unsigned admission::active_of(const std::string& flow) const {
    const auto found = impl_->callers.find(flow);
    return found == impl_->callers.end() ? 0 : found->second.active;
}

std::size_t admission::queued_of(const std::string& flow) const {
    const auto found = impl_->callers.find(flow);
    return found == impl_->callers.end() ? 0 : found->second.queued;
}

admission_statistics admission::statistics() const {
    return impl_->statistics;
}

void admission::set_slots(unsigned slots) {
    impl& a = *impl_;
    a.limits.slots = std::max(slots, 1u);
    a.slots.resize(a.limits.slots);
    a.last.resize(a.slots.size());
    for (std::size_t i = 0; i < a.last.size(); ++i) {
        if (!a.slots.is_free(i)) a.last[i] = {};
    }
}

} // namespace clawgate::ollama
