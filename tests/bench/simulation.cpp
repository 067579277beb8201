#include "simulation.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <queue>
#include <string>

namespace clawgate::bench {
namespace {

constexpr double prefill_rate = 1500;  ///< tokens per second
constexpr double generation_rate = 50; ///< tokens per second, of each slot

[[nodiscard]] steady_clock::duration ticks(seconds s) {
    return std::chrono::duration_cast<steady_clock::duration>(s);
}

/// llama-server: the free slot whose cache shares more than a tenth of the prompt, and most of it; otherwise
/// the least recently used one.
class model_server {
public:
    explicit model_server(unsigned slots)
        : slots_(slots) {}

    struct started {
        std::size_t slot;
        std::uint32_t prefilled;
        seconds time;
    };

    started start(const model_call& c) {
        std::size_t chosen = slots_.size();
        double best = 0.1;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const double similarity = static_cast<double>(cached(slots_[i], c)) / c.prompt_tokens();
            if (slots_[i].busy || similarity <= best) continue;
            best = similarity;
            chosen = i;
        }
        for (std::size_t i = 0; i < slots_.size() && best == 0.1; ++i) {
            if (slots_[i].busy) continue;
            if (chosen == slots_.size() || slots_[i].last_used < slots_[chosen].last_used) chosen = i;
        }
        slot& s = slots_.at(chosen);
        const std::uint32_t prefilled = c.prompt_tokens() - cached(s, c);
        s.cache = c.prompt;
        s.cache.push_back(c.with_answer);
        s.busy = true;
        return {chosen, prefilled, seconds{prefilled / prefill_rate + c.answer_tokens / generation_rate}};
    }

    void end(std::size_t index) {
        slots_[index].busy = false;
        slots_[index].last_used = ++uses_;
    }

private:
    struct slot {
        std::vector<ollama::prompt_prefix> cache;
        std::uint64_t last_used = 0;
        bool busy = false;
    };

    static std::uint32_t cached(const slot& s, const model_call& c) {
        std::uint32_t tokens = 0;
        for (std::size_t i = 0; i < s.cache.size() && i < c.prompt.size(); ++i) {
            if (s.cache[i].hash != c.prompt[i].hash) break;
            tokens = c.prompt[i].tokens;
        }
        return tokens;
    }

    std::vector<slot> slots_;
    std::uint64_t uses_ = 0;
};

class fcfs : public scheduler {
public:
    explicit fcfs(unsigned slots)
        : free_{slots} {}

    ollama::call_id enqueue(const model_call&, unsigned, steady_time) override {
        waiting_.push_back(++last_id_);
        return last_id_;
    }
    std::optional<ollama::call_id> next(steady_time) override {
        if (free_ == 0 || waiting_.empty()) return std::nullopt;
        const auto id = waiting_.front();
        waiting_.pop_front();
        --free_;
        return id;
    }
    void finish(ollama::call_id, const model_call&, steady_time) override { ++free_; }
    [[nodiscard]] std::optional<steady_time> next_decision() const override { return std::nullopt; }

private:
    std::deque<ollama::call_id> waiting_;
    unsigned free_;
    ollama::call_id last_id_ = 0;
};

class by_admission_scheduler : public scheduler {
public:
    explicit by_admission_scheduler(const ollama::admission_limits& limits)
        : admission_{limits} {}

    ollama::call_id enqueue(const model_call& c, unsigned max_concurrent, steady_time now) override {
        ollama::call_request r;
        r.flow = "agent_" + std::to_string(c.agent + 1);
        r.max_concurrent = max_concurrent;
        r.prompt_tokens = c.prompt_tokens();
        r.answer_tokens = c.expected_answer_tokens;
        r.bytes = std::size_t{r.prompt_tokens} * 4;
        r.prefixes = c.prompt;
        return admission_.enqueue(std::move(r), now).value();
    }
    std::optional<ollama::call_id> next(steady_time now) override { return admission_.next(now); }
    void finish(ollama::call_id id, const model_call& c, steady_time now) override {
        admission_.finish(id, c.prompt_tokens(), c.answer_tokens, now);
    }
    [[nodiscard]] std::optional<steady_time> next_decision() const override {
        return admission_.next_decision();
    }

private:
    ollama::admission admission_;
};

class simulation {
public:
    simulation(const workload& w, scheduler& s)
        : work_{w}
        , scheduler_{s}
        , server_{w.slots}
        , waiting_(w.outstanding.size())
        , active_(w.outstanding.size())
        , end_{steady_time{} + ticks(w.end)} {
        result_.tokens.resize(w.outstanding.size());
        result_.longest_wait.resize(w.outstanding.size());
        for (unsigned agent = 0; agent < w.outstanding.size(); ++agent) {
            for (unsigned i = 0; i < w.outstanding[agent]; ++i)
                arrive_later(agent, steady_time{} + ticks(w.start[agent]));
        }
    }

