// The table itself. Order and groups are those of docs/configuration.md.
#include "core/options.hpp"
#include "core/options_values.hpp"

#include <algorithm>

namespace clawgate {
namespace {

using namespace values;

constexpr std::string_view agents_group = "Agents";
constexpr std::string_view sampling_group = "Sent with each model request";
constexpr std::string_view behaviour_group = "Behaviour of the agent";
constexpr std::string_view ollama_group = "Ollama server";
constexpr std::string_view gateway_group = "Gateway";
constexpr std::string_view state_group = "Gateway: where the agents' state lives";
constexpr std::string_view network_group = "Gateway: network and origins";
constexpr std::string_view session_group = "Gateway: password, sessions and limits";

// Most tokens that any context setting takes: more than any model offers, and far from overflow.
constexpr std::int64_t most_tokens = 16'777'216;

// The field of one agent, or the program's default that agents start from.
auto& sampling_of(auto& c, auto* a) {
    return a != nullptr ? a->sampling : c.sampling;
}
auto& behaviour_of(auto& c, auto* a) {
    return a != nullptr ? a->behaviour : c.behaviour;
}

// Columns of a row beyond name, group, default and help.
struct extras {
    std::string_view example{};
    bool is_secret = false;
    bool per_agent = false;
};
constexpr extras overridable{.per_agent = true};

option row(std::string_view name, std::string_view group, std::string_view default_value, kind k,
           std::string_view help, extras more = {}) {
    return {.name = name,
            .group = group,
            .type = std::move(k.type),
            .default_value = default_value,
            .range = std::move(k.range),
            .help = help,
            .example = more.example.empty() ? default_value : more.example,
            .is_secret = more.is_secret,
            .per_agent = more.per_agent,
            .apply = std::move(k.apply),
            .show = std::move(k.show)};
}

// The number of agents is the size of config::agents and is kept nowhere else.
kind agent_count() {
    return {"integer", "1–10",
            [](config& c, agent_options*, std::string_view text) -> std::string {
                const auto value = parse_integer(text);
                if (!value) return "is not a whole number";
                if (*value < 1 || *value > max_agents) return std::string{out_of_range};
                c.agents.resize(static_cast<std::size_t>(*value));
                return {};
            },
            [](const config& c, const agent_options*) { return std::to_string(c.agents.size()); }};
}

// false / 1 / 2, as Ollama takes it.
kind debug_level() {
    return {"false / 1 / 2", "",
            [](config& c, agent_options*, std::string_view text) -> std::string {
                const auto word = parse_boolean(text);
                if (!word && text != "2") return "is neither false nor 1 nor 2";
                c.ollama.debug = word ? static_cast<int>(*word) : 2;
                return {};
            },
            [](const config& c, const agent_options*) {
                return c.ollama.debug == 0 ? std::string{"false"} : std::to_string(c.ollama.debug);
            }};
}

// An interface and nothing else: OLLAMA_PORT is the port. Ollama's own form host:port would be taken for a
// mistake of ours if it were half understood.
kind ollama_interface() {
    return {
        "IP address", "",
        [](config& c, agent_options*, std::string_view text) -> std::string {
            if (text == "localhost") text = "127.0.0.1";
            if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
            if (const auto wrong = check_ip_literal(text); !wrong.empty())
                return "is not the address of an interface; scheme and port do not belong here: the port is "
                       "OLLAMA_PORT";
            c.ollama.host = text;
            return {};
        },
        [](const config& c, const agent_options*) { return c.ollama.host; }};
}

kind gpu_list() {
    return {
        "NAME:MIB, separated by commas / none", "",
        [](config& c, agent_options*, std::string_view text) -> std::string {
            auto cards = parse_gpus(text);
            if (!cards) return cards.error().detail;
            c.gpus = std::move(*cards);
            return {};
        },
        [](const config& c, const agent_options*) { return c.gpus ? format_gpus(*c.gpus) : std::string{}; }};
}

// A preset by any of its names; kept under the first one.
kind preset_name() {
    std::string type = "auto / none";
    for (const auto& p : gpu_presets())
        type += " / " + std::string{p.name};
    return {type, "",
            [type](config& c, agent_options*, std::string_view text) -> std::string {
                const auto* preset = find_preset(text);
                if (preset == nullptr && text != "auto" && text != "none") return "is not one of " + type;
                c.gpu_preset = preset != nullptr ? preset->name : text;
                return {};
            },
            [](const config& c, const agent_options*) { return c.gpu_preset; }};
}

kind body_limit() {
    return {"MiB", "1–102400",
            [](config& c, agent_options*, std::string_view text) -> std::string {
                const auto value = parse_integer(text);
                if (!value) return "is not a whole number";
                if (*value < 1 || *value > 102'400) return std::string{out_of_range};
                c.max_body_bytes = static_cast<std::uint64_t>(*value) << 20;
                return {};
            },
            [](const config& c, const agent_options*) { return std::to_string(c.max_body_bytes >> 20); }};
}

void add_agents(std::vector<option>& t) {
    t.push_back(row(
        "OPENCLAW_WEB_PASSWORD", agents_group, "",
        secret_text(
            [](auto& c, auto* a) -> auto& { return a != nullptr ? a->password : c.password; }, "text",
            check_password),
        "Password of the dashboards. Required, unless CLAWGATE_PASSWORD_HASH is set; there is no fallback.",
        {.example = "a long sentence of your own", .is_secret = true, .per_agent = true}));
    t.push_back(row("OPENCLAW_NUM_AGENTS", agents_group, "3", agent_count(), "Number of agents."));
    t.push_back(
        row("OPENCLAW_AGENT_PREFIX", agents_group, "agent",
            text(
                [](auto& c, auto*) -> auto& { return c.agent_prefix; }, "name", check_agent_prefix),
            "Beginning of the agents' names: agent_1, agent_2 …; paths, programs and logs follow it."));
    t.push_back(row("OPENCLAW_BASE_PORT", agents_group, "18790",
                    port([](auto& c, auto*) -> auto& { return c.base_port; }),
                    "Port of agent 1; agent n listens on this port + n − 1."));
    t.push_back(row("OPENCLAW_MODEL", agents_group, "glm-4.7-flash:latest",
                    text(
                        [](auto& c, auto* a) -> auto& { return a != nullptr ? a->model : c.model; }, "model",
                        check_model_name),
                    "The Ollama model.", overridable));
    t.push_back(row("OPENCLAW_MODEL_AUTO_PULL", agents_group, "true",
                    boolean([](auto& c, auto*) -> auto& { return c.model_auto_pull; }),
                    "Download the model if it is absent, with progress in the log."));
    t.push_back(row("OPENCLAW_WARMUP_ENABLED", agents_group, "true",
                    boolean([](auto& c, auto*) -> auto& { return c.warmup_enabled; }),
                    "Load the model into GPU memory at start."));
}

void add_sampling(std::vector<option>& t) {
    t.push_back(row("OPENCLAW_TEMPERATURE", sampling_group, "0.7",
                    decimal(
                        [](auto& c, auto* a) -> auto& { return sampling_of(c, a).temperature; }, 0, 2),
                    "Randomness of the answers.", overridable));
    t.push_back(row("OPENCLAW_TOP_P", sampling_group, "0.95",
                    decimal(
                        [](auto& c, auto* a) -> auto& { return sampling_of(c, a).top_p; }, 0, 1),
                    "Share of the probability mass that is sampled from.", overridable));
    t.push_back(row("OPENCLAW_REPEAT_PENALTY", sampling_group, "1.0",
                    decimal(
                        [](auto& c, auto* a) -> auto& { return sampling_of(c, a).repeat_penalty; }, 0.1, 2),
                    "Penalty for repeated tokens. Critical: GLM-4.7 needs 1.0.", overridable));
    t.push_back(
        row("OPENCLAW_NUM_CTX", sampling_group, "131072",
            integer(
                [](auto& c, auto*) -> auto& { return c.num_ctx; }, 256, most_tokens, "tokens"),
            "Context window of the model. One value for all agents: another one would reload the model."));
    t.push_back(row(
        "OPENCLAW_MAX_TOKENS", sampling_group, "32768",
        integer(
            [](auto& c, auto* a) -> auto& { return sampling_of(c, a).max_tokens; }, 1, most_tokens, "tokens"),
        "Longest answer (num_predict).", overridable));
}

void add_behaviour(std::vector<option>& t) {
    t.push_back(row("OPENCLAW_THINKING_DEFAULT", behaviour_group, "on",
                    boolean(
                        [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).thinking; }, "on", "off"),
                    "Whether the model thinks before it answers, where it can.", overridable));
    t.push_back(row("OPENCLAW_VERBOSE_DEFAULT", behaviour_group, "off",
                    boolean(
                        [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).verbose; }, "on", "off"),
                    "Whether the agent reports its steps.", overridable));
    t.push_back(row("OPENCLAW_ELEVATED_DEFAULT", behaviour_group, "on",
                    boolean(
                        [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).elevated; }, "on", "off"),
                    "Whether the agent may run its tools without asking first.", overridable));
    t.push_back(row("OPENCLAW_CONTEXT_TOKENS", behaviour_group, "131072",
                    integer(
                        [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).context_tokens; }, 256,
                        most_tokens, "tokens"),
                    "Limit of a conversation's context.", overridable));
    t.push_back(
        row("OPENCLAW_TIMEOUT_SECONDS", behaviour_group, "600",
            integer(
                [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).timeout; }, 1, 86'400, "seconds"),
            "Deadline of one model request, counted from when it leaves the queue.", overridable));
    t.push_back(row("OPENCLAW_MAX_CONCURRENT", behaviour_group, "3",
                    integer(
                        [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).max_concurrent; }, 1, 1024),
                    "Model requests at once per agent.", overridable));
    t.push_back(row("OPENCLAW_PRUNING_MODE", behaviour_group, "adaptive",
                    choice([](auto& c, auto* a) -> auto& { return behaviour_of(c, a).pruning; },
                           {{"adaptive", pruning_mode::adaptive},
                            {"aggressive", pruning_mode::aggressive},
                            {"off", pruning_mode::off}}),
                    "How old tool results are shortened when a conversation grows.", overridable));
    t.push_back(
        row("OPENCLAW_KEEP_LAST_ASSISTANTS", behaviour_group, "3",
            integer(
                [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).keep_last_assistants; }, 0, 1000),
            "Recent answers that pruning never touches.", overridable));
    t.push_back(row("OPENCLAW_SOFT_TRIM_RATIO", behaviour_group, "0.3",
                    decimal(
                        [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).soft_trim_ratio; }, 0, 1),
                    "Share of the context at which old tool results are shortened; at most the hard ratio.",
                    overridable));
    t.push_back(row("OPENCLAW_HARD_CLEAR_RATIO", behaviour_group, "0.5",
                    decimal(
                        [](auto& c, auto* a) -> auto& { return behaviour_of(c, a).hard_clear_ratio; }, 0, 1),
                    "Share of the context at which they are cleared.", overridable));
}

