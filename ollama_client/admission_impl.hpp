#pragma once
// What admission keeps, and the steps of its decisions. Private to admission*.cpp.

#include "ollama_client/admission.hpp"
#include "ollama_client/slot_model.hpp"

#include <array>
#include <limits>
#include <list>
#include <unordered_map>

namespace clawgate::ollama {

inline constexpr std::size_t ranks = 3;

struct waiting_call {
    call_id id = 0;
    std::uint32_t prompt_tokens = 0; ///< estimates
    std::uint32_t answer_tokens = 0;
    std::size_t bytes = 0;
    std::vector<prompt_prefix> prompt;
    std::string model;
    unsigned model_slots = 0; ///< 0: as many as there are
};

struct running_call {
    struct flow* of = nullptr;
    std::size_t slot = 0;
    std::uint32_t prompt_tokens = 0;
    std::uint32_t answer_tokens = 0;
    steady_time since;
    std::string model;
};

/// The calls of one caller and rank.
struct flow {
    struct caller* who = nullptr;
    std::size_t rank = 0;
    /// Virtual: the tokens that it was served. Of a new flow: long before any other's.
    std::int64_t time = std::numeric_limits<std::int64_t>::min() / 2;
    /// It has had no more than its share and asks again after a pause: its next call goes before warm ones.
    bool goes_first = false;
    unsigned misses = 0; ///< waits for its next turn that were in vain, in a row
    std::list<waiting_call> queue;
};

struct caller {
    unsigned max_concurrent = 1;
    unsigned active = 0;
    std::size_t queued = 0;
    std::array<flow, ranks> flows;

    [[nodiscard]] bool at_limit() const noexcept { return active >= max_concurrent; }
    [[nodiscard]] bool idle() const noexcept { return active == 0 && queued == 0; }
};

/// A slot's last conversation, whose next turn may come at any moment.
struct last_served {
    flow* of = nullptr; ///< null: nobody is waited for any more
    steady_time until;
    bool kept_free = false; ///< the slot stays free for it though others wait
};

/// A flow whose next call may be dispatched now.
struct candidate {
    flow* of = nullptr;
    std::uint32_t reusable = 0; ///< tokens, in the best free slot
};

struct admission::impl {
    explicit impl(admission_limits l)
        : limits{l}
        , slots{l.slots}
        , last(l.slots) {}

    admission_limits limits;
    slot_model slots;
    std::vector<last_served> last; ///< by slot
    std::unordered_map<std::string, caller> callers;
    std::array<std::vector<flow*>, ranks> backlog; ///< flows with something queued
    /// The least time of a flow that could be served, as it was at some dispatch; never goes back.
    std::array<std::int64_t, ranks> virtual_time{};
    std::unordered_map<call_id, std::pair<flow*, std::list<waiting_call>::iterator>> queued;
    std::unordered_map<call_id, running_call> running;
    std::unordered_map<std::string, unsigned> running_of_model; ///< none of them 0
    std::size_t queued_bytes = 0;
    call_id last_id = 0;
    double mean_service = 0;              ///< in ticks of steady_clock; 0 = no call has ended yet
    steady_clock::duration idle_budget{}; ///< for how long slots may yet be kept free
    admission_statistics statistics;
    std::vector<candidate> candidates; ///< scratch of next()

    // admission.cpp: who is there
    [[nodiscard]] bool has_room(const std::string& name, std::size_t bytes) const;
    caller& caller_of(const std::string& name);
    void forget_an_idle_caller();
    void catch_up(flow& f) const noexcept;
    void unlist(flow& f) noexcept;
    [[nodiscard]] double until_a_slot_is_free(steady_time now) const;

    // admission_choice.cpp: who is next
    [[nodiscard]] bool has_slot(const waiting_call& call) const;
    [[nodiscard]] bool find_candidates(std::size_t rank);
    [[nodiscard]] std::int64_t keep_to_the_window();
    [[nodiscard]] const candidate& best_candidate();
    call_id dispatch(flow& f, steady_time now);

    // anticipation.cpp: slots that are kept free for a conversation's next turn
    void earn_idle_time(steady_clock::duration served);
    void note_return(flow& f, const std::vector<prompt_prefix>& prompt, steady_time now);
    void end_wait(last_served& l, steady_time now);
    void end_vain_waits(steady_time now);
    void end_all_waits(steady_time now);
    [[nodiscard]] bool is_worth_waiting(std::size_t slot, std::size_t rank, std::int64_t least,
                                        steady_time now) const;
    [[nodiscard]] unsigned keep_slots_free(std::size_t rank, std::int64_t least, steady_time now);
};

} // namespace clawgate::ollama
