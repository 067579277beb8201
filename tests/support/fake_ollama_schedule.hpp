#pragma once
// Ollama's scheduler as a state machine without clock, thread or socket: which models are loaded, which calls
// wait for a load, which for a slot. A call whose model is loaded with fitting runner options joins that
// model's first-come queue, which has no bound; every other one waits in one bounded queue whose head alone
// is looked at, until the models that are in its way have nothing left to do.

#include "support/fake_ollama_slots.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clawgate::support {

/// The options that a loaded model cannot change. As Ollama resolves them: what a request leaves out has its
/// default value here.
struct runner_settings {
    std::int64_t num_ctx = 0;
    bool num_ctx_given = false;
    std::int64_t num_batch = 0; ///< 0: left to the server
    std::int64_t num_gpu = -1;  ///< negative: any
    std::int64_t main_gpu = 0;
    std::int64_t num_thread = 0;
    std::optional<bool> use_mmap;
    bool shift = true;
};
/// Does a model loaded with `loaded` have to be loaded anew for `wanted`? A num_ctx that both leave out, and
/// a num_gpu that the request leaves out, do not matter.
[[nodiscard]] bool needs_reload(const runner_settings& loaded, const runner_settings& wanted);

struct schedule_limits {
    unsigned parallel = 1;
    unsigned max_loaded = 1;     ///< 0: 3, Ollama's automatic value for one GPU
    std::size_t max_queue = 512; ///< calls that wait for a load, behind the one whose turn it is
    std::chrono::nanoseconds keep_alive = std::chrono::minutes{5};
};

inline constexpr auto for_ever = std::chrono::nanoseconds::max();

struct scheduled_call {
    std::string model;
    runner_settings settings;
    std::optional<std::chrono::nanoseconds> keep_alive; ///< nothing: as it is
    bool generates = true;                              ///< needs a slot; false only wants the model loaded
    bool one_slot = false;                              ///< whatever `parallel` says
    std::string prompt;                                 ///< for the choice of a slot
};

enum class call_phase {
    pending, ///< waits for a model
    loading, ///< its model loads, on this call's behalf: report the end with loaded()
    waiting, ///< waits for a slot
    running,
    failed, ///< the model was taken away by force
};

using call_ticket = std::uint64_t;
using schedule_time = std::chrono::steady_clock::time_point;

struct loaded_model {
    std::string model;
    runner_settings settings;
    bool loading = false;
    std::size_t calls = 0;                ///< that use it, waiting ones included
    std::optional<schedule_time> expires; ///< nothing: in use, or never
    std::vector<slot_view> slots;
};

struct schedule_counts {
    std::uint64_t loads = 0;
    std::uint64_t reloads = 0;   ///< of these: the model was loaded, with other runner options
    std::uint64_t evictions = 0; ///< models unloaded to make room for another
    std::size_t running = 0;     ///< calls in a slot
    std::size_t peak = 0;        ///< of running
    std::size_t queued = 0;      ///< for a load or for a slot
    std::size_t leaked = 0;      ///< slots
};

class model_scheduler {
public:
    explicit model_scheduler(schedule_limits limits);

    /// Nothing when the queue for loads is full.
    [[nodiscard]] std::optional<call_ticket> submit(scheduled_call call, schedule_time now);
    [[nodiscard]] call_phase phase_of(call_ticket t) const;
    /// Of a running call: its slot's text that the prompt shares, in bytes.
    [[nodiscard]] std::size_t common_of(call_ticket t) const;

    void loaded(call_ticket t);
    /// Of a running call: what the model said, and a prompt that was not evaluated to its end.
    void append(call_ticket t, std::string_view text);
    void keep(call_ticket t, std::size_t bytes);
    /// The call has ended, or its caller has left, in whatever phase; a load that it triggered is given up.
    void leave(call_ticket t, schedule_time now);
    /// The same, but its slot stays busy for as long as the model is loaded (ollama issue 17131).
    void leave_and_leak(call_ticket t, schedule_time now);

    /// keep_alive 0: the model goes as soon as no call uses it.
    void unload(const std::string& model);
    /// What has been idle for its keep_alive goes. Call it before looking.
    void expire(schedule_time now);

    /// Nothing loads, starts or goes on (ollama issue 14364), until unload() takes the model away from the
    /// calls that use it, or thaw().
    void freeze();
    void thaw();
    [[nodiscard]] bool frozen() const { return frozen_; }
    /// Freezes by itself when a call needs a reload while others run.
    void freeze_on_reload(bool on) { freeze_on_reload_ = on; }

    /// Calls whose phase has changed since the last time; all of them after freeze() and thaw().
    [[nodiscard]] std::vector<call_ticket> take_changed();
    [[nodiscard]] schedule_counts counts() const;
    [[nodiscard]] std::vector<loaded_model> models() const;

private:
    struct runner;
    struct entry {
        scheduled_call call;
        call_phase phase = call_phase::pending;
        std::weak_ptr<runner> on; ///< none while pending, and once it was unloaded
        std::optional<slot_choice> slot;
        bool reloads = false;
    };

    void set_phase(call_ticket t, call_phase p);
    void serve_pending();
    bool serve_head();
    void use(const std::shared_ptr<runner>& r, call_ticket t);
    void start_load(call_ticket t);
    bool make_room();
    void fill_slots(runner& r);
    void end(call_ticket t, bool leak, schedule_time now);
    void let_go(const std::shared_ptr<runner>& r, schedule_time now);
    bool request_unload(const std::shared_ptr<runner>& r);
    void take_away(const std::shared_ptr<runner>& r);

    schedule_limits limits_;
    bool frozen_ = false;
    bool freeze_on_reload_ = false;
    call_ticket next_ticket_ = 0;
    std::map<call_ticket, entry> calls_;
    std::deque<call_ticket> pending_;
    std::map<std::string, std::shared_ptr<runner>> runners_;
    std::vector<call_ticket> changed_;
    schedule_counts counts_;
};

} // namespace clawgate::support