void add_ollama(std::vector<option>& t) {
    t.push_back(row("OLLAMA_NUM_PARALLEL", ollama_group, "4",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.ollama.num_parallel; }, 1, 256),
                    "Requests that the model serves at once; each has a context window of its own."));
    t.push_back(
        row("OLLAMA_KV_CACHE_TYPE", ollama_group, "q8_0",
            choice([](auto& c, auto*) -> auto& { return c.ollama.kv_cache_type; },
                   {{"f32", "f32"},
                    {"f16", "f16"},
                    {"bf16", "bf16"},
                    {"q8_0", "q8_0"},
                    {"q5_1", "q5_1"},
                    {"q5_0", "q5_0"},
                    {"q4_1", "q4_1"},
                    {"q4_0", "q4_0"},
                    {"iq4_nl", "iq4_nl"}}),
            "Precision of the context in GPU memory: q8_0 saves about 40 %, f16 is the best quality."));
    t.push_back(row("OLLAMA_NUM_GPU", ollama_group, "999",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.ollama.num_gpu; }, 0, 9999, "layers"),
                    "Layers on the GPU; 999 = all. Sent as the request option num_gpu."));
    t.push_back(row("CLAWGATE_GPU", ollama_group, "", gpu_list(),
                    "The GPU, its name (which may be left out) and its memory in MiB; none = there is none; "
                    "empty = what `clawgate prepare` finds with nvidia-smi. Variables that are not set are "
                    "chosen to fit it: `clawgate plan` shows how.",
                    {.example = "NVIDIA GeForce RTX 4090:24564"}));
    t.push_back(row("OPENCLAW_GPU_PRESET", ollama_group, "auto", preset_name(),
                    "Where the variables start that are not set, before they are reduced to fit: the preset "
                    "of a card; auto = of the GPU that there is; none = the defaults."));
    t.push_back(
        row("OLLAMA_KEEP_ALIVE", ollama_group, "-1",
            text(
                [](auto& c, auto*) -> auto& { return c.ollama.keep_alive; }, "seconds or duration",
                check_keep_alive),
            "How long the model stays loaded after a request: seconds or a duration such as 30m; a negative "
            "value = always."));
    t.push_back(row("OLLAMA_FLASH_ATTENTION", ollama_group, "1",
                    boolean(
                        [](auto& c, auto*) -> auto& { return c.ollama.flash_attention; }, "1", "0"),
                    "Flash attention; a quantised KV cache needs it."));
    t.push_back(row(
        "OLLAMA_MAX_LOADED_MODELS", ollama_group, "1",
        integer(
            [](auto& c, auto*) -> auto& { return c.ollama.max_loaded_models; }, 0, 64),
        "Models in GPU memory at once; 0 = Ollama decides. Unless it is set, Ollama is given room for every "
        "model that the agents use and for the embedding model besides: with less, each memory "
        "search would push the chat model out."));
    t.push_back(
        row("OLLAMA_CONTEXT_LENGTH", ollama_group, "131072",
            integer(
                [](auto& c, auto*) -> auto& { return c.ollama.context_length; }, 0, most_tokens, "tokens"),
            "The server's default context; 0 = by GPU memory."));
    t.push_back(row("OLLAMA_MAX_QUEUE", ollama_group, "512",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.ollama.max_queue; }, 1, 1'000'000),
                    "Model requests that may wait before more are refused."));
    t.push_back(row("OLLAMA_HOST", ollama_group, "0.0.0.0", ollama_interface(),
                    "Interface on which the model API is served (with authentication, by the gateway); besides "
                    "it always loopback, where the agents call it."));
    t.push_back(row("OLLAMA_PORT", ollama_group, "11434",
                    port([](auto& c, auto*) -> auto& { return c.ollama.port; }), "Its port."));
    t.push_back(row("OLLAMA_DEBUG", ollama_group, "false", debug_level(),
                    "What Ollama logs: false, 1 = debug, 2 = trace."));
    t.push_back(row("LOG_LEVEL", ollama_group, "info",
                    choice([](auto& c, auto*) -> auto& { return c.level; },
                           {{"trace", log_level::trace},
                            {"debug", log_level::debug},
                            {"info", log_level::info},
                            {"warn", log_level::warn},
                            {"error", log_level::error}}),
                    "Lowest level that is logged, by every program of the pod; debug and trace are Ollama's too, "
                    "unless OLLAMA_DEBUG is set."));
}

