#pragma once
// What the parts of fake_ollama share. The state belongs to the server's thread, but for the counters.

#include "support/fake_ollama.hpp"
#include "support/fake_ollama_decode.hpp"
#include "support/fake_ollama_schedule.hpp"
#include "support/json_text.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include <nlohmann/json.hpp>

namespace clawgate::support {

using json = nlohmann::json;

/// A download that goes on while somebody waits for it, and later from where it stopped.
struct model_download {
    int tenths = 0;
    std::set<std::uint64_t> waiters; ///< the first one drives it
};

class ollama_state {
public:
    explicit ollama_state(fake_ollama_options o);

    /// "qwen3" → "qwen3:latest".
    [[nodiscard]] static std::string with_tag(const std::string& name);
    [[nodiscard]] static bool is_embedding(const std::string& model);
    /// Of a family that Ollama runs with one slot whatever OLLAMA_NUM_PARALLEL says.
    [[nodiscard]] static bool has_one_slot(const std::string& model);
    [[nodiscard]] static bool has_tools(const std::string& model);
    [[nodiscard]] static bool has_thinking(const std::string& model);
    [[nodiscard]] std::uint64_t trained_context(const std::string& model) const;
    [[nodiscard]] runner_settings settings_of(const json& request, const std::string& model) const;

    /// After every use of the scheduler: wakes the calls that it concerns and shows the counters.
    void publish();
    [[nodiscard]] ollama_counters counters() const;
    bool wait_for(const std::function<bool(const ollama_counters&)>& done) const;
    bool set_fault(const std::string& kind, unsigned count);
    /// Of the faults for the next calls, if it concerns pulls or not; empty without one.
    std::string take_fault(bool of_pull);

    const fake_ollama_options options;
    std::set<std::string> models;
    std::map<std::string, model_download> downloads;
    std::uint64_t pulls = 0;
    model_scheduler scheduler;
    std::map<call_ticket, exchange*> callers;
    bool leaking = false;
    std::string planned_fault;
    unsigned planned_count = 0;
    std::uint64_t prefilled_tokens = 0;
    std::uint64_t cached_tokens = 0;
    std::uint64_t canceled = 0;

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    ollama_counters counters_;
};

using ollama_ptr = std::shared_ptr<ollama_state>;

enum class call_progress { ready, left, failed };

/// A call from its place in the queue to its end, which is this object's end.
class model_call {
public:
    model_call(ollama_ptr state, exchange& e, scheduled_call call);
    ~model_call();
    model_call(const model_call&) = delete;
    model_call& operator=(const model_call&) = delete;

    [[nodiscard]] bool refused() const { return !ticket_; }
    /// Waits for the model (loading it when that falls to this call) and for a slot.
    awaitable<call_progress> start();
    /// Lets time pass in which the model works; it stands still while the server is deadlocked.
    awaitable<call_progress> work(std::chrono::nanoseconds d);
    /// Nothing more until the client leaves.
    awaitable<void> hang();

    /// How long start() took to a loaded model, and from there to a slot.
    [[nodiscard]] std::chrono::nanoseconds load_duration() const { return loaded_at_ - began_; }
    [[nodiscard]] std::chrono::nanoseconds slot_wait() const { return in_slot_at_ - loaded_at_; }
    /// Bytes of the prompt that the slot had already.
    [[nodiscard]] std::size_t common() const;
    void append(std::string_view text);
    void keep(std::size_t bytes);
    /// The client has left in mid-stream: its slot leaks where that fault is on.
    void broken_off();

private:
    [[nodiscard]] call_phase phase() const;

    ollama_ptr state_;
    exchange& exchange_;
    std::optional<call_ticket> ticket_;
    bool leak_ = false;
    schedule_time began_ = std::chrono::steady_clock::now();
    schedule_time loaded_at_ = began_;
    schedule_time in_slot_at_ = began_;
};

[[nodiscard]] std::string dump(const json& value);
[[nodiscard]] std::string rfc3339(std::time_t when);
[[nodiscard]] std::string now_rfc3339();
awaitable<bool> respond_json(exchange& e, int status, const json& value);
/// {"error": text}
awaitable<bool> respond_error(exchange& e, int status, std::string text);
/// {"error": text} for a call that cannot go on before its answer began.
awaitable<bool> respond_failed(exchange& e);
/// The request's JSON object; answers the error and gives nothing when there is none. `structure`: in Go.
awaitable<bool> read_json(exchange& e, std::string_view structure, json& into);
/// The known model of the request; answers the error and gives an empty name otherwise.
awaitable<std::string> known_model(const ollama_ptr& state, exchange& e, const json& request);

inline constexpr std::string_view terminated{
    "an error was encountered while running the model: unexpected EOF"};
inline constexpr std::string_view queue_full{
    "server busy, please try again.  maximum pending requests exceeded"};

/// One generation, whichever endpoint asked for it.
struct generation {
    std::string model; ///< with its tag
    std::string asked; ///< as the request named it: answers repeat that
    bool chat{};
    bool stream{true};
    bool thinking{};
    std::string user_text; ///< what the user wrote last
    std::string prompt;    ///< the whole text
    runner_settings settings;
    std::int64_t num_predict{-1};
    std::vector<std::string> stop;
    json format;
    json tool_calls; ///< null: none
    std::string fault;
};
struct generation_numbers {
    std::size_t prompt_tokens = 0;
    std::size_t prefilled_tokens = 0;
    std::chrono::nanoseconds load{};
    std::chrono::nanoseconds slot_wait{};
    double prefill_rate = 0; ///< tokens a second; 0: unknown
};
[[nodiscard]] json record_of(const generation& g, const std::string& content, const std::string& thinking);
/// The lines of the answer, the final record last.
[[nodiscard]] std::vector<json> lines_of(const fake_ollama_options& o, const generation& g,
                                         const generation_numbers& n);
/// The first `count` lines in one, as stream:false gives all of them.
[[nodiscard]] json whole_of(const generation& g, const std::vector<json>& lines, std::size_t count);
[[nodiscard]] std::string text_of_user(const json& messages);
/// The user's message that asks for a tool and has not been answered yet, or empty. Agents put messages of their own
/// behind the user's, so it need not be the last one; after a tool's result the model answers in words.
[[nodiscard]] std::string tool_order_of(const json& messages);
[[nodiscard]] json tool_call_for(const json& request, const std::string& prompt);
/// The word after `key` in the text.
[[nodiscard]] std::string word_after(const std::string& text, std::string_view key);

using ollama_handler = awaitable<bool>(const ollama_ptr&, exchange&);
ollama_handler serve_version, serve_tags, serve_ps, serve_show, serve_delete, serve_copy;
ollama_handler serve_chat, serve_generate, serve_embed, serve_embeddings, serve_pull;
ollama_handler serve_state, serve_fault;

} // namespace clawgate::support
