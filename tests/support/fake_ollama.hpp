#pragma once
// A stand-in for `ollama serve`: its endpoints, scheduler, prefix cache, streams, errors and ways to fail,
// with canned answers that say so. Also the demo model of deploy/quickstart.sh.
//
// Faults of one call: by the header X-Fake-Fault, by "fault:KIND" in the last user message (or the prompt),
// or for the next calls by fake_ollama::fault() and POST /fake/fault?kind=KIND&count=N:
//   error-first   500 {"error":…} before the first byte      busy     503, the queue is full
//   error-mid     two lines, then {"error":…}, no done       cut      two lines, then an orderly end, no done
//   drop          two lines, then a TCP reset                hang     no byte at all
//   stall         two lines, then silence                    close    the connection ends before the head
//   garbage       two lines, then one that is not JSON       pull-error  a pull fails half-way
//   no-end        all lines, but the body never ends
// Faults of the server, until "none" (or, of a deadlock, an unload):
//   leak               a client that leaves in mid-stream leaves its slot busy for good
//   deadlock           every load and generation hangs, the rest stays green
//   deadlock-on-reload the same, once a call needs a reload while others run
// "tool:NAME {json}" in a user message that has not been answered yet makes a tool call of that name, when the request
// offers tools.

#include "support/http_server.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace clawgate::support {

struct fake_ollama_options {
    std::string bind{"127.0.0.1"};
    std::uint16_t port{0};
    /// Present at the start. A name with "embed" in it is an embedding model; every other one has completion,
    /// tools and thinking, unless its name contains "coder" (no thinking) or "plain" (completion only).
    std::vector<std::string> models{"glm-4.7-flash:latest", "nomic-embed-text:latest"};
    std::string answer; ///< instead of the canned sentence; what the user wrote is not repeated then

    unsigned parallel{1};          ///< slots of a model (OLLAMA_NUM_PARALLEL); embedding models have one
    unsigned max_loaded_models{1}; ///< 0: three
    std::size_t max_queue{512};    ///< calls that wait for a load
    std::chrono::nanoseconds keep_alive{std::chrono::minutes{5}}; ///< nanoseconds::max(): for ever
    std::uint64_t context_length{202'752};                        ///< that the models were trained for
    std::uint64_t default_context{0}; ///< of a request without num_ctx (OLLAMA_CONTEXT_LENGTH); 0: all of it

    std::chrono::milliseconds prefill{0};    ///< before the first line of an answer, whatever its prompt
    double prefill_rate{0};                  ///< tokens a second that are not in the slot's cache; 0: no time
    std::chrono::milliseconds token_pace{0}; ///< between lines
    std::chrono::milliseconds load_time{0};  ///< of a load and of a reload
    std::chrono::milliseconds pull_pace{0};  ///< between progress lines

    std::string server_fault; ///< from the start: leak, deadlock, deadlock-on-reload
    bool control{true};       ///< GET /fake/state and POST /fake/fault answer
    std::size_t max_records{10'000};
};

/// Begins every canned answer.
inline constexpr std::string_view demo_answer_prefix{
    "[demo model] This is a canned answer from Clawgate's demo model"};

struct ollama_counters {
    std::uint64_t loads{};   ///< reloads included
    std::uint64_t reloads{}; ///< of a loaded model, because a call's runner options differed
    std::uint64_t evictions{};
    std::uint64_t prefilled_tokens{}; ///< of chat and generate; what a slot's cache had is not in it
    std::uint64_t cached_tokens{};    ///< that were in it
    std::uint64_t running{};          ///< calls in a slot
    std::uint64_t peak{};             ///< of running
    std::uint64_t queued{};           ///< for a load or for a slot
    std::uint64_t leaked{};           ///< slots
    std::uint64_t canceled{};         ///< calls whose client left before the end
    bool deadlocked{};
};

class ollama_state;

class fake_ollama {
public:
    explicit fake_ollama(fake_ollama_options options = {});
    ~fake_ollama();
    fake_ollama(const fake_ollama&) = delete;
    fake_ollama& operator=(const fake_ollama&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    void stop();

    [[nodiscard]] ollama_counters counters() const;
    [[nodiscard]] std::uint64_t loads() const { return counters().loads; }
    [[nodiscard]] std::uint64_t reloads() const { return counters().reloads; }
    [[nodiscard]] std::uint64_t prefilled_tokens() const { return counters().prefilled_tokens; }
    [[nodiscard]] std::uint64_t running() const { return counters().running; }
    [[nodiscard]] std::uint64_t peak() const { return counters().peak; }
    [[nodiscard]] std::uint64_t queued() const { return counters().queued; }
    /// Blocks until `done` holds of the counters, or ten seconds have passed: then false.
    bool wait_for(const std::function<bool(const ollama_counters&)>& done) const;

    /// A fault of the server, or of the next `count` calls; false for a kind that there is not. "none" ends
    /// all.
    bool fault(const std::string& kind, unsigned count = 1);

    [[nodiscard]] traffic seen() const;
    /// Blocks until `done` holds, or ten seconds have passed: then false.
    bool wait_until(const std::function<bool(const traffic&)>& done) const;
    void forget();

private:
    std::shared_ptr<ollama_state> state_;
    std::unique_ptr<http_server> server_;
};

} // namespace clawgate::support