void add_gateway(std::vector<option>& t) {
    t.push_back(row("CLAWGATE_WORKSPACE", gateway_group, "/workspace",
                    text(
                        [](auto& c, auto*) -> auto& { return c.workspace; }, "path", check_absolute_path),
                    "Where everything that must survive is kept."));
    t.push_back(row("CLAWGATE_ENV_FILE", gateway_group, "",
                    text(
                        [](auto& c, auto*) -> auto& { return c.env_file; }, "path", check_absolute_path),
                    "File of NAME=value lines (mode 0600) that win over the environment; empty = "
                    "<workspace>/.clawgate/env. Read at start only.",
                    {.example = "/workspace/.clawgate/env"}));
    t.push_back(row("CLAWGATE_OLLAMA_URL", gateway_group, "http://127.0.0.1:11430",
                    text(
                        [](auto& c, auto*) -> auto& { return c.ollama.url; }, "URL", check_http_url),
                    "The real Ollama server, behind the gateway."));
    t.push_back(row("CLAWGATE_EMBED_MODEL", gateway_group, "nomic-embed-text",
                    text(
                        [](auto& c, auto*) -> auto& { return c.embed_model; }, "model", check_model_name),
                    "Embedding model of the agents' memory."));
    t.push_back(row("CLAWGATE_PARAM_POLICY", gateway_group, "default",
                    choice([](auto& c, auto*) -> auto& { return c.parameters; },
                           {{"default", param_policy::fill_in}, {"force", param_policy::force}}),
                    "default: sampling values are filled in where a request lacks them; force: always."));
    t.push_back(row("CLAWGATE_WORKERS", gateway_group, "0",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.workers; }, 0, 256, "threads"),
                    "Worker threads; 0 = one for each core."));
    t.push_back(row("CLAWGATE_AGENT_MEMORY_MB", gateway_group, "4096",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.agent_memory_mb; }, 0, 1'048'576, "MiB"),
                    "Memory of one agent with everything that it starts; an agent that needs more is "
                    "restarted. At least 1024, or 0 = no limit."));
    t.push_back(row("CLAWGATE_AGENT_PROCESSES", gateway_group, "1024",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.agent_processes; }, 128, 1'000'000),
                    "How many processes and threads one agent may have, where it has a user of its own."));
    t.push_back(row("CLAWGATE_DRAIN_SECONDS", gateway_group, "5",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.drain; }, 0, 3600, "seconds"),
                    "How long running requests may take to end after SIGTERM."));
    t.push_back(row("CLAWGATE_LOG_FORMAT", gateway_group, "text",
                    choice([](auto& c, auto*) -> auto& { return c.format; },
                           {{"text", log_format::text}, {"json", log_format::json}}),
                    "Log lines for people, or one JSON object a line."));
    t.push_back(row("CLAWGATE_DEMO", gateway_group, "false",
                    boolean([](auto& c, auto*) -> auto& { return c.demo; }),
                    "The bundled demo model answers, and every page says that its answers are canned. Set by "
                    "`clawgate prepare --demo`."));
}

