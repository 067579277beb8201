#include "core/options_checks.hpp"

#include "core/model_names.hpp"
#include "core/net_names.hpp"
#include "core/options_values.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace clawgate::checks {
namespace {

void add_problem(load_outcome& out, std::string_view variable, std::string message) {
    out.problems.push_back({std::string{variable}, std::move(message)});
}

// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

bool is_glm(const std::string& model) {
    const auto name = lower(model);
    return name.find("glm-4.7") != name.npos || name.find("glm4.7") != name.npos;
}

// The variable that decides a value of `agent`: its override, where one was given.
std::string deciding_variable(const config& c, const agent_options& agent, std::string_view name) {
    const auto* row = find_option(name);
    auto own = override_name(*row, agent.number);
    return c.is_given(own) ? own : std::string{name};
}

void check_agent(const agent_options& agent, load_outcome& out, std::set<std::string>& told) {
    const auto& c = out.value;
    const auto& b = agent.behaviour;
    const auto soft = deciding_variable(c, agent, "OPENCLAW_SOFT_TRIM_RATIO");
    const auto hard = deciding_variable(c, agent, "OPENCLAW_HARD_CLEAR_RATIO");
    if (b.soft_trim_ratio > b.hard_clear_ratio && !has_problem(out, soft) && !has_problem(out, hard) &&
        told.insert(soft + hard).second)
        add_problem(out, soft,
                    values::format_decimal(b.soft_trim_ratio) + " is greater than " + hard + " (" +
                        values::format_decimal(b.hard_clear_ratio) +
                        "); results are shortened before they are cleared");
    const auto warn_once = [&](std::string text) {
        if (told.insert(text).second) out.warnings.push_back(std::move(text));
    };
    const auto penalty = deciding_variable(c, agent, "OPENCLAW_REPEAT_PENALTY");
    if (is_glm(agent.model) && agent.sampling.repeat_penalty != 1.0)
        warn_once(penalty + " is " + values::format_decimal(agent.sampling.repeat_penalty) + ", but " +
                  agent.model + " works properly with 1.0 only; 1.0 is sent for it");
    const auto context = deciding_variable(c, agent, "OPENCLAW_CONTEXT_TOKENS");
    if (b.context_tokens > c.num_ctx)
        warn_once(context + " (" + std::to_string(b.context_tokens) +
                  ") is more than the model's context window, "
                  "OPENCLAW_NUM_CTX (" +
                  std::to_string(c.num_ctx) + "); the window is the limit");
    const auto password = deciding_variable(c, agent, "OPENCLAW_WEB_PASSWORD");
    const auto length = agent.password.reveal().size();
    if (length > 0 && length < 8) warn_once(password + " is shorter than 8 characters");
    const auto model = deciding_variable(c, agent, "OPENCLAW_MODEL");
    if (agent.model.ends_with("cloud") && agent.model.find(':') != agent.model.npos)
        warn_once(model + " names a cloud model: conversations would leave this machine");
}

void check_models(load_outcome& out) {
    const auto& c = out.value;
    // Without a number of the user's the server gets room for all of them.
    if (!c.is_given("OLLAMA_MAX_LOADED_MODELS") || has_problem(out, "OLLAMA_MAX_LOADED_MODELS")) return;
    const auto models = chat_models(c);
    const auto most = static_cast<std::size_t>(c.ollama.max_loaded_models);
    if (most != 0 && models.size() > most) {
        std::string names;
        for (const auto& m : models)
            names += (names.empty() ? "" : ", ") + m;
        add_problem(out, "OLLAMA_MAX_LOADED_MODELS",
                    "is " + std::to_string(most) + ", but the agents use " + std::to_string(models.size()) +
                        " different models (" + names + "), which would evict each other; set it to " +
                        std::to_string(models.size() + 1) +
                        " (the embedding model needs room too), leave it empty, or use fewer models");
    } else if (!has_room_for_embedding(c)) {
        out.warnings.push_back("OLLAMA_MAX_LOADED_MODELS is " + std::to_string(most) +
                               ": every memory search loads " + c.embed_model +
                               " and pushes the chat model out of GPU memory, which takes minutes to come "
                               "back; leave the variable empty, or set it to " +
                               std::to_string(models.size() + 1));
    }
}

bool is_alphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

} // namespace

bool has_problem(const load_outcome& out, std::string_view variable) {
    return std::any_of(out.problems.begin(), out.problems.end(),
                       [&](const problem& p) { return p.variable == variable; });
}

