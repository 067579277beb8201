// Anticipation: a conversation's next turn often comes some milliseconds after the last one's end, and would
// find its whole prompt in the slot's cache. So the slot may stay free for a moment though others wait. What
// that costs is paid out of a budget that grows with the time served.

#include "ollama_client/admission_impl.hpp"

#include <algorithm>

namespace clawgate::ollama {
namespace {

/// After so many vain waits in a row a conversation is not waited for again, until it is seen to be quick.
constexpr unsigned most_misses = 2;

} // namespace

void admission::impl::earn_idle_time(steady_clock::duration served) {
    using ticks = steady_clock::duration::rep;
    const auto share = limits.anticipation_share * static_cast<double>(served.count());
    // Bounded: a quiet hour must not pay for a burst of waits.
    const steady_clock::duration most = limits.anticipation_limit * static_cast<ticks>(limits.slots);
    idle_budget = std::min(idle_budget + steady_clock::duration{static_cast<ticks>(share)}, most);
}

/// What was not used of the budget is given back.
void admission::impl::end_wait(last_served& l, steady_time now) {
    if (l.kept_free && now < l.until) idle_budget += l.until - now;
    l.kept_free = false;
}

void admission::impl::end_all_waits(steady_time now) {
    for (last_served& l : last)
        end_wait(l, now);
}

void admission::impl::end_vain_waits(steady_time now) {
    for (last_served& l : last) {
        if (!l.kept_free || now < l.until) continue;
        ++l.of->misses;
        l = {};
    }
}

/// A conversation whose next turn came in time is worth waiting for again.
void admission::impl::note_return(flow& f, const std::vector<prompt_prefix>& prompt, steady_time now) {
    for (std::size_t i = 0; i < last.size(); ++i) {
        last_served& l = last[i];
        if (l.of != &f || !slots.is_free(i) || now > l.until) continue;
        const std::uint32_t held = slots.held(i);
        if (held == 0 || slots.shared(i, prompt) < held / 2) continue;
        f.misses = 0;
        if (l.kept_free) ++statistics.came_back;
        end_wait(l, now);
    }
}

/// Is it better to leave the slot to its last conversation for a moment than to give it to a candidate?
bool admission::impl::is_worth_waiting(std::size_t slot, std::size_t rank, std::int64_t least,
                                       steady_time now) const {
    const last_served& l = last[slot];
    if (l.of == nullptr || now >= l.until) return false;
    if (!l.kept_free && l.until - now > idle_budget) return false;
    const flow& f = *l.of;
    if (!f.queue.empty() || f.who->at_limit() || f.misses >= most_misses) return false;
    if (f.rank > rank) return false; // somebody of a higher rank waits
    if (f.rank == rank && f.time > least + static_cast<std::int64_t>(limits.fairness_window)) return false;
    const std::uint32_t held = slots.held(slot);
    return held > 0 && std::none_of(candidates.begin(), candidates.end(), [&](const candidate& c) {
               return (c.of->goes_first && f.rank == rank) ||
                      slots.shared(slot, c.of->queue.front().prompt) >= held / 2;
           });
}

/// How many of the free slots can be given away now.
unsigned admission::impl::keep_slots_free(std::size_t rank, std::int64_t least, steady_time now) {
    unsigned available = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (!slots.is_free(i)) continue;
        last_served& l = last[i];
        if (!is_worth_waiting(i, rank, least, now)) {
            end_wait(l, now);
            ++available;
        } else if (!l.kept_free) {
            l.kept_free = true;
            idle_budget -= l.until - now;
            ++statistics.anticipated;
        }
    }
    return available;
}

} // namespace clawgate::ollama