void add_state(std::vector<option>& t) {
    t.push_back(row(
        "CLAWGATE_STATE_ON_VOLUME", state_group, "auto",
        choice([](auto& c, auto*) -> auto& { return c.state_on_volume; },
               {{"auto", state_place::automatic}, {"on", state_place::volume}, {"off", state_place::local}}),
        "Whether the agents work directly on the workspace's volume. auto: yes, unless the volume "
        "is not safe for SQLite; off: they work on local disk, with snapshots to the volume."));
    t.push_back(row("CLAWGATE_LOCAL_STATE", state_group, "",
                    text(
                        [](auto& c, auto*) -> auto& { return c.local_state; }, "path", check_absolute_path),
                    "Folder on local disk for that; empty = /var/lib/clawgate/state for root, otherwise in "
                    "the run directory.",
                    {.example = "/var/lib/clawgate/state"}));
    t.push_back(row("CLAWGATE_SNAPSHOT_MINUTES", state_group, "10",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.snapshot_interval; }, 1, 1440, "minutes"),
                    "Time between two snapshots to the volume: at most so much is lost when the machine "
                    "fails. One more is made when the pod stops."));
}

void add_network(std::vector<option>& t) {
    t.push_back(row("CLAWGATE_BIND", network_group, "0.0.0.0",
                    text(
                        [](auto& c, auto*) -> auto& { return c.bind; }, "IP address", check_ip_literal),
                    "Interface of the dashboards and of the control port."));
    t.push_back(row("CLAWGATE_CONTROL_PORT", network_group, "",
                    port([](auto& c, auto*) -> auto& { return c.control_port; }),
                    "Port of the control pages; empty = the port after the last agent's.",
                    {.example = "18800"}));
    t.push_back(
        row("CLAWGATE_AGENT_BACKENDS", network_group, "",
            list(
                [](auto& c, auto*) -> auto& { return c.agent_backends; }, "list of URLs", backend_entry),
            "Where the agents listen, one http://host:port for each agent, separated by commas; empty = "
            "127.0.0.1, ports 20000, 20200, 20400 …",
            {.example = "http://127.0.0.1:20000,http://127.0.0.1:20200,http://127.0.0.1:20400"}));
    t.push_back(
        row("CLAWGATE_ALLOWED_ORIGINS", network_group, "",
            list(
                [](auto& c, auto*) -> auto& { return c.allowed_origins; }, "list of origins", origin_entry),
            "Further web origins that may use the dashboards, separated by commas. RunPod's proxy and "
            "localhost are allowed without being named.",
            {.example = "https://agents.example.com"}));
    t.push_back(row("CLAWGATE_TRUSTED_PROXIES", network_group,
                    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7,fe80::/10",
                    list(
                        [](auto& c, auto*) -> auto& { return c.trusted_proxies; }, "list of CIDR blocks",
                        cidr_entry, "none"),
                    "Peers whose CF-Connecting-IP and X-Forwarded-For are believed; none = nobody. Loopback "
                    "only if it is "
                    "named here."));
    t.push_back(row("CLAWGATE_TLS_CERT", network_group, "",
                    text(
                        [](auto& c, auto*) -> auto& { return c.tls_cert; }, "path", check_absolute_path),
                    "Certificate chain (PEM) for serving HTTPS; needs CLAWGATE_TLS_KEY.",
                    {.example = "/workspace/tls/cert.pem"}));
    t.push_back(row("CLAWGATE_TLS_KEY", network_group, "",
                    text(
                        [](auto& c, auto*) -> auto& { return c.tls_key; }, "path", check_absolute_path),
                    "Its private key (PEM); needs CLAWGATE_TLS_CERT.",
                    {.example = "/workspace/tls/key.pem"}));
}

