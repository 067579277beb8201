// fake_agent: the stand-in for an OpenClaw agent as a program, for end-to-end tests and trials by hand.

#include "support/fake_agent.hpp"
#include "support/run_until_signal.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
    clawgate::support::fake_agent_options options;
    std::vector<std::string> origins;
    std::string secret_file;
    CLI::App app{"A stand-in for one OpenClaw agent, for tests of Clawgate. Not an agent: it echoes."};
    app.add_option("--bind", options.bind, "Address to listen on")->capture_default_str();
    app.add_option("--port", options.port, "Port to listen on; 0 takes a free one")->capture_default_str();
    app.add_option("--secret-file", secret_file,
                   "File with the password the agent expects (gateway.auth.password)");
    app.add_option("--name", options.name, "Name shown on the page")->capture_default_str();
    app.add_option("--allow-origin", origins,
                   "Origin admitted on the WebSocket, repeatable; all when none is given");
    app.add_flag("--pairing-required", options.pairing_required, "Refuse every device as not paired");
    CLI11_PARSE(app, argc, argv);
    if (!origins.empty()) options.allowed_origins = origins;
    options.max_records = 0; // nobody asks a program for its record, and it may run for days

    try {
        if (!secret_file.empty()) options.secret = clawgate::support::first_line_of(secret_file);
        // Blocked before the server's thread starts: signals are for the main thread.
        const clawgate::support::signal_waiter signals;
        clawgate::support::fake_agent agent{options};
        std::cout << "listening on " << options.bind << ':' << agent.port() << std::endl;
        signals.wait();
    } catch (const std::exception& e) {
        std::cerr << "fake_agent: " << e.what() << '\n';
        return 1;
    }
    return 0;
}
