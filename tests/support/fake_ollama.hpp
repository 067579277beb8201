#pragma once
// A stand-in for `ollama serve`: the endpoints, streams and errors that the gateway and OpenClaw use, with
// canned answers that say so, and faults on demand. Also the demo model of deploy/quickstart.sh.
//
// Faults: by the header X-Fake-Fault, or by "fault:KIND" in the last user message (or the prompt):
//   error-first   500 {"error":…} before the first byte      busy     503, the queue is full
//   error-mid     two lines, then {"error":…}, no done       cut      two lines, then an orderly end, no done
//   drop          two lines, then a TCP reset                hang     no byte at all
//   stall         two lines, then silence                    close    the connection ends before the head
// "tool:NAME {json}" in the last user message makes a tool call of that name, when the request offers tools.

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
    /// tools and thinking, unless its name contains "plain" (completion only).
    std::vector<std::string> models{"glm-4.7-flash:latest", "nomic-embed-text:latest"};
    std::string answer; ///< instead of the canned sentence; what the user wrote is not repeated then
    std::chrono::milliseconds prefill{0};    ///< before the first line of an answer
    std::chrono::milliseconds token_pace{0}; ///< between lines
    std::chrono::milliseconds load_time{0};  ///< of a load and of a reload
    std::chrono::milliseconds pull_pace{0};  ///< between progress lines
    std::uint64_t context_length{202'752};
    std::size_t max_records{10'000};
};

/// Begins every canned answer.
inline constexpr std::string_view demo_answer_prefix{
    "[demo model] This is a canned answer from Clawgate's demo model"};

class ollama_state;

class fake_ollama {
public:
    explicit fake_ollama(fake_ollama_options options = {});
    ~fake_ollama();
    fake_ollama(const fake_ollama&) = delete;
    fake_ollama& operator=(const fake_ollama&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    void stop();

    /// Loads so far; a request whose runner options (num_ctx, num_batch, num_gpu, main_gpu, use_mmap,
    /// num_thread, shift) differ from the loaded ones counts as another one.
    [[nodiscard]] std::uint64_t loads() const;
    /// Generations under way at once: now, and at most so far.
    [[nodiscard]] std::uint64_t running() const;
    [[nodiscard]] std::uint64_t peak() const;

    [[nodiscard]] traffic seen() const;
    /// Blocks until `done` holds, or ten seconds have passed: then false.
    bool wait_until(const std::function<bool(const traffic&)>& done) const;
    void forget();

private:
    std::shared_ptr<ollama_state> state_;
    std::unique_ptr<http_server> server_;
};

} // namespace clawgate::support
