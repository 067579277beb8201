#include "pod/prepare.hpp"

#include "auth/origin.hpp"
#include "auth/tokens.hpp"
#include "core/net_names.hpp"
#include "core/options.hpp"
#include "core/pod_facts.hpp"
#include "core/vram_plan.hpp"
#include "pod/agent_config.hpp"
#include "pod/cgroup.hpp"
#include "pod/confine.hpp"
#include "pod/directory.hpp"
#include "pod/layout.hpp"
#include "pod/packet_filter.hpp"
#include "pod/prepare_state.hpp"
#include "pod/supervisor.hpp"
#include "pod/sweep.hpp"
#include "pod/tools.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>
#include <utility>

namespace clawgate::pod {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_os = 71;     // EX_OSERR
constexpr int exit_config = 78; // EX_CONFIG

constexpr std::size_t largest_agent_config = 8u << 20;

void say(const std::string& line) {
    std::cout << line << '\n';
}
void warn(const std::string& line) {
    std::cerr << "warning: " << line << '\n';
}

int fail(const error& e, int status) {
    std::cerr << "clawgate prepare: " << e.detail << '\n';
    return status;
}

// An object, whose depth is bounded: the agent wrote the text, and deeper ones would exhaust the stack.
bool parse_object(const std::string& text, nlohmann::json& out) {
    constexpr int deepest = 64;
    bool too_deep = false;
    const auto check = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        too_deep = too_deep || depth > deepest;
        return !too_deep;
    };
    out = nlohmann::json::parse(text, check, false, true);
    return out.is_object() && !too_deep;
}

// What openclaw.json holds, or an empty object. OpenClaw also reads comments in it; a file that is not JSON
// even so is kept beside the new one, so that nothing of the user's is lost.
result<void> read_existing(const directory& state, std::optional<owner> whose, nlohmann::json& out) {
    const auto text = state.read("openclaw.json", largest_agent_config);
    if (text && parse_object(*text, out)) return {};
    out = nlohmann::json::object();
    if (!text) return text.error().code == errc::not_found ? result<void>{} : state.move_aside("openclaw.json");
    const std::string kept = "openclaw.json.unreadable";
    warn(state.path() + "/openclaw.json is not valid JSON; it is kept as " + kept + " and a new one is made");
    return state.write(kept, *text, 0600, whose);
}

/// The folders that everybody shares.
struct shared_folders {
    directory workspace;
    directory agents;
    directory cache;
    directory tokens;
    directory run;
    directory control; ///< of supervisord
    directory temporary;
};

result<directory> make_private_state(const directory& workspace, const layout& l) {
    auto own = workspace.make(".clawgate", 0700, l.gateway_user());
    if (!own) return own.error();
    // The user's own file of variables, often written by root: the gateway rereads it as its own user.
    if (auto r = own->give("env", 0600, l.gateway_user()); !r && r.error().code != errc::not_found)
        return r.error();
    return own->make("tokens", 0700, l.gateway_user());
}

// The folder that lies in run_dir's parent must be ours: in /tmp somebody else could have made it before.
result<directory> open_run_dir(const std::string& path) {
    const std::filesystem::path p{path};
    auto parent = directory::open_trusted(p.parent_path().string());
    if (!parent) return parent.error();
    return parent->make(p.filename().string(), 0755, owner{::geteuid(), ::getegid()});
}

result<shared_folders> make_shared_folders(directory workspace, const layout& l) {
    const auto root = l.separate ? std::optional{owner{0, 0}} : std::nullopt;
    auto agents = workspace.make("agents", 0755, root);
    if (!agents) return agents.error();
    auto cache = workspace.make(".cache", 0755, root);
    if (!cache) return cache.error();
    auto ollama = workspace.make(".ollama", 0700, l.ollama_user());
    if (!ollama) return ollama.error();
    if (auto models = ollama->make("models", 0700, l.ollama_user()); !models) return models.error();
    auto tokens = make_private_state(workspace, l);
    if (!tokens) return tokens.error();
    // supervisord writes the logs; of the others only the gateway reads them.
    const auto log_readers = l.separate ? std::optional{owner{0, l.gateway_user()->gid}} : std::nullopt;
    if (auto logs = workspace.make("logs", 0750, log_readers); !logs) return logs.error();

    auto run = open_run_dir(l.run_dir);
    if (!run) return run.error();
    // supervisord can give its socket to named users only, and ours are numbers: the folder decides who may.
    const auto controllers = l.separate ? std::optional{owner{0, l.gateway_user()->gid}} : std::nullopt;
    auto control = run->make("supervisor", 0750, controllers);
    if (!control) return control.error();
    auto temporary = run->make("tmp", 0755, root);
    if (!temporary) return temporary.error();
    return shared_folders{std::move(workspace), std::move(*agents), std::move(*cache),    std::move(*tokens),
                          std::move(*run),      std::move(*control), std::move(*temporary)};
}

