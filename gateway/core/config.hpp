#pragma once
// The whole configuration as one plain struct. Its fields are filled by core/options.hpp's table and by
// nothing else; nobody else reads the environment. A loaded config is immutable and shared between threads.

#include "core/gpu.hpp"
#include "core/secret.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawgate {

inline constexpr int max_agents = 10;

enum class pruning_mode { off, adaptive, aggressive };
enum class param_policy { fill_in, force }; ///< spelled "default" and "force"
enum class log_level { trace, debug, info, warn, error };
enum class log_format { text, json };
enum class state_place { automatic, volume, local }; ///< spelled "auto", "on" and "off" (the volume)

/// Sent with each model request. Overridable per agent.
struct sampling_options {
    double temperature = 0.7;    ///< 0–2
    double top_p = 0.95;         ///< 0–1
    double repeat_penalty = 1.0; ///< stays 1.0 for GLM-4.7
    int max_tokens = 32768;      ///< num_predict, tokens
};

/// How an agent behaves. Overridable per agent.
struct behaviour_options {
    bool thinking = true;
    bool verbose = false;
    bool elevated = true;
    int context_tokens = 131072; ///< limit of a conversation's context, tokens
    std::chrono::seconds timeout{600};
    int max_concurrent = 3; ///< model requests at once
    pruning_mode pruning = pruning_mode::adaptive;
    int keep_last_assistants = 3;
    double soft_trim_ratio = 0.3;
    double hard_clear_ratio = 0.5;
};

struct agent_options {
    int number = 1;           ///< 1-based
    std::string name;         ///< prefix_number, for instance agent_1
    std::uint16_t port = 0;   ///< public port of the dashboard
    std::string backend_host; ///< IP literal or host name of the OpenClaw instance
    std::uint16_t backend_port = 0;
    std::string model;
    secret password;      ///< empty when a hash is given
    secret password_hash; ///< argon2id in PHC form, or empty
    sampling_options sampling;
    behaviour_options behaviour;
};

struct ollama_options {
    int num_parallel = 4;
    std::string kv_cache_type = "q8_0";
    int num_gpu = 999;
    std::string keep_alive = "-1"; ///< as given: integer seconds or a Go duration; negative = for ever
    bool flash_attention = true;
    int max_loaded_models = 1;
    int context_length = 131072;
    int max_queue = 512;
    std::string host = "0.0.0.0"; ///< interface of the model API
    std::uint16_t port = 11434;
    int debug = 0;                              ///< 0, 1 debug, 2 trace
    std::string url = "http://127.0.0.1:11430"; ///< the real server, behind the gateway
};

/// When silence on the model API is broken by a sign of life. Not options: tests shorten them.
struct silence_limits {
    std::chrono::milliseconds stream{15'000}; ///< proxies and clients give up on longer ones
    std::chrono::milliseconds first{30'000};  ///< before an answer of one object: it commits to status 200
};

/// The longest that each phase of a connection may take (docs/architecture.md). Not options: tests shorten
/// them.
struct phase_limits {
    std::chrono::seconds tls_handshake{10};
    std::chrono::seconds next_request{75};    ///< until the first byte of a head
    std::chrono::seconds head{10};            ///< the rest of it
    std::chrono::seconds form{10};            ///< the whole of a form for the gateway
    std::chrono::seconds desk{30};            ///< a verdict about a password
    std::chrono::seconds upstream_connect{5}; ///< to the agent
    std::chrono::seconds page{20};            ///< an agent's answer to a navigation: then the waiting page
    std::chrono::seconds agent{0}; ///< any other answer, and a pause in it; 0 = by the agents' own limits
    std::chrono::seconds client_bytes{60};     ///< the client takes or sends more of a body
    std::chrono::seconds lingering{2};         ///< reading on after a refusal
    std::chrono::seconds first_message{20};    ///< of a tunnel
    std::chrono::seconds stranger_message{10}; ///< the same, without a credential
    std::chrono::seconds tunnel_write{60};     ///< one side of a tunnel takes no bytes
};

struct runpod_facts {
    std::string pod_id;    ///< RUNPOD_POD_ID, or empty outside RunPod
    std::string public_ip; ///< RUNPOD_PUBLIC_IP
    std::vector<std::pair<std::uint16_t, std::uint16_t>> tcp_ports; ///< RUNPOD_TCP_PORT_<inside> = outside
    std::optional<int> gpu_count; ///< RUNPOD_GPU_COUNT; a restarted pod can come back with none
};

struct config {
    // Agents
    std::string agent_prefix = "agent";
    std::uint16_t base_port = 18790;
    std::vector<agent_options> agents; ///< 1–10, in order
    int agent_memory_mb = 4096;  ///< of one agent with everything that it starts; 0 = no limit
    int agent_processes = 1024;  ///< of one agent, threads included
    bool model_auto_pull = true;
    bool warmup_enabled = true;
    int num_ctx = 131072;                       ///< context window of the shared model, tokens
    std::string model = "glm-4.7-flash:latest"; ///< of an agent without an override, as are the next two
    sampling_options sampling;
    behaviour_options behaviour;
    /// The password (or hash) of the control port and the model API; agents have their own copy or override.
    secret password;
    secret password_hash;

    ollama_options ollama;
    std::optional<std::vector<gpu>> gpus; ///< CLAWGATE_GPU; empty list = there is none, nullopt = not known
    std::string gpu_preset = "auto";      ///< or "none", or the name of one of gpu_presets()
    silence_limits silence;
    std::string embed_model = "nomic-embed-text";
    param_policy parameters = param_policy::fill_in;

    // The gateway's own
    std::string workspace = "/workspace";
    std::string bind = "0.0.0.0"; ///< IP literal of every public listener
    std::vector<std::string>
        agent_backends;             ///< http://host:port of each agent; empty = derived loopback ports
    std::uint16_t control_port = 0; ///< never 0 after loading: default is the port after the last agent's
    std::vector<std::string>
        allowed_origins; ///< normalised: scheme://host[:port], lower case, no default port
    std::vector<std::string> trusted_proxies;             ///< CIDR blocks
    unsigned workers = 0;                                 ///< threads; 0 was replaced by the number of cores
    std::chrono::seconds session_lifetime{7 * 24 * 3600}; ///< absolute
    std::chrono::seconds session_idle{24 * 3600};
    std::uint64_t max_body_bytes = 100ull << 20; ///< of a request, decoded
    unsigned max_connections_per_client = 256;
    phase_limits phases;
    std::string tls_cert; ///< PEM files; both or none
    std::string tls_key;
    std::chrono::seconds drain{5};
    log_level level = log_level::info;
    log_format format = log_format::text;
    bool demo = false;    ///< the bundled demo model answers: every page says so
    std::string env_file; ///< path; default <workspace>/.clawgate/env

    // Where the agents' state lives (docs/decisions/0012-snapshots-on-network-volumes.md)
    state_place state_on_volume = state_place::automatic;
    std::string local_state; ///< path; empty = by the user and the workspace (pod/layout.hpp)
    std::chrono::minutes snapshot_interval{10};

    runpod_facts runpod;

    /// Names of the variables that the user gave (environment or file), overrides included.
    std::set<std::string, std::less<>> given;
    [[nodiscard]] bool is_given(std::string_view name) const { return given.contains(name); }
    /// Names of the variables whose value was chosen for the GPU (core/vram_plan.hpp); none of them is given.
    std::set<std::string, std::less<>> planned;
    [[nodiscard]] bool is_planned(std::string_view name) const { return planned.contains(name); }
};

} // namespace clawgate