    outcome run() {
        while (!events_.empty()) {
            const auto decision = scheduler_.next_decision();
            const steady_time at = decision ? std::min(*decision, events_.top().at) : events_.top().at;
            if (at > end_) break;
            pass(at);
            if (!decision || events_.top().at <= *decision) {
                const event e = events_.top();
                events_.pop();
                e.ends ? end(e.id) : arrive(e.agent);
            }
            dispatch();
        }
        result_.duration = now_ - steady_time{};
        if (contended_ > seconds{0}) result_.utilisation = busy_ / (contended_ * work_.slots);
        return result_;
    }

private:
    struct event {
        steady_time at;
        std::uint64_t order; ///< events of the same time keep their order
        bool ends;           ///< a call ends; otherwise one arrives
        unsigned agent;
        ollama::call_id id;

        bool operator<(const event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };
    struct call_state {
        model_call call;
        steady_time arrived;
        std::size_t slot = 0;
    };

    void arrive_later(unsigned agent, steady_time at) { events_.push({at, ++order_, false, agent, 0}); }

    [[nodiscard]] bool is_eligible(unsigned agent) const {
        return waiting_[agent] > 0 && active_[agent] < work_.max_concurrent;
    }

    void pass(steady_time at) {
        bool contended = false;
        for (unsigned agent = 0; agent < waiting_.size(); ++agent)
            contended = contended || is_eligible(agent);
        if (contended) {
            contended_ += at - now_;
            busy_ += seconds{at - now_} * running_;
        }
        now_ = at;
    }

    void arrive(unsigned agent) {
        auto call = work_.next_call(agent);
        if (!call) return;
        const auto id = scheduler_.enqueue(*call, work_.max_concurrent, now_);
        calls_[id] = {std::move(*call), now_, 0};
        ++waiting_[agent];
    }

    void end(ollama::call_id id) {
        const call_state state = std::move(calls_.at(id));
        calls_.erase(id);
        const unsigned agent = state.call.agent;
        server_.end(state.slot);
        --running_;
        --active_[agent];
        scheduler_.finish(id, state.call, now_);
        arrive_later(agent, now_ + ticks(work_.think(agent)));
    }

    void dispatch() {
        while (const auto id = scheduler_.next(now_)) {
            call_state& state = calls_.at(*id);
            const model_call& call = state.call;
            --waiting_[call.agent];
            ++active_[call.agent];
            ++running_;
            const auto started = server_.start(call);
            state.slot = started.slot;
            events_.push({now_ + ticks(started.time), ++order_, true, call.agent, *id});

            ++result_.calls;
            result_.longest_service = std::max(result_.longest_service, started.time);
            result_.prompt_tokens += call.prompt_tokens();
            result_.prefilled_tokens += started.prefilled;
            auto& longest = result_.longest_wait[call.agent];
            longest = std::max<seconds>(longest, now_ - state.arrived);
            count_tokens(call);
        }
    }

    void count_tokens(const model_call& call) {
        const std::uint64_t tokens = std::uint64_t{call.prompt_tokens()} + call.answer_tokens;
        result_.tokens[call.agent] += tokens;
        result_.largest_call = std::max(result_.largest_call, tokens);
        for (unsigned other = 0; other < waiting_.size(); ++other) {
            if (!is_eligible(other) || result_.tokens[other] >= result_.tokens[call.agent]) continue;
            result_.largest_lag =
                std::max(result_.largest_lag, result_.tokens[call.agent] - result_.tokens[other]);
        }
    }

    const workload& work_;
    scheduler& scheduler_;
    model_server server_;
    std::priority_queue<event> events_;
    std::uint64_t order_ = 0;
    std::map<ollama::call_id, call_state> calls_;
    std::vector<unsigned> waiting_;
    std::vector<unsigned> active_;
    unsigned running_ = 0;
    steady_time now_;
    steady_time end_;
    seconds contended_{};
    seconds busy_{};
    outcome result_;
};

} // namespace

std::unique_ptr<scheduler> first_come_first_served(unsigned slots) {
    return std::make_unique<fcfs>(slots);
}

std::unique_ptr<scheduler> by_admission(const ollama::admission_limits& limits) {
    return std::make_unique<by_admission_scheduler>(limits);
}

outcome simulate(const workload& w, scheduler& s) {
    return simulation{w, s}.run();
}

double jains_index(const std::vector<std::uint64_t>& shares) {
    double sum = 0;
    double squares = 0;
    for (const auto share : shares) {
        sum += static_cast<double>(share);
        squares += static_cast<double>(share) * static_cast<double>(share);
    }
    return squares == 0 ? 1 : sum * sum / (static_cast<double>(shares.size()) * squares);
}

} // namespace clawgate::bench