std::string quoted_value(std::string_view value) {
    static constexpr std::size_t longest = 120;
    std::string shown{value.substr(0, longest)};
    // http://user:password@host, or the same without its scheme
    if (const auto at = value.rfind('@'); at != value.npos) {
        const auto scheme = value.substr(0, at).find("://");
        const auto begin = scheme == value.npos ? 0 : scheme + 3;
        shown = std::string{value.substr(0, begin).substr(0, longest)} + "***" +
                std::string{value.substr(at, longest)};
    }
    std::string out = "'";
    static constexpr char hex[] = "0123456789abcdef";
    for (const char c : shown) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        else
            out += c;
    }
    return out + (value.size() > longest ? "…'" : "'");
}

std::string suggestion(std::string_view name) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, name.size() / 5) + 1;
    const auto consider = [&](std::string candidate) {
        const auto distance = edit_distance(name, candidate);
        if (distance >= best_distance) return;
        best_distance = distance;
        best = std::move(candidate);
    };
    for (const auto& o : option_table()) {
        consider(std::string{o.name});
        if (!o.per_agent) continue;
        for (int agent = 1; agent <= max_agents; ++agent)
            consider(override_name(o, agent));
    }
    return best.empty() ? "" : " Did you mean " + best + "?";
}

void check_unknown_names(const environment& env, load_outcome& out) {
    for (const auto& [name, value] : env) {
        if (find_option(name) != nullptr || name.starts_with("OPENCLAW_AGENT_")) continue;
        // The scripts' own (tests/run.sh, tests/e2e): inherited by what they start.
        if (name == "CLAWGATE_BUILD_DIR" || name.starts_with("CLAWGATE_E2E_")) continue;
        if (name.starts_with("CLAWGATE_"))
            add_problem(out, name, "is not known." + suggestion(name));
        else if (name.starts_with("OPENCLAW_") || name.starts_with("OLLAMA_"))
            out.warnings.push_back(name + " is not a variable of Clawgate and is ignored." +
                                   suggestion(name));
    }
}

void settle_password(load_outcome& out) {
    auto& c = out.value;
    if (has_problem(out, "OPENCLAW_WEB_PASSWORD") || has_problem(out, "CLAWGATE_PASSWORD_HASH")) return;
    if (c.password.empty() && c.password_hash.empty()) {
        add_problem(
            out, "OPENCLAW_WEB_PASSWORD",
            "is required and not set. Choose the password of the dashboards and start with "
            "OPENCLAW_WEB_PASSWORD='your password' in the environment (on RunPod: the pod's environment "
            "variables); or set CLAWGATE_PASSWORD_HASH to what 'clawgate hash-password' prints");
        return;
    }
    if (!c.password.empty() && !c.password_hash.empty()) {
        out.warnings.emplace_back(
            "both OPENCLAW_WEB_PASSWORD and CLAWGATE_PASSWORD_HASH are set: the hash is used, "
            "the plain password is ignored and better removed");
        c.password = secret{};
    }
    const auto text = c.password.reveal();
    if (text.starts_with(' ') || text.ends_with(' '))
        out.warnings.emplace_back("OPENCLAW_WEB_PASSWORD begins or ends with a space, which counts");
}

void read_runpod(const environment& env, load_outcome& out) {
    static constexpr std::string_view port_prefix = "RUNPOD_TCP_PORT_";
    auto& runpod = out.value.runpod;
    const auto ignore = [&](std::string_view name, std::string_view value, std::string_view wanted) {
        out.warnings.push_back(std::string{name} + " is ignored: " + quoted_value(value) + " is not " +
                               std::string{wanted});
    };
    if (const auto id = env.find("RUNPOD_POD_ID"); id != env.end() && !id->second.empty()) {
        const bool valid =
            id->second.size() <= 63 && std::all_of(id->second.begin(), id->second.end(), is_alphanumeric);
        if (valid)
            runpod.pod_id = lower(id->second); // it becomes a host name in origins
        else
            ignore(id->first, id->second, "a pod id (letters and digits)");
    }
    if (const auto ip = env.find("RUNPOD_PUBLIC_IP"); ip != env.end() && !ip->second.empty()) {
        if (is_ip_literal(ip->second))
            runpod.public_ip = ip->second;
        else
            ignore(ip->first, ip->second, "an IP address");
    }
    for (auto it = env.lower_bound(port_prefix); it != env.end() && it->first.starts_with(port_prefix);
         ++it) {
        const auto inside = parse_port(std::string_view{it->first}.substr(port_prefix.size()));
        const auto outside = parse_port(it->second);
        if (inside && outside)
            runpod.tcp_ports.emplace_back(*inside, *outside);
        else
            ignore(it->first, it->second, "a port, or its name does not end in one");
    }
    std::sort(runpod.tcp_ports.begin(), runpod.tcp_ports.end());
    if (const auto count = env.find("RUNPOD_GPU_COUNT"); count != env.end() && !count->second.empty()) {
        const auto number = values::parse_integer(count->second);
        if (number && *number >= 0 && *number <= 1024)
            runpod.gpu_count = static_cast<int>(*number);
        else
            ignore(count->first, count->second, "a number of GPUs");
    }
}