// The agent's own folders; returns the one of its state.
result<directory> make_agent_folders(const shared_folders& f, const layout& l, const agent_options& a) {
    const auto user = l.agent_user(a);
    auto home = f.agents.make(a.name, 0700, user);
    if (!home) return home.error();
    if (auto work = home->make("workspace", 0700, user); !work) return work.error();
    if (auto cache = f.cache.make(a.name, 0700, user); !cache) return cache.error();
    if (auto temporary = f.temporary.make(a.name, 0700, user); !temporary) return temporary.error();

    auto state = make_state_folder(*home, l, a);
    if (!state) return state.error();
    if (auto logs = state->make("logs", 0700, user); !logs) return logs.error();
    auto agents = state->make("agents", 0700, user);
    if (!agents) return agents.error();
    auto main = agents->make("main", 0700, user);
    if (!main) return main.error();
    if (auto store = main->make("agent", 0700, user); !store) return store.error();
    // The vector store is a database in agents/main/agent. OpenClaw has no setting for that path and refuses
    // to start when it is a link, so `memory`, where people look for it, is the link.
    if (auto r = state->link("memory", "agents/main/agent", user); !r) return r.error();
    return state;
}

/// The gateway's copy.
result<void> write_token(const shared_folders& f, const layout& l, const agent_options& a, const secret& token) {
    return f.tokens.write(a.name, std::string{token.reveal()} + "\n", 0600, l.gateway_user());
}

result<void> prepare_agent(const shared_folders& f, const config& c, const layout& l,
                           const agent_options& a) {
    const auto user = l.agent_user(a);
    if (!is_supervised(a)) {
        // Somebody else runs it and configured its secret by hand: only a missing one is made.
        return f.tokens.read(a.name, 4096) ? result<void>{} : write_token(f, l, a, auth::make_service_token());
    }
    auto state = make_agent_folders(f, l, a);
    if (!state) return state.error();
    nlohmann::json before;
    if (auto r = read_existing(*state, user, before); !r) return r;

    const secret token = auth::make_service_token();
    const auto line = std::string{token.reveal()} + "\n";
    const auto after = merge_agent_config(std::move(before), c, a, l, token);
    if (auto r = state->write("openclaw.json", after.dump(2) + "\n", 0600, user); !r) return r;
    if (auto r = state->write("token", line, 0600, user); !r) return r;
    return write_token(f, l, a, token);
}

std::string probe_host(const config& c) {
    if (c.bind == "::") return "[::1]";
    if (is_unspecified_host(c.bind)) return "127.0.0.1";
    return c.bind.find(':') == c.bind.npos ? c.bind : "[" + c.bind + "]";
}

// Lines "name<TAB>address to probe from here<TAB>address for people", for scripts.
std::string address_list(const config& c) {
    const std::string local = (c.tls_cert.empty() ? "http://" : "https://") + probe_host(c) + ":";
    std::string out;
    for (const auto& a : c.agents)
        out += a.name + "\t" + local + std::to_string(a.port) + "\t" +
               auth::origin_policy{c, a.port}.canonical() + "/overview\n";
    return out + "control\t" + local + std::to_string(c.control_port) + "\t" +
           auth::origin_policy{c, c.control_port}.canonical() + "/\n";
}

// supervisord refuses to start when it cannot get as many descriptors as it is told to.
unsigned long descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return 65536;
    return std::min<unsigned long>(65536, limit.rlim_max);
}

