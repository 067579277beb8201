// How fairly, and how well, the model is shared: prints a table, writes JSON, and ends with 1 when a target
// is missed. Everything but the time of a decision is simulated and the same on every machine.

#include "simulation.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <string>

namespace clawgate::bench {
namespace {

using nlohmann::ordered_json;

/// The default limits, with a queue that never refuses.
[[nodiscard]] ollama::admission_limits default_limits(unsigned slots) {
    ollama::admission_limits l;
    l.slots = slots;
    l.max_queued = 1'000'000;
    l.max_queued_bytes = std::size_t{1} << 50;
    return l;
}

/// A call that shares nothing with any other.
[[nodiscard]] model_call unrelated_call(unsigned agent, std::uint32_t prompt, std::uint32_t answer) {
    static std::uint64_t last_hash = 1ull << 62;
    model_call c;
    c.agent = agent;
    c.prompt = {{++last_hash, prompt}};
    c.with_answer = {++last_hash, prompt + answer};
    c.answer_tokens = answer;
    c.expected_answer_tokens = answer;
    return c;
}

class report {
public:
    /// `target` is for people; a value that misses it is marked, and counts where it does not depend on the
    /// machine.
    void row(const char* name, const std::string& value, const std::string& target = {}, bool met = true) {
        std::printf("  %-62s %14s  %s%s\n", name, value.c_str(), target.c_str(), met ? "" : "  MISSED");
    }
    void target(const char* key, const char* name, double value, const char* form, const std::string& target,
                bool met) {
        char text[64];
        std::snprintf(text, sizeof text, form, value);
        row(name, text, target, met);
        json[key] = value;
        missed = missed || !met;
    }

