// Which call is next. Strict priority between ranks; within a rank, fair queueing by virtual time (start-time
// fair queueing): a flow's time grows by the tokens of its calls, and whoever has least goes first. Within a
// window of that, the call whose prompt is most likely still in a free slot's cache goes before it; but a
// flow that has had no more than its share and asks after a pause need not wait for that.
// docs/decisions/0008-admission.md says why.

#include "ollama_client/admission_impl.hpp"

#include <algorithm>

namespace clawgate::ollama {

/// The server has a slot for a call of this model: another one's is none.
bool admission::impl::has_slot(const waiting_call& call) const {
    if (call.model_slots == 0) return true;
    const auto found = running_of_model.find(call.model);
    return found == running_of_model.end() || found->second < call.model_slots;
}

/// Fills `candidates` with the flows of the rank that may be served now. False when there is none.
bool admission::impl::find_candidates(std::size_t rank) {
    candidates.clear();
    for (flow* f : backlog[rank]) {
        if (!f->who->at_limit() && has_slot(f->queue.front())) candidates.push_back({f, 0});
    }
    return !candidates.empty();
}

/// Drops the candidates that are too far ahead. The least time of all.
std::int64_t admission::impl::keep_to_the_window() {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const candidate& c : candidates)
        least = std::min(least, c.of->time);
    const std::int64_t most = least + static_cast<std::int64_t>(limits.fairness_window);
    std::erase_if(candidates, [most](const candidate& c) { return c.of->time > most; });
    return least;
}

const candidate& admission::impl::best_candidate() {
    for (candidate& c : candidates) {
        for (std::size_t i = 0; i < slots.size(); ++i) {
            if (slots.is_free(i))
                c.reusable = std::max(c.reusable, slots.reusable(i, c.of->queue.front().prompt));
        }
    }
    return *std::min_element(candidates.begin(), candidates.end(),
                             [](const candidate& a, const candidate& b) {
                                 if (a.of->goes_first != b.of->goes_first) return a.of->goes_first;
                                 if (a.reusable != b.reusable) return a.reusable > b.reusable;
                                 if (a.of->time != b.of->time) return a.of->time < b.of->time;
                                 return a.of->queue.front().id < b.of->queue.front().id;
                             });
}

std::optional<call_id> admission::next(steady_time now) {
    impl& a = *impl_;
    a.end_vain_waits(now);
    std::size_t rank = a.running.size() < a.limits.slots ? 0 : ranks;
    while (rank < ranks && !a.find_candidates(rank))
        ++rank;
    if (rank == ranks) {
        a.end_all_waits(now);
        return std::nullopt;
    }
    const std::int64_t least = a.keep_to_the_window();
    if (a.keep_slots_free(rank, least, now) == 0) return std::nullopt;

    const candidate& best = a.best_candidate();
    a.virtual_time[rank] = std::max(a.virtual_time[rank], least);
    if (best.reusable > 0) ++a.statistics.warm;
    return a.dispatch(*best.of, now);
}

call_id admission::impl::dispatch(flow& f, steady_time now) {
    waiting_call call = std::move(f.queue.front());
    f.queue.pop_front();
    queued.erase(call.id);
    if (f.queue.empty()) unlist(f);
    queued_bytes -= call.bytes;
    --f.who->queued;
    ++f.who->active;
    f.goes_first = false;
    f.time += std::int64_t{call.prompt_tokens} + call.answer_tokens;

    const std::size_t slot = slots.choose(call.prompt);
    end_wait(last[slot], now); // the server may take the very slot that was kept for somebody
    last[slot] = {};
    slots.take(slot, std::move(call.prompt));
    ++running_of_model[call.model];
    running.emplace(call.id, running_call{&f, slot, call.prompt_tokens, call.answer_tokens, now,
                                          std::move(call.model)});
    ++statistics.dispatched;
    return call.id;
}

} // namespace clawgate::ollama
