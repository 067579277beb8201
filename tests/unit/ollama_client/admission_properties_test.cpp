// What holds whatever happens: random schedules, with a fixed seed each.

#include "admission_support.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <random>

namespace clawgate::ollama {
namespace {

using namespace std::chrono_literals;

/// A second, simple book of what admission should know.
class random_schedule {
public:
    explicit random_schedule(unsigned seed)
        : random_{seed}
        , slots_{1 + number(6)}
        , callers_{1 + number(8)}
        , a_{limits()} {
        for (unsigned i = 0; i < callers_; ++i)
            limit_.push_back(1 + number(4));
    }

    void run(unsigned steps) {
        for (unsigned i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
            const auto elapsed = std::chrono::milliseconds{number(3) == 0 ? number(2000) : number(40)};
            advance(elapsed);
            switch (number(8)) {
            case 0: cancel(); break;
            case 1:
            case 2:
            case 3: finish(); break;
            case 4: slots_changed(); break;
            default: enqueue(); break;
            }
            settle();
        }
        // What was lost to waiting is paid out of what was served.
        const double served = std::chrono::duration<double>(served_).count();
        EXPECT_LE(std::chrono::duration<double>(idle_).count(), 0.005 * served + 1e-6);
    }

private:
    struct call {
        call_id id;
        unsigned caller;
        std::size_t rank;
        std::size_t bytes;
        steady_time since;
    };

    unsigned number(unsigned below) { return std::uniform_int_distribution<unsigned>{0, below - 1}(random_); }

    [[nodiscard]] admission_limits limits() const {
        admission_limits l;
        l.slots = slots_;
        l.max_queued = 50;
        l.fairness_window = 20'000;
        return l;
    }

    /// Time passes; at the times that admission asked for it is asked again.
    void advance(std::chrono::milliseconds elapsed) {
        const steady_time end = now_ + elapsed;
        while (const auto decision = a_.next_decision()) {
            if (*decision > end) break;
            ASSERT_GT(*decision, now_);
            pass(*decision);
            settle();
        }
        pass(end);
    }

    void pass(steady_time to) {
        served_ += (to - now_) * static_cast<int>(running_.size());
        if (running_.size() < slots_ && is_anybody_eligible())
            idle_ += (to - now_) * static_cast<int>(slots_ - running_.size());
        now_ = to;
    }