    ordered_json json;
    bool missed = false;
};

/// The longest that one call waits, in times of the longest service, whenever it comes while another agent
/// has a hundred queued. `growing`: these are one conversation's, whose cache is warm.
[[nodiscard]] double wait_of_one(const std::function<std::unique_ptr<scheduler>()>& make, bool growing) {
    double longest = 0;
    for (int second = 0; second < 80; second += 2) {
        workload w;
        w.max_concurrent = w.slots; // the first agent may take every slot
        w.outstanding = {100, 1};
        w.start = {seconds{0}, seconds{0.5 + second}};
        std::vector<unsigned> left{100, 1};
        std::vector<ollama::prompt_prefix> conversation{{7, 18'000}};
        w.next_call = [&](unsigned agent) -> std::optional<model_call> {
            if (left[agent]-- == 0) {
                left[agent] = 0;
                return std::nullopt;
            }
            auto call = unrelated_call(agent, 20'000, 1000);
            if (agent == 0 && growing) call.prompt.insert(call.prompt.begin(), conversation.front());
            return call;
        };
        w.think = [](unsigned) { return seconds{0}; };
        const auto o = simulate(w, *make());
        longest = std::max(longest, o.longest_wait[1] / o.longest_service);
    }
    return longest;
}

/// 1. One agent has queued a hundred long calls; another makes one.
void hundred_against_one(report& r) {
    const auto arrival = [] { return first_come_first_served(4); };
    const auto ours = [] { return by_admission(default_limits(4)); };
    std::printf("1. a hundred long calls of one agent, and one of another, at the worst moment\n");
    const double before = wait_of_one(arrival, false);
    r.row("wait of the one, in service times: first come first served", std::to_string(before));
    r.json["wait_of_the_one_first_come_first_served"] = before;
    const double cold = wait_of_one(ours, false);
    r.target("wait_of_the_one", "wait of the one, in service times", cold, "%.3f", "<= 1", cold <= 1);
    const double warm = wait_of_one(ours, true);
    r.target("wait_of_the_one_among_warm", "... when the hundred find their prompts in the caches", warm,
             "%.3f", "<= 1", warm <= 1);
}

/// 2. Ten agents, always with something to do, with calls of 500 to 16,000 tokens.
void equal_shares(report& r, bool quick) {
    workload w;
    w.outstanding.assign(10, 4);
    w.start.assign(10, seconds{0});
    w.think = [](unsigned) { return seconds{0}; };
    w.end = seconds{quick ? 6000.0 : 40'000.0};
    w.next_call = [](unsigned agent) -> std::optional<model_call> {
        const auto prompt = 500u << (agent % 6);
        return unrelated_call(agent, prompt, 100 + 40 * agent);
    };
    const auto before = simulate(w, *first_come_first_served(w.slots));
    const auto ours = simulate(w, *by_admission(default_limits(w.slots)));
    const double index = jains_index(ours.tokens);
    std::printf("2. ten agents of equal weight, calls of different sizes\n");
    r.json["jain_first_come_first_served"] = jains_index(before.tokens);
    r.row("Jain's index of the tokens served: first come first served",
          std::to_string(jains_index(before.tokens)));
    r.target("jain", "Jain's index of the tokens served", index, "%.4f", ">= 0.99", index >= 0.99);
    r.target("utilisation_backlogged", "3. utilisation while an eligible caller waits", ours.utilisation,
             "%.4f", ">= 0.99", ours.utilisation >= 0.99);
}

/// Ten conversations that grow by about a thousand tokens a turn, after a system prompt of six thousand.
class conversations {
public:
    conversations(unsigned agents, unsigned turns, seconds shortest, seconds longest)
        : turns_(agents, turns)
        , prompts_(agents)
        , shortest_{shortest}
        , longest_{longest} {
        work.outstanding.assign(agents, 1);
        for (unsigned agent = 0; agent < agents; ++agent) {
            work.start.push_back(seconds{0.01 * agent});
            prompts_[agent].push_back({++last_hash_, 6000});
        }
        work.next_call = [this](unsigned agent) { return next_call(agent); };
        work.think = [this](unsigned) {
            return seconds{
                std::uniform_real_distribution<double>{shortest_.count(), longest_.count()}(random_)};
        };
    }
    conversations(const conversations&) = delete;
    conversations& operator=(const conversations&) = delete;

    workload work;

private:
    std::optional<model_call> next_call(unsigned agent) {
        if (turns_[agent]-- == 0) {
            turns_[agent] = 0;
            return std::nullopt;
        }
        auto& prompt = prompts_[agent];
        const auto number = [this](std::uint32_t least, std::uint32_t most) {
            return std::uniform_int_distribution<std::uint32_t>{least, most}(random_);
        };
        prompt.push_back({++last_hash_, prompt.back().tokens + number(600, 1000)});
        model_call c;
        c.agent = agent;
        c.prompt = prompt;
        c.answer_tokens = number(100, 300);
        c.expected_answer_tokens = 200;
        prompt.push_back({++last_hash_, prompt.back().tokens + c.answer_tokens});
        c.with_answer = prompt.back();
        return c;
    }

    std::vector<unsigned> turns_;
    std::vector<std::vector<ollama::prompt_prefix>> prompts_;
    seconds shortest_;
    seconds longest_;
    std::uint64_t last_hash_ = 0;
    std::mt19937 random_{20};
};

struct comparison {
    outcome before;
    outcome ours;
    [[nodiscard]] double ratio() const {
        return static_cast<double>(ours.prefilled_tokens) / static_cast<double>(before.prefilled_tokens);
    }
    [[nodiscard]] seconds longest_wait() const {
        return *std::max_element(ours.longest_wait.begin(), ours.longest_wait.end());
    }
};

[[nodiscard]] comparison compare(unsigned turns, seconds shortest, seconds longest,
                                 const ollama::admission_limits& limits) {
    conversations first{10, turns, shortest, longest};
    conversations second{10, turns, shortest, longest};
    return {simulate(first.work, *first_come_first_served(first.work.slots)),
            simulate(second.work, *by_admission(limits))};
}

/// 4. Ten agents in ten growing conversations over four slots.
void growing_conversations(report& r, bool quick) {
    const unsigned turns = quick ? 15 : 30;
    const auto limits = default_limits(4);
    const auto c = compare(turns, seconds{0.003}, seconds{0.030}, limits);
    std::printf("4. ten growing conversations of %u turns over four slots, next turn after 3 to 30 ms\n",
                turns);
    r.row("prefilled tokens: first come first served", std::to_string(c.before.prefilled_tokens));
    r.row("prefilled tokens", std::to_string(c.ours.prefilled_tokens));
    r.target("prefill_ratio", "ratio", c.ratio(), "%.3f", "<= 0.5", c.ratio() <= 0.5);
    const auto bound = limits.fairness_window + c.ours.largest_call;
    r.target("largest_lag", "largest lag behind another agent, tokens",
             static_cast<double>(c.ours.largest_lag), "%.0f", "<= " + std::to_string(bound),
             c.ours.largest_lag <= bound);
    r.target("utilisation_conversations", "3. utilisation while an eligible caller waits", c.ours.utilisation,
             "%.4f", ">= 0.99", c.ours.utilisation >= 0.99);
    char text[96];
    std::snprintf(text, sizeof text, "%.0f s, %.0f s", c.before.duration.count(), c.ours.duration.count());
    r.row("all turns are done after: first come first served, ours", text);
    const auto before = *std::max_element(c.before.longest_wait.begin(), c.before.longest_wait.end());
    std::snprintf(text, sizeof text, "%.0f s, %.0f s", before.count(), c.longest_wait().count());
    r.row("longest wait of a turn: first come first served, ours", text);
    r.json["conversations"] = {{"first_come_first_served",
                                {{"prefilled", c.before.prefilled_tokens},
                                 {"seconds", c.before.duration.count()},
                                 {"longest_wait", before.count()}}},
                               {"admission",
                                {{"prefilled", c.ours.prefilled_tokens},
                                 {"seconds", c.ours.duration.count()},
                                 {"longest_wait", c.longest_wait().count()}}}};
}

/// What the defaults are a compromise of. No targets.
void sensitivity(report& r) {
    std::printf("   the same with other windows, and with slower next turns\n");
    std::printf("     %-10s %-14s %8s %12s %10s %12s %12s\n", "window", "next turn", "ratio", "largest lag",
                "longest", "utilisation", "all done");
    const std::pair<double, double> returns[] = {{0.003, 0.030}, {0.020, 0.060}, {0.2, 2.0}};
    for (const std::uint64_t window : {0u, 16'384u, 32'768u, 65'536u, 131'072u, 262'144u}) {
        for (const auto& [shortest, longest] : returns) {
            auto limits = default_limits(4);
            limits.fairness_window = window;
            const auto c = compare(30, seconds{shortest}, seconds{longest}, limits);
            char turn[32];
            std::snprintf(turn, sizeof turn, "%g-%g ms", shortest * 1000, longest * 1000);
            std::printf("     %-10llu %-14s %8.3f %12llu %8.0f s %12.4f %10.0f s\n",
                        static_cast<unsigned long long>(window), turn, c.ratio(),
                        static_cast<unsigned long long>(c.ours.largest_lag), c.longest_wait().count(),
                        c.ours.utilisation, c.ours.duration.count());
            r.json["sensitivity"].push_back({{"window", window},
                                             {"next_turn_ms", {shortest * 1000, longest * 1000}},
                                             {"ratio", c.ratio()},
                                             {"largest_lag", c.ours.largest_lag},
                                             {"longest_wait", c.longest_wait().count()},
                                             {"utilisation", c.ours.utilisation}});
        }
    }
}

/// 5. The only number that depends on the machine: time of next(), with ten thousand calls queued. The
/// median: a mean would count what else the machine does.
void time_of_a_decision(report& r, bool quick) {
    ollama::admission a{default_limits(4)};
    std::mt19937_64 random{1};
    const auto request = [&](unsigned agent) {
        ollama::call_request c;
        c.flow = "agent_" + std::to_string(agent);
        c.prompt_tokens = 30'000;
        c.answer_tokens = 200;
        for (std::uint32_t i = 1; i <= 40; ++i)
            c.prefixes.push_back({i < 10 ? agent * 100 + i : random(), i * 750});
        return c;
    };
    steady_time now{};
    for (unsigned i = 0; i < 10'000; ++i)
        (void)a.enqueue(request(i % 10), now).value();
    std::vector<ollama::call_id> running;
    while (const auto id = a.next(now))
        running.push_back(*id);

    const unsigned rounds = quick ? 5'000 : 200'000;
    std::vector<double> times;
    times.reserve(rounds);
    for (unsigned i = 0; i < rounds; ++i) {
        now += std::chrono::seconds{1};
        a.finish(running[i % running.size()], 30'000, 200, now);
        (void)a.enqueue(request(i % 10), now).value();
        const auto begin = steady_clock::now();
        auto id = a.next(now);
        times.push_back(std::chrono::duration<double, std::nano>(steady_clock::now() - begin).count());
        while (!id)
            id = a.next(now = a.next_decision().value());
        running[i % running.size()] = *id;
    }
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    const double ns = times[times.size() / 2];
    std::printf("5. ten agents, ten thousand queued calls\n");
    char text[32];
    std::snprintf(text, sizeof text, "%.0f ns", ns);
    r.row("time of a decision", text, "<= 2000 ns in a release build");
    r.json["nanoseconds_per_decision"] = ns;
}

int run(bool quick, const char* json_file) {
    report r;
    hundred_against_one(r);
    equal_shares(r, quick);
    growing_conversations(r, quick);
    if (!quick) sensitivity(r);
    time_of_a_decision(r, quick);
    std::printf(r.missed ? "A target was missed.\n" : "Every target is met.\n");
    if (json_file != nullptr) {
        std::ofstream out{json_file};
        out << r.json.dump(2) << '\n';
        if (!out.flush()) {
            std::fprintf(stderr, "fairness: cannot write %s\n", json_file);
            return 2;
        }
    }
    return r.missed ? 1 : 0;
}

} // namespace
} // namespace clawgate::bench

int main(int argc, char** argv) {
    bool quick = false;
    const char* json_file = nullptr;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--quick") == 0) {
            quick = true;
        } else if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
            json_file = argv[++i];
        } else {
            const bool help = std::strcmp(argv[i], "--help") == 0;
            std::fprintf(
                help ? stdout : stderr,
                "Usage: fairness [--quick] [--json FILE]\n"
                "Simulates how admission shares the model. Exit status: 0 every target is met, 1 one is "
                "missed, 2 usage.\n");
            return help ? 0 : 2;
        }
    }
    return clawgate::bench::run(quick, json_file);
}