/// "UID GROUP CLAWGATE" of each agent that has a user of its own: what `clawgate sweep` is to be told when the pod stops.
std::string agent_users(const config& c, const layout& l) {
    std::string lines;
    for (const auto& a : c.agents)
        if (const auto user = l.agent_user(a))
            lines += std::to_string(user->uid) + " " + std::to_string(pod_group(l.run_dir)) + " " + l.tools.clawgate + "\n";
    return lines;
}

result<void> write_run_files(const shared_folders& f, const config& c, const layout& l,
                             const environment& process) {
    const bool as_root = ::geteuid() == 0;
    const auto list = programs(c, l, process);
    const auto password = auth::make_service_token();
    if (auto r = f.run.write("supervisord.conf",
                             supervisord_conf(l, list, descriptor_limit(), as_root, password), 0600, {});
        !r)
        return r;
    if (auto r = f.control.write("password", std::string{password.reveal()} + "\n", 0600, l.gateway_user()); !r)
        return r;
    // For whoever stops the pod: the table and the control groups of this name are to be taken away again.
    if (auto r = f.run.write("kernel_name", filter_table_name(l) + "\n", 0644, {}); !r) return r;
    if (auto r = f.run.write("agent_users", agent_users(c, l), 0644, {}); !r) return r;
    std::string left_out; // nobody waits for these
    for (const auto& name : l.left_out)
        left_out += name + "\n";
    if (auto r = f.run.write("left_out", left_out, 0644, {}); !r) return r;
    if (auto r = f.run.write("gateway.env", gateway_settings(l, process), 0600, {}); !r) return r;
    return f.run.write("addresses", address_list(c), 0644, {});
}

void report(const config& c, const layout& l) {
    const auto supervised = std::count_if(c.agents.begin(), c.agents.end(), is_supervised);
    say("workspace      " + l.workspace);
    say("agents         " + std::to_string(supervised) + " configured, each with a new service token");
    say(std::string{"users          "} +
        (l.separate ? "one for each program (" + std::to_string(first_uid) + "…)" : "one for all programs"));
    say(std::string{"model server   "} + c.ollama.url +
        (l.tools.demo             ? " (the bundled demo model: its answers are canned)"
         : l.tools.ollama.empty() ? " (runs already, or elsewhere)"
                                  : " (supervised)"));
    say(std::string{"limits         "} +
        (c.agent_memory_mb == 0 ? "no memory limit" : std::to_string(c.agent_memory_mb) + " MiB for each agent") +
        (l.cgroups.empty() ? ", watched by the gateway" : ", watched by the gateway and held by control groups"));
    say("GPU            " + summary(plan_vram(c)));
    if (l.state_is_local)
        say("agents' state  " + l.local_state + ", copied to the workspace every " +
            std::to_string(c.snapshot_interval.count()) + " minutes and on stop");
    say("supervisord    " + l.supervisor_config());
}

/// Whatever makes the pod weaker than it could be: said now, and kept for the pages.
class notice_list {
public:
    void add(std::string key, std::string detail) {
        warn(detail);
        list_.push_back({std::move(key), std::move(detail)});
    }
    [[nodiscard]] const std::vector<pod_notice>& all() const noexcept { return list_; }

private:
    std::vector<pod_notice> list_;
};

/// What remains of isolation where all programs share one user.
std::string without_users() {
    const auto can = confine_support_here();
    if (!can.files())
        return "every program runs as one user, and an agent could read the others' files, tokens and memory";
    return std::string{"every program runs as one user; Landlock keeps the agents from each other's files"} +
           (can.tcp() ? " and ports" : ", but this kernel cannot keep them from each other's ports");
}

