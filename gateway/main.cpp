// Commands → objects. The only place that ends the process.
#include "app/model_command.hpp"
#include "app/plan_command.hpp"
#include "app/serve.hpp"
#include "core/log.hpp"
#include "core/net_names.hpp"
#include "core/options.hpp"
#include "core/password_input.hpp"
#include "core/vram_plan.hpp"
#include "net/http_probe.hpp"
#include "pod/backup.hpp"
#include "pod/confine.hpp"
#include "pod/doctor.hpp"
#include "pod/gpu_search.hpp"
#include "pod/isolation_probe.hpp"
#include "pod/pod_settings.hpp"
#include "pod/prepare.hpp"
#include "pod/snapshot_command.hpp"
#include "pod/sweep.hpp"

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
                            "  1   failure (health: the gateway does not answer; plan: it does not fit; restore: the\n"
                            "      agent runs; doctor: an agent can do what it must not)\n"
                            "  64  the command line or the input is wrong\n"
                            "  65  a backup is damaged, or holds what may not be in one (restore)\n"
                            "  66  a file that must be there is missing (run 'clawgate prepare')\n"
                            "  69  the model server does not answer (model), or the GPU or the model is not\n"
                            "      known (plan)\n"
                            "  71  the system refused something: a port, a directory, memory\n"
                            "  75  nothing was possible, but not everything could be tested, because it does not run\n"
                            "      or is not there (doctor)\n"
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
    std::string run_dir; ///< of serve
    pod::doctor_options doctor;
    pod::snapshot_options snapshot;
    pod::backup_options backup;
    pod::restore_options restore;
    std::string model;
    pod::confinement confinement;
    std::vector<std::string> no_connect;
    std::vector<std::string> no_bind;
    pod::owner swept;
    std::vector<std::string> program;
    std::string gpu;
    bool json = false;
};

load_outcome load_as_given() {
    return load_config(process_environment());
}

// With the GPU of this machine, where the user named none: what is planned for it is in effect in the pod, so
// every command that shows or uses those values must know it. `serve` has it from `prepare`.
load_outcome load_with_gpu(const environment& over = {}, pod::gpu_search* search = nullptr) {
    auto loaded = load_config(process_environment(), over);
    auto found = pod::find_gpus(loaded.value, process_environment(),
                                [](const auto& argv) { return pod::run_program(argv); });
    if (found.gpus) {
        auto with_found = over;
        with_found["CLAWGATE_GPU"] = format_gpus(*found.gpus);
        loaded = load_config(process_environment(), with_found);
        loaded.value.given.erase("CLAWGATE_GPU");
    }
    if (!found.warning.empty()) loaded.warnings.push_back(found.warning);
    if (search != nullptr) *search = std::move(found);
    return loaded;
}

// Passes the configuration on, or reports what is wrong with it.
template <class Command>
int with_config(Command&& command, const load_outcome& loaded = load_as_given()) {
    if (!loaded.problems.empty()) {
        for (const auto& w : loaded.warnings)
            print(stderr, "warning: " + w + '\n');
        print(stderr, describe(loaded.problems));
        return exit_configuration;
    }
    return command(loaded);
}

// For commands that open no door: they need no password, and find the agents' files as the pod has them.
template <class Command>
int with_files_config(Command&& command) {
    auto loaded = load_config(pod::with_settings_of_pod(process_environment()));
    std::erase_if(loaded.problems, [](const problem& p) { return p.variable == "OPENCLAW_WEB_PASSWORD"; });
    if (!loaded.problems.empty()) {
        print(stderr, describe(loaded.problems));
        return exit_configuration;
    }
    return command(loaded.value);
}

