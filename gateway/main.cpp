// Commands → objects. The only place that ends the process.
#include "app/model_command.hpp"
#include "app/serve.hpp"
#include "core/log.hpp"
#include "core/net_names.hpp"
#include "core/options.hpp"
#include "core/password_input.hpp"
#include "net/http_probe.hpp"
#include "pod/backup.hpp"
#include "pod/prepare.hpp"
#include "pod/snapshot_command.hpp"

#include <CLI/CLI.hpp>
#include <sodium.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

namespace {

using namespace clawgate;

// sysexits.h
constexpr int exit_ok = 0;
constexpr int exit_failure = 1;
constexpr int exit_usage = 64;
constexpr int exit_os_error = 71;
constexpr int exit_configuration = 78;

constexpr auto version = "clawgate " CLAWGATE_VERSION;

constexpr auto exit_codes = "Exit status:\n"
                            "  0   success\n"
                            "  1   failure (health: the gateway does not answer; restore: the agent runs)\n"
                            "  64  the command line or the input is wrong\n"
                            "  65  a backup is damaged, or holds what may not be in one (restore)\n"
                            "  66  a file that must be there is missing (run 'clawgate prepare')\n"
                            "  69  the model server does not answer (model)\n"
                            "  71  the system refused something: a port, a directory, memory\n"
                            "  78  the configuration is wrong; all mistakes were printed\n"
                            "  130 interrupted by Ctrl-C (model pull: what was downloaded is kept)\n"
                            "\n"
                            "The configuration comes from environment variables: docs/configuration.md.";

void print(std::FILE* to, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), to);
}

struct command_line {
    bool markdown = false;
    pod::prepare_options prepare;
    pod::snapshot_options snapshot;
    pod::backup_options backup;
    pod::restore_options restore;
    std::string supervisor;
    std::string model;
};

// Loads the configuration and passes it on, or reports what is wrong with it.
template <class Command>
int with_config(Command&& command) {
    auto loaded = load_config(process_environment());
    if (!loaded.problems.empty()) {
        for (const auto& w : loaded.warnings)
            print(stderr, "warning: " + w + '\n');
        print(stderr, describe(loaded.problems));
        return exit_configuration;
    }
    return command(loaded);
}

// For commands that open no door: they need no password.
template <class Command>
int with_files_config(Command&& command) {
    auto loaded = load_config(process_environment());
    std::erase_if(loaded.problems, [](const problem& p) { return p.variable == "OPENCLAW_WEB_PASSWORD"; });
    if (!loaded.problems.empty()) {
        print(stderr, describe(loaded.problems));
        return exit_configuration;
    }
    return command(loaded.value);
}

int serve(const load_outcome& loaded, const std::string& supervisor) {
    log::init(loaded.value.level, loaded.value.format);
    for (const auto& w : loaded.warnings)
        log::event(log_level::warn, w);
    const int status = app::serve(loaded.value, supervisor);
    log::flush();
    return status;
}

int prepare(const load_outcome& loaded, const pod::prepare_options& options) {
    for (const auto& w : loaded.warnings)
        print(stderr, "warning: " + w + '\n');
    return pod::prepare_command(loaded.value, options);
}

int check(const load_outcome& loaded) {
    print(stdout, print_config(loaded.value));
    std::fflush(stdout);
    for (const auto& w : loaded.warnings)
        print(stderr, "warning: " + w + '\n');
    return exit_ok;
}

int hash_password() {
    const auto complain = [](const error& e) {
        print(stderr, "clawgate: " + e.detail + '\n');
        return e.code == errc::bad_request ? exit_usage : exit_os_error;
    };
    const auto password = read_password(STDIN_FILENO);
    if (password.has_error()) return complain(password.error());
    const auto hash = clawgate::hash_password(*password);
    if (hash.has_error()) return complain(hash.error());
    print(stdout, *hash + '\n');
    return exit_ok;
}

int health(const load_outcome& loaded) {
    const auto& c = loaded.value;
    int status = exit_ok;
    for (const auto& agent : c.agents) {
        net::http_probe p;
        p.address = c.bind;
        if (is_unspecified_host(c.bind)) p.address = c.bind.find(':') == c.bind.npos ? "127.0.0.1" : "::1";
        p.port = agent.port;
        p.path = "/_gateway/healthz";
        p.tls = !c.tls_cert.empty();
        const auto answer = net::probe(p);
        if (answer.has_value() && *answer == 200) continue;
        status = exit_failure;
        const auto why = answer.has_error() ? answer.error().detail : "status " + std::to_string(*answer);
        print(stderr, agent.name + " is not healthy: " + why + '\n');
    }
    return status;
}

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& does) {
    auto* command = app.add_subcommand(name, does);
    command->set_version_flag("--version", version);
    command->footer(exit_codes);
    return command;
}