// Who can be separated from whom; says so when it cannot be done.
bool decide_separation(const layout& l, const volume_verdict& volume, notice_list& notices) {
    const auto one_user = [&notices](const std::string& why) {
        notices.add("one_user_for_all", why + ": " + without_users());
        return false;
    };
    if (l.tools.single_user) return one_user("--single-user");
    if (::geteuid() != 0) return one_user("not run as root");
    for (const auto* path : {&l.workspace, &l.local_state, &l.tools.clawgate, &l.tools.node,
                             &l.tools.openclaw, &l.tools.ollama}) {
        if (path->empty() || (path == &l.local_state && !l.state_is_local)) continue;
        if (const auto closed = closed_folder(*path); !closed.empty())
            return one_user(closed + " is closed to other users (chmod o+x " + closed + " helps)");
    }
    if (volume.owners) return true;
    return one_user(l.workspace + " does not keep the owners of files, like some network volumes");
}

/// Keeps the agents' users from each other's ports. True when it is in force.
bool filter_packets(const config& c, const layout& l, notice_list& notices) {
    if (!l.separate || l.tools.no_packet_filter) return false;
    const auto set = set_packet_filter(filter_rules(c, l));
    if (set) return true;
    if (confine_support_here().tcp()) {
        say("ports          kept apart by Landlock (no packet filter: " + set.error().detail + ")");
        return false;
    }
    notices.add("ports_open",
                "no packet filter can be set (" + set.error().detail +
                    ") and this kernel's Landlock knows no ports: an agent can connect to another's port, where only "
                    "the token protects, and to Ollama around the gateway");
    return false;
}

/// Whoever can write into the workspace can put another folder in the place of the gateway's.
void close_workspace(const directory& workspace, const layout& l, notice_list& notices) {
    if (!l.separate) return;
    const auto had = workspace.close_to_agents();
    if (!had)
        notices.add("workspace_open", l.workspace + " is writable by every user (" + had.error().detail +
                                          "): an agent could replace the gateway's files. chmod go-w " + l.workspace);
    else if (*had)
        warn(l.workspace + " was writable by every user: an agent could have replaced the gateway's files. The right "
                           "was taken away (chmod go-w)");
    struct stat st {};
    if (::stat(l.workspace.c_str(), &st) == 0 && is_pod_user(st.st_uid))
        notices.add("workspace_open", l.workspace + " belongs to user " + std::to_string(st.st_uid) +
                                          ", one of the pod's: it could replace the gateway's files. chown root " +
                                          l.workspace);
    if (const auto parent = unsafe_parent(l.workspace); !parent.empty())
        notices.add("workspace_open", parent + " is writable by every user: an agent could replace the whole workspace. "
                                               "chmod o-w " + parent);
}

/// OpenClaw locks its state in a folder of this very name and refuses one of another user (docs/facts/openclaw.md), so
/// an agent could keep another one, started later, from starting. They stand before any agent runs.
void make_lock_folders(const layout& l) {
    if (!l.separate) return;
    const auto temporary = directory::open_trusted("/tmp");
    for (uid_t id = first_uid + 1; id <= first_uid + max_agents && temporary; ++id)
        if (auto r = temporary->make("openclaw-state-locks-" + std::to_string(id), 0700, owner{id, id}); !r)
            warn(r.error().detail);
}

/// One agent's folders, which hold what it likes, are no reason for the others not to start.
result<void> prepare_agents(const shared_folders& f, const config& c, layout& l, notice_list& notices) {
    result<void> first;
    for (const auto& a : c.agents) {
        auto done = prepare_agent(f, c, l, a);
        if (done) continue;
        if (first) first = done;
        l.left_out.insert(a.name);
        // The gateway serves all agents, and has to have a token for each.
        if (!f.tokens.read(a.name, 4096))
            if (auto r = write_token(f, l, a, auth::make_service_token()); !r) return r;
        notices.add("agent_left_out", a.name + " is not started: " + done.error().detail);
    }
    return l.left_out.size() == c.agents.size() ? first : result<void>{};
}

/// Where the kernel can hold agents to their limits; the first refusal stands for all.
void make_cgroups(const config& c, layout& l) {
    if (::geteuid() != 0 || l.tools.no_cgroups) return;
    cgroup_limits limits;
    limits.memory_bytes = hard_memory_limit(c.agent_memory_mb);
    limits.processes = c.agent_processes;
    for (const auto& a : c.agents) {
        if (!is_supervised(a)) continue;
        auto made = make_cgroup("/sys/fs/cgroup", filter_table_name(l) + "-" + a.name, limits);
        if (!made) return;
        l.cgroups.emplace(a.name, std::move(*made));
    }
}

