// fake_ollama: Clawgate's demo model as a program. Its answers are canned and say so.

#include "support/fake_ollama.hpp"
#include "support/run_until_signal.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
    clawgate::support::fake_ollama_options options;
    std::vector<std::string> models;
    int prefill_ms = 200;
    int pace_ms = 25;
    int load_ms = 0;
    CLI::App app{
        "A stand-in for `ollama serve` with canned answers: Clawgate's demo model, and its tests' model."};
    app.add_option("--bind", options.bind, "Address to listen on")->capture_default_str();
    app.add_option("--port", options.port, "Port to listen on; 0 takes a free one")->capture_default_str();
    app.add_option("--model", models,
                   "Model to list, repeatable (default: glm-4.7-flash and nomic-embed-text)");
    app.add_option("--answer", options.answer, "Answer with this text instead of the canned sentence");
    app.add_option("--prefill-ms", prefill_ms, "Wait before the first token")->capture_default_str();
    app.add_option("--token-ms", pace_ms, "Wait between tokens")->capture_default_str();
    app.add_option("--load-ms", load_ms, "Time a model takes to load")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (!models.empty()) options.models = models;
    options.prefill = std::chrono::milliseconds{prefill_ms};
    options.token_pace = std::chrono::milliseconds{pace_ms};
    options.load_time = std::chrono::milliseconds{load_ms};
    options.pull_pace = std::chrono::milliseconds{60};
    options.max_records = 0; // a demo may run for days

    try {
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
