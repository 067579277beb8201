#pragma once
// Notices a model server that is green but stuck, and recovers it. Ollama can lose a slot for good when a
// client leaves in mid-stream, and its loads can deadlock while everything else answers (facts/ollama.md,
// Scheduler). Silence alone proves nothing, because a long prompt may be evaluated for minutes: only a
// generation of one token that hangs as well does.

#include "ollama_client/model_keeper.hpp"

#include <functional>

namespace clawgate::ollama {

struct watchdog_limits {
    /// Calls are dispatched and none has given a record for so long, while the server has a slot free: a
    /// probe would be answered at once.
    std::chrono::milliseconds silence = std::chrono::seconds{120};
    /// The same when every slot is taken: a probe would have to wait for one, and its hanging proves nothing
    /// as long as the calls that have them are within their own time limits. So it is at least so much
    /// longer than the longest of these: calls of a healthy server have ended by then.
    std::chrono::milliseconds beyond_calls = std::chrono::seconds{60};
    std::chrono::milliseconds probe = std::chrono::seconds{60};
    std::chrono::milliseconds unload = std::chrono::seconds{30};
    std::chrono::milliseconds load =
        std::chrono::minutes{5}; ///< after an unload; the file is in the cache then
    std::chrono::milliseconds tick = std::chrono::seconds{2};
};

/// What the model door does now.
struct door_activity {
    unsigned dispatched = 0; ///< calls that the server has
    /// A model has as many of them as the server is sure to have slots for it.
    bool full = false;
    std::chrono::milliseconds longest_call{0}; ///< the longest time limit of those that are dispatched
    steady_time last_record{};                 ///< of any call
};

/// Whether silence has lasted suspiciously long. Pure.
class silence_detector {
public:
    explicit silence_detector(watchdog_limits l)
        : limits_{l} {}
    /// To be asked at every tick. `excused`: the server is down or loads a model, which somebody else sees
    /// to.
    [[nodiscard]] bool suspicious(const door_activity& a, bool excused, steady_time now);
    /// Begins to count anew: a probe was answered, or a recovery was tried.
    void begin_anew(steady_time now) { quiet_since_ = now; }

private:
    watchdog_limits limits_;
    steady_time quiet_since_{};
};

struct watchdog_status {
    std::uint64_t suspicions = 0; ///< probes made because of silence
    std::uint64_t hung_probes = 0;
    std::uint64_t recoveries = 0; ///< begun
    std::uint64_t unloads = 0;
    std::uint64_t restarts = 0;
    std::uint64_t recovered = 0; ///< of the recoveries: the model was loaded again, or the server restarted
    std::string last_event;      ///< in words, for the status page
    steady_time last_event_at{};
};

struct watchdog_hooks {
    std::function<door_activity()> activity;
    /// Ends the calls that the server has, with an answer that says why: until they go, Ollama unloads
    /// nothing.
    std::function<void(const error&)> end_calls;
    /// Restarts the model server; empty where nobody supervises it.
    std::function<net::awaitable<result<void>>()> restart;
};

class model_watchdog {
public:
    /// `keeper` must outlive this.
    model_watchdog(server_link link, model_keeper& keeper, watchdog_limits limits, watchdog_hooks hooks);

    /// As model_keeper::run().
    [[nodiscard]] net::awaitable<void> run();
    [[nodiscard]] const watchdog_status& status() const noexcept { return status_; }
    // Before run().
    void set_restart(std::function<net::awaitable<result<void>>()> restart) {
        hooks_.restart = std::move(restart);
    }
    void set_limits(watchdog_limits l) {
        limits_ = l;
        detector_ = silence_detector{l};
        detector_.begin_anew(steady_clock::now());
    }

private:
    [[nodiscard]] bool is_excused() const;
    [[nodiscard]] std::vector<wanted_model> models_to_probe() const;
    net::awaitable<bool> is_stuck();
    net::awaitable<void> recover();
    net::awaitable<bool> load_anew();
    net::awaitable<bool> restart();
    void note(log_level level, std::string event);

    server_link link_;
    model_keeper& keeper_;
    watchdog_limits limits_;
    watchdog_hooks hooks_;
    silence_detector detector_;
    watchdog_status status_;
    net::timer timer_;
};

} // namespace clawgate::ollama
