// fake_ollama: Clawgate's demo model as a program. Its answers are canned and say so.

#include "support/fake_ollama.hpp"
#include "support/fake_ollama_decode.hpp"
#include "support/run_until_signal.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace {

using clawgate::support::fake_ollama_options;

struct times {
    int prefill_ms = 200;
    int pace_ms = 25;
    int load_ms = 0;
    int pull_ms = 60;
    std::string keep_alive{"5m"};
};

void add_options(CLI::App& app, fake_ollama_options& o, std::vector<std::string>& models, times& t) {
    app.add_option("--bind", o.bind, "Address to listen on")->capture_default_str();
    app.add_option("--port", o.port, "Port to listen on; 0 takes a free one")->capture_default_str();
    app.add_option("--model", models,
                   "Model to list, repeatable (default: glm-4.7-flash and nomic-embed-text). \"embed\" in a "
                   "name makes an embedding model, \"coder\" one without thinking, \"plain\" one without "
                   "tools and thinking");
    app.add_option("--answer", o.answer, "Answer with this text instead of the canned sentence");
    app.add_option("--parallel", o.parallel, "Slots of each model; embedding models have one")
        ->envname("OLLAMA_NUM_PARALLEL")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    app.add_option("--max-loaded-models", o.max_loaded_models, "Models in memory at once; 0 means three")
        ->envname("OLLAMA_MAX_LOADED_MODELS")
        ->capture_default_str();
    app.add_option("--max-queue", o.max_queue, "Calls that may wait for a load; beyond it 503")
        ->envname("OLLAMA_MAX_QUEUE")
        ->capture_default_str();
    app.add_option("--keep-alive", t.keep_alive,
                   "How long an idle model stays loaded: a duration, or a number of seconds, -1 for ever")
        ->envname("OLLAMA_KEEP_ALIVE")
        ->capture_default_str();
    app.add_option("--context-length", o.default_context,
                   "Context of a call that names no num_ctx; 0 means all that the model has")
        ->envname("OLLAMA_CONTEXT_LENGTH")
        ->capture_default_str();
    app.add_option("--prefill-ms", t.prefill_ms, "Wait before the first token, whatever the prompt")
        ->capture_default_str();
    app.add_option("--prefill-rate", o.prefill_rate,
                   "Prompt tokens evaluated a second, those in a slot's prefix cache for nothing; 0 takes no "
                   "time")
        ->capture_default_str();
    app.add_option("--token-ms,--token-pace-ms", t.pace_ms, "Wait between tokens")->capture_default_str();
    app.add_option("--load-ms", t.load_ms, "Time a model takes to load")->capture_default_str();
    app.add_option("--pull-ms", t.pull_ms, "Wait between the progress lines of a pull")
        ->capture_default_str();
    app.add_option("--fault", o.server_fault,
                   "Fail from the start: leak (a client that leaves in mid-stream leaves its slot busy), "
                   "deadlock (loads and generations hang until an unload), deadlock-on-reload (the same, "
                   "once a call needs a reload while others run)")
        ->check(CLI::IsMember({"leak", "deadlock", "deadlock-on-reload"}));
    app.add_flag("--control", o.control,
                 "Answer GET /fake/state (counters) and POST /fake/fault?kind=KIND&count=N (the faults of "
                 "--fault, none, or of the next calls: error-first, error-mid, busy, cut, drop, hang, stall, "
                 "close, garbage, no-end, pull-error)");
}

/// As Ollama reads it: a number is seconds, negative is for ever.
std::chrono::nanoseconds keep_alive_of(const std::string& text) {
    const auto number = nlohmann::json::parse(text, nullptr, false);
    std::string problem;
    const auto d =
        clawgate::support::read_keep_alive(number.is_number() ? number : nlohmann::json(text), problem);
    if (!d) throw std::invalid_argument{"--keep-alive: " + problem};
    return *d;
}

} // namespace

int main(int argc, char** argv) {
    fake_ollama_options options;
    options.control = false;
    std::vector<std::string> models;
    times t;
    CLI::App app{
        "A stand-in for `ollama serve` with canned answers: Clawgate's demo model, and its tests' model."};
    add_options(app, options, models, t);
    CLI11_PARSE(app, argc, argv);
    if (!models.empty()) options.models = models;
    options.prefill = std::chrono::milliseconds{t.prefill_ms};
    options.token_pace = std::chrono::milliseconds{t.pace_ms};
    options.load_time = std::chrono::milliseconds{t.load_ms};
    options.pull_pace = std::chrono::milliseconds{t.pull_ms};
    options.max_records = 0; // a demo may run for days

    try {
        options.keep_alive = keep_alive_of(t.keep_alive);
        // Blocked before the server's thread starts: signals are for the main thread.
        const clawgate::support::signal_waiter signals;
        clawgate::support::fake_ollama ollama{options};
        std::cout << "listening on " << options.bind << ':' << ollama.port() << std::endl;
        signals.wait();
    } catch (const std::exception& e) {
        std::cerr << "fake_ollama: " << e.what() << '\n';
        return 1;
    }
    return 0;
}