void add_sessions(std::vector<option>& t) {
    t.push_back(row(
        "CLAWGATE_PASSWORD_HASH", session_group, "",
        secret_text(
            [](auto& c, auto*) -> auto& { return c.password_hash; }, "argon2id hash", check_password_hash),
        "The password as an argon2id hash, instead of OPENCLAW_WEB_PASSWORD; make it with "
        "`clawgate hash-password`.",
        {.example = "'$argon2id$v=19$…'", .is_secret = true}));
    t.push_back(row("CLAWGATE_SESSION_IDLE_HOURS", session_group, "24",
                    hours(
                        [](auto& c, auto*) -> auto& { return c.session_idle; }, 0.001, 8760),
                    "A login ends after so long without use."));
    t.push_back(row("CLAWGATE_SESSION_HOURS", session_group, "168",
                    hours(
                        [](auto& c, auto*) -> auto& { return c.session_lifetime; }, 0.001, 8760),
                    "A login ends after so long in any case."));
    t.push_back(
        row("CLAWGATE_MAX_BODY_MB", session_group, "100", body_limit(), "Largest request body, in MiB."));
    t.push_back(row("CLAWGATE_MAX_CONNECTIONS_PER_CLIENT", session_group, "256",
                    integer(
                        [](auto& c, auto*) -> auto& { return c.max_connections_per_client; }, 1, 65'535),
                    "Connections at once from one client address, on this machine itself of one user; behind a "
                    "trusted proxy its requests and WebSockets (the proxy itself may have sixteen times as many "
                    "connections)."));
}

std::vector<option> make_table() {
    std::vector<option> t;
    add_agents(t);
    add_sampling(t);
    add_behaviour(t);
    add_ollama(t);
    add_gateway(t);
    add_state(t);
    add_network(t);
    add_sessions(t);
    return t;
}

} // namespace

std::span<const option> option_table() {
    static const std::vector<option> table = make_table();
    return table;
}

const option* find_option(std::string_view name) {
    const auto table = option_table();
    const auto found =
        std::find_if(table.begin(), table.end(), [&](const option& o) { return o.name == name; });
    return found == table.end() ? nullptr : &*found;
}

std::string override_name(const option& o, int agent) {
    static constexpr std::string_view program_prefix = "OPENCLAW_";
    return "OPENCLAW_AGENT_" + std::to_string(agent) + '_' +
           std::string{o.name.substr(program_prefix.size())};
}

} // namespace clawgate
