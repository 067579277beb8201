#pragma once
// Brings the models that the pod uses to "ready" and keeps them there: waits for the server, looks, downloads
// what is absent, loads it with the options that every call will have, and looks again from time to time.
// One coroutine on the thread of the model door, which is also the only one to read its status.

#include "ollama_client/server_tasks.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama {

enum class model_phase {
    waiting_for_server, ///< not asked yet since the server came
    pulling,            ///< or waits until another download has ended
    absent,             ///< and is not to be downloaded
    failed,
    warming,
    ready, ///< loaded; or, without a warm-up, there and loaded by its first call
};
/// `waiting_for_server`, `pulling` …: for JSON and metrics.
[[nodiscard]] std::string_view to_string(model_phase p) noexcept;

struct model_status {
    std::string name; ///< with its tag
    bool embedding = false;
    model_phase phase = model_phase::waiting_for_server;
    std::string reason;                    ///< failed: why; absent: what to do
    steady_time next_try{};                ///< failed only
    std::optional<pull_progress> progress; ///< of the download under way
    unsigned pulls = 0;                    ///< begun
    unsigned failed_pulls = 0;
    unsigned warm_ups = 0; ///< with success
    unsigned failed_warm_ups = 0;
};

struct keeper_status {
    bool server_up = false;
    std::string server_version; ///< of the last answer
    std::string server_problem; ///< why it is not up
    std::vector<model_status> models;
    std::vector<loaded_model> loaded; ///< in memory when it was last looked at
    /// A load that did not end in time; until the next one that does.
    bool load_hangs = false;

    [[nodiscard]] const model_status* find(std::string_view model) const noexcept;
    [[nodiscard]] bool all_ready() const noexcept;
    [[nodiscard]] bool any_warming() const noexcept;
};

struct keeper_options {
    std::vector<wanted_model> models;
    bool auto_pull = true;
    bool warm_up = true;
    bool warm_up_embedding = true; ///< there is room for it beside the others
    runner_options runner;
    pull_limits pull;
    std::chrono::milliseconds load_limit = std::chrono::minutes{10};
    std::chrono::milliseconds first_connect = std::chrono::milliseconds{200}; ///< doubles up to the last
    std::chrono::milliseconds last_connect = std::chrono::seconds{5};
    std::chrono::milliseconds first_retry = std::chrono::seconds{5};
    std::chrono::milliseconds last_retry = std::chrono::minutes{5};
    std::chrono::milliseconds look = std::chrono::seconds{15}; ///< between two looks at a server that is well
};
[[nodiscard]] keeper_options keeper_options_for(const config& c);

/// When a download's progress is worth a line in the log: at each ten per cent, and once a minute, but never
/// more often than every five seconds.
class progress_log {
public:
    [[nodiscard]] bool due(const pull_progress& p, steady_time now);

private:
    steady_time last_{};
    int tens_ = -1;
};

class model_keeper {
public:
    model_keeper(server_link link, keeper_options o);

    /// Never ends by itself; goes with its executor's context, which must not run once this object is gone.
    [[nodiscard]] net::awaitable<void> run();
    [[nodiscard]] const keeper_status& status() const noexcept { return status_; }
    [[nodiscard]] const keeper_options& options() const noexcept { return options_; }
    /// Models were pulled, made or deleted by somebody else: look now.
    void look_again();
    /// What hung was ended by somebody else; a load that hangs after this is another one.
    void load_recovered() { status_.load_hangs = false; }

private:
    enum class step { none, look, warm, pull };
    struct plan {
        step next = step::look;
        steady_time not_before{};
        unsigned failures = 0; ///< in a row
        unsigned missing = 0;  ///< looks in a row in which it was not in memory
    };

    [[nodiscard]] std::optional<std::size_t> next_model(steady_time now) const;
    [[nodiscard]] steady_time next_time() const;
    net::awaitable<void> wait_for_server();
    net::awaitable<void> look_for(std::size_t i);
    net::awaitable<void> pull(std::size_t i);
    net::awaitable<void> warm(std::size_t i);
    net::awaitable<void> look_at_server();
    net::awaitable<void> sleep_until(steady_time when);
    [[nodiscard]] bool wants_warm_up(const model_status& m) const;
    void found(std::size_t i);
    void failed(std::size_t i, const error& e, std::string_view doing);
    void server_lost(const error& e);
    void plan_all(step next);
    void log_progress(const model_status& m, const pull_progress& p);

    server_link link_;
    keeper_options options_;
    keeper_status status_;
    std::vector<plan> plans_; ///< as status_.models
    net::timer wake_;
    steady_time next_look_{};
    progress_log progress_log_;
};

} // namespace clawgate::ollama