pod_facts facts_of(const config& c, const layout& l, const notice_list& notices) {
    pod_facts f;
    f.prepared_by = l.own_user;
    f.separate_users = l.separate;
    f.packet_filter = l.packet_filter;
    f.landlock = confine_support_here().version;
    f.supervises_ollama = !l.tools.ollama.empty();
    f.state_is_local = l.state_is_local;
    f.local_state = l.local_state;
    f.clawgate = l.tools.clawgate;
    f.node = l.tools.node;
    f.openclaw = l.tools.openclaw;
    for (const auto& a : c.agents)
        if (is_supervised(a) && !l.left_out.contains(a.name)) f.supervised_agents.push_back(a.name);
    f.notices = notices.all();
    return f;
}

/// The lock that keeps two from preparing the same pod. In the run directory, because that is on local disk: some volumes
/// know no locks. What a killed one had started may hold it for a moment longer.
result<descriptor> be_alone(const directory& run_dir) {
    constexpr std::chrono::seconds patience{2};
    const auto end = std::chrono::steady_clock::now() + patience;
    while (true) {
        auto held = run_dir.lock("prepare.lock");
        if (held || std::chrono::steady_clock::now() >= end) return held;
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
}

} // namespace

int prepare_command(const config& c, const prepare_options& options) {
    auto process = process_environment();
    // The gateway runs where nvidia-smi may not be had: from the same cards it derives the same values.
    if (c.gpus) process.insert_or_assign("CLAWGATE_GPU", format_gpus(*c.gpus));
    const auto path = process.find("PATH");
    auto tools = find_tools(options, path == process.end() ? std::string{} : path->second,
                            std::any_of(c.agents.begin(), c.agents.end(), is_supervised));
    if (!tools) return fail(tools.error(), exit_config);

    layout l;
    l.own_user = ::geteuid();
    l.workspace = std::filesystem::absolute(c.workspace).lexically_normal().string();
    if (l.workspace.size() > 1 && l.workspace.back() == '/') l.workspace.pop_back();
    l.run_dir = options.run_dir.empty()
                    ? default_run_dir(l.workspace)
                    : std::filesystem::absolute(options.run_dir).lexically_normal().string();
    l.tools = std::move(*tools);
    if (const auto wrong = check_paths(l); !wrong.empty())
        return fail(error{errc::invalid_config, fault::gateway, retry::never, wrong}, exit_config);

    auto run_dir = open_run_dir(l.run_dir);
    if (!run_dir) return fail(run_dir.error(), exit_os);
    const auto alone = be_alone(*run_dir);
    if (!alone)
        return fail(error{errc::io, fault::gateway, retry::later,
                          "another `clawgate prepare` is at work (" + alone.error().detail + ")"},
                    exit_os);
    auto workspace = directory::open_trusted(l.workspace);
    if (!workspace) return fail(workspace.error(), exit_os);
    notice_list notices;
    const auto volume = place_state(c, l);
    for (const auto& note : volume.notes)
        if (note.word != "no_owners") notices.add(note.word, note.text); // decide_separation says what it means
    if (auto r = workspace->let_others_pass(); !r) return fail(r.error(), exit_os);
    l.separate = decide_separation(l, volume, notices);
    l.packet_filter = filter_packets(c, l, notices);
    close_workspace(*workspace, l, notices);
    make_lock_folders(l);
    make_cgroups(c, l);
    const auto no_snapshots = lock_local_state(l);
    if (!no_snapshots) return fail(no_snapshots.error(), exit_os);

    auto folders = make_shared_folders(std::move(*workspace), l);
    if (!folders) return fail(folders.error(), exit_os);
    if (auto r = prepare_agents(*folders, c, l, notices); !r) return fail(r.error(), exit_os);
    if (auto r = write_run_files(*folders, c, l, process); !r) return fail(r.error(), exit_os);
    if (auto r = folders->run.write("pod.json", to_json(facts_of(c, l, notices)), 0644, {}); !r)
        return fail(r.error(), exit_os);
    report(c, l);
    return exit_ok;
}

} // namespace clawgate::pod