void check_ports(load_outcome& out) {
    for (const auto* name : {"OPENCLAW_NUM_AGENTS", "OPENCLAW_BASE_PORT", "CLAWGATE_CONTROL_PORT",
                             "OLLAMA_PORT", "CLAWGATE_OLLAMA_URL", "CLAWGATE_AGENT_BACKENDS"})
        if (has_problem(out, name)) return;
    const auto& c = out.value;
    // Who took a port, as "variable (what it is)". Interfaces are not told apart: a listener on every
    // interface takes the loopback port too.
    std::map<std::string, std::string> taken;
    const auto take = [&](const std::string& address, std::string_view variable, const std::string& what) {
        const auto [place, fresh] = taken.emplace(address, what);
        if (!fresh)
            add_problem(out, variable,
                        "port " + address + " is wanted twice: for " + place->second + " and for " + what);
    };
    const auto on_this_machine = [](std::string_view host) {
        return is_loopback_host(host) || is_unspecified_host(host);
    };
    for (const auto& agent : c.agents)
        take(std::to_string(agent.port), "OPENCLAW_BASE_PORT", "the dashboard of " + agent.name);
    take(std::to_string(c.control_port), "CLAWGATE_CONTROL_PORT", "the control port (CLAWGATE_CONTROL_PORT)");
    take(std::to_string(c.ollama.port), "OLLAMA_PORT", "the model API (OLLAMA_PORT)");
    const auto ollama = parse_http_url(c.ollama.url);
    if (ollama && on_this_machine(ollama->host))
        take(std::to_string(ollama->port), "CLAWGATE_OLLAMA_URL", "the Ollama server (CLAWGATE_OLLAMA_URL)");
    for (const auto& agent : c.agents) {
        const auto port = std::to_string(agent.backend_port);
        const auto address = on_this_machine(agent.backend_host) ? port : agent.backend_host + ' ' + port;
        const bool derived = c.agent_backends.empty();
        take(address, derived ? "OPENCLAW_BASE_PORT" : "CLAWGATE_AGENT_BACKENDS",
             "the backend of " + agent.name);
    }
}

void check_combinations(load_outcome& out) {
    const auto& c = out.value;
    if (c.tls_cert.empty() != c.tls_key.empty() && !has_problem(out, "CLAWGATE_TLS_CERT") &&
        !has_problem(out, "CLAWGATE_TLS_KEY")) {
        const bool key_missing = c.tls_key.empty();
        add_problem(out, key_missing ? "CLAWGATE_TLS_KEY" : "CLAWGATE_TLS_CERT",
                    std::string{"is not set, but "} +
                        (key_missing ? "CLAWGATE_TLS_CERT" : "CLAWGATE_TLS_KEY") +
                        " is; set both for HTTPS, or none");
    }
    constexpr int least_memory = 1024; // OpenClaw alone takes most of it (facts/openclaw.md)
    if (c.agent_memory_mb != 0 && c.agent_memory_mb < least_memory &&
        !has_problem(out, "CLAWGATE_AGENT_MEMORY_MB"))
        add_problem(out, "CLAWGATE_AGENT_MEMORY_MB",
                    "is " + std::to_string(c.agent_memory_mb) + ", but an agent needs at least " +
                        std::to_string(least_memory) + " MiB (0 = no limit)");
    std::set<std::string> told; // problems and warnings that several agents share are given once
    for (const auto& agent : c.agents)
        check_agent(agent, out, told);
    check_models(out);
    const auto& cache = c.ollama.kv_cache_type;
    if (!c.ollama.flash_attention && cache != "f16" && cache != "f32" && cache != "bf16")
        out.warnings.push_back("OLLAMA_KV_CACHE_TYPE=" + cache +
                               " needs flash attention, but OLLAMA_FLASH_ATTENTION "
                               "is off; set it to 1, or the cache type to f16");
}

} // namespace clawgate::checks