void add_prepare_options(CLI::App& command, pod::prepare_options& o) {
    command.add_flag("--demo", o.demo, "The bundled demo model answers; every page says so");
    command.add_option("--clawgate", o.clawgate, "Program to supervise as the gateway (default: this one)");
    command.add_option("--node", o.node, "Node 24 or newer (default: node on PATH)");
    command.add_option("--openclaw", o.openclaw, "openclaw.mjs (default: found from openclaw on PATH)");
    command.add_option("--ollama", o.ollama,
                       "Program to supervise as ollama (default: none, one runs already)");
    command.add_option("--run-dir", o.run_dir, "Directory of supervisord.conf, sockets and temporary files");
    command.add_flag("--single-user", o.single_user,
                     "Run every program as one user, without isolation by uid");
}

void add_model_commands(CLI::App& to, command_line& line, int& status) {
    auto* model = add_command(to, "model", "Download or load a model, as 'serve' does at its start");
    model->require_subcommand(1);
    const auto add = [&](const char* name, const char* does, app::model_command what) {
        auto* command = model->add_subcommand(name, does);
        command->footer(exit_codes);
        command->add_option("NAME", line.model, "The model (default: every model of the configuration)");
        command->callback([&line, &status, what] {
            status = with_config([&](const load_outcome& loaded) {
                return app::run_model_command(loaded.value, what, line.model);
            });
        });
    };
    add("pull", "Download it where it is absent; an interrupted download goes on where it stopped",
        app::model_command::pull);
    add("warmup", "Load it into memory, with the options that every call will have",
        app::model_command::warm_up);
}

void add_file_commands(CLI::App& to, command_line& line, int& status) {
    auto* snapshot = add_command(to, "snapshot", "Copy the agents' state from local disk to the volume");
    snapshot->add_flag("--watch", line.snapshot.watch,
                       "At the interval of CLAWGATE_SNAPSHOT_MINUTES until SIGTERM, and once more when the "
                       "agents have stopped");
    snapshot->add_option("AGENT", line.snapshot.agent, "One agent only (default: all)");
    snapshot->callback([&line, &status] {
        status = with_files_config([&](const config& c) { return pod::snapshot_command(c, line.snapshot); });
    });
    auto* backup = add_command(to, "backup", "Write one agent's state and working directory into one file");
    backup->add_option("AGENT", line.backup.agent, "agent_1, or its number")->required();
    backup->add_option("--output", line.backup.output, "File to make (default: <agent>-<time>.tar.zst here)");
    backup->add_flag("--without-secrets", line.backup.without_secrets,
                     "Leave out credentials, pairings and keys; the service token is never in it");
    backup->callback([&line, &status] {
        status = with_files_config([&](const config& c) { return pod::backup_command(c, line.backup); });
    });
    auto* restore = add_command(to, "restore", "Bring an agent back from a backup, after checking all of it");
    restore->add_option("AGENT", line.restore.agent, "agent_1, or its number")->required();
    restore->add_option("FILE", line.restore.file, "What 'clawgate backup' made")->required();
    restore->add_flag("--force", line.restore.force, "Even while the agent runs");
    restore->callback([&line, &status] {
        status = with_files_config([&](const config& c) { return pod::restore_command(c, line.restore); });
    });
}

int run(int argc, char** argv) {
    command_line line;
    int status = exit_ok;
    CLI::App app{"Clawgate: one password in front of isolated OpenClaw agents that share one Ollama.",
                 "clawgate"};
    app.set_version_flag("--version", version);
    app.footer(exit_codes);
    app.require_subcommand(1);

    auto* serve_command = add_command(app, "serve", "Run the gateway until SIGTERM");
    serve_command->add_option("--supervisor", line.supervisor,
                              "Socket of the supervisord that runs the model server as 'ollama': it is "
                              "restarted when it is stuck");
    serve_command->callback([&] {
        status = with_config([&](const load_outcome& loaded) { return serve(loaded, line.supervisor); });
    });
    auto* prepare_command =
        add_command(app, "prepare", "Make the workspace, fresh tokens and every configuration");
    add_prepare_options(*prepare_command, line.prepare);
    prepare_command->callback([&] {
        status = with_config([&](const load_outcome& loaded) { return prepare(loaded, line.prepare); });
    });
    auto* check_command = add_command(app, "check", "Check the configuration and print it, secrets masked");
    check_command->add_flag("--markdown", line.markdown,
                            "Print docs/configuration.md instead; nothing is checked");
    check_command->callback([&] {
        if (line.markdown)
            print(stdout, configuration_markdown());
        else
            status = with_config(check);
    });
    add_model_commands(app, line, status);
    add_file_commands(app, line, status);
    add_command(app, "hash-password",
                "Read a password from standard input and print CLAWGATE_PASSWORD_HASH for it")
        ->callback([&] { status = hash_password(); });
    add_command(app, "health", "Ask the gateway on this machine whether it answers on every agent's port")
        ->callback([&] {
            // A container's health check knows only 0 and 1.
            status = with_config(health) == exit_ok ? exit_ok : exit_failure;
        });

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? exit_ok : exit_usage; // --help and --version end here too
    }
    return status;
}

} // namespace

int main(int argc, char** argv) {
    // A peer that closes early is an error code of the write, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0) {
        print(stderr, "clawgate: libsodium cannot start\n");
        return exit_os_error;
    }
    try {
        return run(argc, argv);
    } catch (const std::exception& e) {
        log::flush();
        print(stderr, std::string{"clawgate: "} + e.what() + '\n');
        return exit_failure;
    }
}