    void enqueue() {
        call_request r;
        const unsigned caller = number(callers_);
        r.flow = "agent_" + std::to_string(caller);
        r.rank = static_cast<priority>(number(3));
        r.max_concurrent = limit_[caller];
        r.prompt_tokens = 1 + number(10'000);
        r.answer_tokens = number(500);
        r.bytes = number(1000);
        prefix_builder b;
        b.add(std::to_string(number(20)) + std::string(2000, '.'));
        b.add(std::to_string(number(3)) + std::string(1000, '.'));
        r.prefixes = b.take(1.0);
        const std::size_t bytes = r.bytes;
        const auto rank = static_cast<std::size_t>(r.rank);
        if (const auto id = a_.enqueue(std::move(r), now_))
            waiting_.push_back({*id, caller, rank, bytes, now_});
        else
            ASSERT_GE(waiting_.size(), 50u);
    }

    void cancel() {
        if (waiting_.empty()) return;
        const auto chosen = waiting_.begin() + number(static_cast<unsigned>(waiting_.size()));
        a_.cancel(chosen->id);
        waiting_.erase(chosen);
    }

    void finish() {
        if (running_.empty()) return;
        const auto chosen = running_.begin() + number(static_cast<unsigned>(running_.size()));
        a_.finish(chosen->id, number(2) * number(20'000), number(2) * number(1000), now_);
        running_.erase(chosen);
    }

    void slots_changed() {
        if (number(10) != 0) return;
        slots_ = 1 + number(6);
        a_.set_slots(slots_);
    }

    [[nodiscard]] std::size_t active_of(unsigned caller) const {
        return static_cast<std::size_t>(std::count_if(
            running_.begin(), running_.end(), [caller](const call& c) { return c.caller == caller; }));
    }
    [[nodiscard]] bool is_eligible(const call& c) const { return active_of(c.caller) < limit_[c.caller]; }
    [[nodiscard]] bool is_anybody_eligible() const {
        return std::any_of(waiting_.begin(), waiting_.end(), [&](const call& c) { return is_eligible(c); });
    }

    void settle() {
        while (const auto id = a_.next(now_)) {
            const auto found =
                std::find_if(waiting_.begin(), waiting_.end(), [&](const call& c) { return c.id == *id; });
            ASSERT_NE(found, waiting_.end()) << "dispatched what does not wait";
            ASSERT_LT(running_.size(), slots_);
            ASSERT_TRUE(is_eligible(*found)) << "above the flow's own limit";
            for (const call& c : waiting_) {
                ASSERT_FALSE(is_eligible(c) && c.rank < found->rank) << "somebody of a higher rank waits";
                ASSERT_FALSE(c.caller == found->caller && c.rank == found->rank && c.id < found->id)
                    << "not first come, first served within a flow";
            }
            running_.push_back(*found);
            waiting_.erase(found);
        }
        if (running_.size() < slots_ && is_anybody_eligible()) {
            const auto decision = a_.next_decision();
            ASSERT_TRUE(decision) << "a slot is free, somebody could use it, and nobody is waited for";
            ASSERT_GT(*decision, now_);
            ASSERT_LE(*decision, now_ + 50ms);
        }
        ASSERT_EQ(a_.queued(), waiting_.size());
        ASSERT_EQ(a_.active(), running_.size());
        ASSERT_EQ(a_.queued_bytes(),
                  std::accumulate(waiting_.begin(), waiting_.end(), std::size_t{0},
                                  [](std::size_t sum, const call& c) { return sum + c.bytes; }));
        for (const call& c : waiting_)
            ASSERT_TRUE(a_.place_of(c.id, now_));
    }

    std::mt19937 random_;
    unsigned slots_;
    unsigned callers_;
    std::vector<unsigned> limit_;
    admission a_;
    steady_time now_{std::chrono::hours{1}};
    std::vector<call> waiting_;
    std::vector<call> running_;
    steady_clock::duration served_{};
    steady_clock::duration idle_{};
};

TEST(AdmissionProperties, LeavesNoSlotFreeWhileAnEligibleCallWaits) {
    for (unsigned seed = 1; seed <= 60 && !testing::Test::HasFatalFailure(); ++seed) {
        SCOPED_TRACE(seed);
        random_schedule{seed}.run(600);
    }
}

struct backlogged_flows {
    unsigned flows = 10;
    unsigned slots = 4;
    std::uint64_t window = 65'536;
    /// Is told the tokens that each flow has been given, after every dispatch.
    std::function<void(const std::vector<std::uint64_t>&)> check;
    /// Tokens of a flow's next call.
    std::function<std::uint32_t(unsigned flow)> size;

    /// Every flow has always three calls queued. All calls have one of few prefixes, so that warm slots
    /// matter.
    [[nodiscard]] std::vector<std::uint64_t> run(unsigned dispatches, unsigned seed) const {
        std::mt19937 random{seed};
        admission_limits l;
        l.slots = slots;
        l.fairness_window = window;
        l.max_queued = 1000;
        admission a{l};
        steady_time now{};
        std::vector<std::uint64_t> given(flows);
        std::map<call_id, std::pair<unsigned, std::uint32_t>> calls;
        std::vector<call_id> running;
        const auto enqueue = [&](unsigned flow) {
            call_request r;
            r.flow = std::to_string(flow);
            r.max_concurrent = slots;
            r.prompt_tokens = size(flow);
            r.prefixes = {{flow % 3 + 1, r.prompt_tokens / 4 * 3}, {random(), r.prompt_tokens}};
            const std::uint32_t tokens = r.prompt_tokens;
            calls[a.enqueue(std::move(r), now).value()] = {flow, tokens};
        };
        for (unsigned i = 0; i < 3 * flows; ++i)
            enqueue(i % flows);
        for (unsigned done = 0; done < dispatches;) {
            while (const auto id = a.next(now)) {
                const auto [flow, tokens] = calls.at(*id);
                given[flow] += tokens;
                if (check) check(given);
                running.push_back(*id);
                enqueue(flow);
                ++done;
            }
            now += std::chrono::milliseconds{100 + random() % 5000};
            const auto ended = running.begin() + random() % running.size();
            a.finish(*ended, 0, 0, now);
            running.erase(ended);
        }
        return given;
    }
};

TEST(AdmissionProperties, NoBackloggedFlowIsFurtherAheadThanTheWindowAndACall) {
    for (const std::uint64_t window : {std::uint64_t{0}, std::uint64_t{5000}, std::uint64_t{65'536}}) {
        std::mt19937 random{7};
        std::uint64_t largest_lag = 0;
        backlogged_flows world;
        world.window = window;
        world.size = [&](unsigned) { return 100 + static_cast<std::uint32_t>(random() % 20'000); };
        world.check = [&](const std::vector<std::uint64_t>& given) {
            const auto [least, most] = std::minmax_element(given.begin(), given.end());
            largest_lag = std::max(largest_lag, *most - *least);
        };
        (void)world.run(5000, 3);
        EXPECT_LE(largest_lag, window + 20'100) << window;
        EXPECT_GT(largest_lag, window / 2) << "the window is used";
    }
}

TEST(AdmissionProperties, EqualFlowsGetEqualSharesWhateverTheSizeOfTheirCalls) {
    backlogged_flows world;
    world.size = [](unsigned flow) { return 500u << (flow % 6); }; // 500 to 16,000 tokens a call
    const auto given = world.run(20'000, 5);
    double sum = 0;
    double squares = 0;
    for (const auto g : given) {
        sum += static_cast<double>(g);
        squares += static_cast<double>(g) * static_cast<double>(g);
    }
    const double jain = sum * sum / (static_cast<double>(given.size()) * squares);
    EXPECT_GE(jain, 0.99);
}

} // namespace
} // namespace clawgate::ollama