int serve(const load_outcome& loaded, const std::string& run_dir) {
    log::init(loaded.value.level, loaded.value.format);
    for (const auto& w : loaded.warnings)
        log::event(log_level::warn, w);
    const auto plan = plan_vram(loaded.value);
    if (!plan.gpus.empty()) log::event(log_level::info, "GPU: " + summary(plan));
    const int status = app::serve(loaded.value, run_dir);
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

int plan(const command_line& line) {
    environment over;
    if (!line.gpu.empty()) {
        if (const auto cards = parse_gpus(line.gpu); !cards) {
            print(stderr, "clawgate plan: --gpu '" + line.gpu + "' " + cards.error().detail + '\n');
            return exit_usage;
        }
        over["CLAWGATE_GPU"] = line.gpu;
    }
    pod::gpu_search search;
    auto loaded = load_with_gpu(over, &search);
    // One plans before one rents, and needs no password for it.
    std::erase_if(loaded.problems, [](const problem& p) {
        return p.variable == "OPENCLAW_WEB_PASSWORD" || p.variable == "CLAWGATE_PASSWORD_HASH";
    });
    app::plan_options options;
    options.as_json = line.json;
    options.note = search.warning;
    if (search.gpus) options.gpu_origin = "found by nvidia-smi";
    if (!line.gpu.empty()) options.gpu_origin = "--gpu";
    return with_config([&](const load_outcome& l) { return app::run_plan_command(l.value, options); },
                       loaded);
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
    command.add_flag("--no-packet-filter", o.no_packet_filter,
                     "Leave the system's nftables alone; agents are kept from others' ports by Landlock only");
    command.add_flag("--no-cgroups", o.no_cgroups, "Make no control groups; the gateway watches the agents' memory");
}

void add_plan_command(CLI::App& to, command_line& line, int& status) {
    auto* command = add_command(to, "plan", "Does it fit into the GPU's memory? What is set for it, and why");
    command->add_option("--gpu", line.gpu,
                        "Plan for this one instead: NAME:MIB, several separated by commas; the name may be "
                        "left out");
    command->add_flag("--json", line.json, "One JSON object instead of text");
    command->callback([&] { status = plan(line); });
}

void add_model_commands(CLI::App& to, command_line& line, int& status) {
    auto* model = add_command(to, "model", "Download or load a model, as 'serve' does at its start");
    model->require_subcommand(1);
    const auto add = [&](const char* name, const char* does, app::model_command what) {
        auto* command = model->add_subcommand(name, does);
        command->footer(exit_codes);
        command->add_option("NAME", line.model, "The model (default: every model of the configuration)");
        command->callback([&line, &status, what] {
            status = with_config(
                [&](const load_outcome& loaded) {
                    return app::run_model_command(loaded.value, what, line.model);
                },
                load_with_gpu());
        });
    };
    add("pull", "Download it where it is absent; an interrupted download goes on where it stopped",
        app::model_command::pull);
    add("warmup", "Load it into memory, with the options that every call will have",
        app::model_command::warm_up);
}

int confine(command_line& line) {
    for (const auto& [texts, ranges] : {std::pair{&line.no_connect, &line.confinement.no_connect},
                                        std::pair{&line.no_bind, &line.confinement.no_bind}})
        for (const auto& text : *texts) {
            const auto range = pod::parse_port_range(text);
            if (!range) {
                print(stderr, "clawgate confine: " + range.error().detail + '\n');
                return exit_usage;
            }
            ranges->push_back(*range);
        }
    return pod::confine_and_run(line.confinement, line.program);
}

void add_doctor_command(CLI::App& to, command_line& line, int& status) {
    auto* command = add_command(to, "doctor", "Test a running pod: what could an agent do to the others?");
    command->add_flag("--isolation", line.doctor.isolation_only,
                      "Only the isolation of the agents (the default so far)");
    command->add_option("--as", line.doctor.as, "Agent to try as, or 'all' (default: the first)");
    command->add_option("--run-dir", line.doctor.run_dir, "Run directory of the pod (default: the workspace's)");
    command->add_flag("--json", line.doctor.json, "Print the attempts as JSON");
    command->callback([&] { status = pod::doctor_command(process_environment(), line.doctor); });
    to.add_subcommand("isolation-probe", "What doctor runs in the place of an agent")
        ->group("") // not for people
        ->callback([&status] { status = pod::isolation_probe_command(); });
}

void add_confine_command(CLI::App& to, command_line& line, int& status) {
    auto* command = add_command(to, "confine",
                                "Take rights from a program and run it (clawgate confine … -- PROGRAM …); agents are "
                                "started by it");
    command->add_option("--hide", line.confinement.hidden, "File or folder that it cannot open")
        ->expected(1)->take_all();
    command->add_option("--keep", line.confinement.kept, "… but this one below it")->expected(1)->take_all();
    command->add_option("--read-only", line.confinement.read_only, "Folder in which it can change nothing")
        ->expected(1)->take_all();
    command->add_option("--no-connect", line.no_connect, "TCP port or range that it cannot connect to")
        ->expected(1)->take_all();
    command->add_option("--no-bind", line.no_bind, "TCP port or range that it cannot listen on")
        ->expected(1)->take_all();
    command->callback([&line, &status] {
        if (line.program.empty()) throw CLI::RequiredError{"a program behind --"};
        status = confine(line);
    });
}

void add_sweep_command(CLI::App& to, command_line& line, int& status) {
    auto* command = add_command(to, "sweep",
                                "End what is left of a user's processes that are in a group, as root, and run a program "
                                "(clawgate sweep UID GID -- PROGRAM …); agents are started by it");
    command->add_option("UID", line.swept.uid, "User")->required()->check(CLI::PositiveNumber);
    command->add_option("GID", line.swept.gid, "Supplementary group")->required()->check(CLI::PositiveNumber);
    command->callback([&line, &status] { status = pod::sweep_and_run(line.swept, line.program); });
}

/// What stands behind "--" belongs to another program and is not looked at. Returns how many words are ours.
int split_off_program(int argc, char** argv, std::vector<std::string>& program) {
    for (int i = 1; i < argc; ++i)
        if (std::string_view{argv[i]} == "--") {
            program.assign(argv + i + 1, argv + argc);
            return i;
        }
    return argc;
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
    argc = split_off_program(argc, argv, line.program);
    int status = exit_ok;
    CLI::App app{"Clawgate: one password in front of isolated OpenClaw agents that share one Ollama.",
                 "clawgate"};
    app.set_version_flag("--version", version);
    app.footer(exit_codes);
    app.require_subcommand(1);

    auto* serve_command = add_command(app, "serve", "Run the gateway until SIGTERM");
    serve_command->add_option("--run-dir", line.run_dir,
                              "Run directory of the pod that `clawgate prepare` made: what is stuck or needs too much "
                              "memory is restarted through its supervisord");
    serve_command->callback([&] {
        status = with_config([&](const load_outcome& loaded) { return serve(loaded, line.run_dir); });
    });
    auto* prepare_command =
        add_command(app, "prepare", "Make the workspace, fresh tokens and every configuration");
    add_prepare_options(*prepare_command, line.prepare);
    prepare_command->callback([&] {
        status = with_config([&](const load_outcome& loaded) { return prepare(loaded, line.prepare); },
                             load_with_gpu());
    });
    auto* check_command = add_command(app, "check", "Check the configuration and print it, secrets masked");
    check_command->add_flag("--markdown", line.markdown,
                            "Print docs/configuration.md instead; nothing is checked");
    check_command->callback([&] {
        if (line.markdown)
            print(stdout, configuration_markdown());
        else
            status = with_config(check, load_with_gpu());
    });
    add_plan_command(app, line, status);
    add_model_commands(app, line, status);
    add_confine_command(app, line, status);
    add_sweep_command(app, line, status);
    add_doctor_command(app, line, status);
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
