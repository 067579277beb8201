#include "core/net_names.hpp"
#include "core/options.hpp"
#include "core/options_checks.hpp"
#include "core/options_values.hpp"
#include "core/vram_plan.hpp"

#include <algorithm>
#include <thread>

namespace clawgate {
namespace {

constexpr std::string_view override_prefix = "OPENCLAW_AGENT_";
constexpr std::string_view program_prefix = "OPENCLAW_";

// One message with what came, what is wrong, what is allowed and an example.
std::string complaint(const option& o, std::string_view variable, std::string_view value,
                      const std::string& wrong) {
    std::string out = o.is_secret ? "the value (not shown)" : checks::quoted_value(value);
    out += ' ' + wrong + '.';
    out += " Allowed: " + o.type + (o.range.empty() ? "" : ", " + o.range) + '.';
    if (!o.example.empty() && !o.is_secret)
        out += " Example: " + std::string{variable} + '=' + std::string{o.example};
    return out;
}

// The value of a variable that is set and not empty.
std::optional<std::string_view> value_of(const environment& env, std::string_view name) {
    const auto found = env.find(name);
    if (found == env.end() || found->second.empty()) return std::nullopt;
    return found->second;
}

void apply_value(const option& o, std::string_view variable, std::string_view value, agent_options* agent,
                 load_outcome& out) {
    if (auto wrong = o.apply(out.value, agent, value); !wrong.empty())
        out.problems.push_back({std::string{variable}, complaint(o, variable, value, wrong)});
    out.value.given.emplace(variable);
}

void apply_table(const environment& env, load_outcome& out) {
    for (const auto& o : option_table())
        if (!o.default_value.empty()) (void)o.apply(out.value, nullptr, o.default_value);
    for (const auto& o : option_table())
        if (const auto value = value_of(env, o.name)) apply_value(o, o.name, *value, nullptr, out);
}

// Names, ports and the program's own values; overrides come after.
void make_agents(load_outcome& out) {
    auto& c = out.value;
    for (std::size_t i = 0; i < c.agents.size(); ++i) {
        auto& agent = c.agents[i];
        agent.number = static_cast<int>(i) + 1;
        agent.name = c.agent_prefix + '_' + std::to_string(agent.number);
        agent.port = static_cast<std::uint16_t>(c.base_port + i);
        agent.backend_host = "127.0.0.1";
        agent.backend_port = static_cast<std::uint16_t>(20000 + 200 * i);
        agent.model = c.model;
        agent.password = c.password;
        agent.password_hash = c.password_hash;
        agent.sampling = c.sampling;
        agent.behaviour = c.behaviour;
    }
    const std::size_t last_port = c.base_port + c.agents.size() - 1;
    if (last_port > 65535)
        out.problems.push_back({"OPENCLAW_BASE_PORT", std::to_string(c.base_port) + " leaves no room for " +
                                                          std::to_string(c.agents.size()) +
                                                          " agents: the last port would be " +
                                                          std::to_string(last_port) + ", above 65535"});
    if (c.control_port == 0) {
        if (last_port == 65535)
            out.problems.push_back({"CLAWGATE_CONTROL_PORT",
                                    "the default, the port after the last agent's, would be "
                                    "65536; set it. Example: CLAWGATE_CONTROL_PORT=18800"});
        c.control_port = static_cast<std::uint16_t>(last_port + 1);
    }
}

void place_backends(load_outcome& out) {
    auto& c = out.value;
    if (c.agent_backends.empty() || checks::has_problem(out, "OPENCLAW_NUM_AGENTS")) return;
    if (c.agent_backends.size() != c.agents.size()) {
        out.problems.push_back({"CLAWGATE_AGENT_BACKENDS",
                                "names " + std::to_string(c.agent_backends.size()) + " backends for " +
                                    std::to_string(c.agents.size()) +
                                    " agents (OPENCLAW_NUM_AGENTS); name one for each, or leave it empty"});
        return;
    }
    for (std::size_t i = 0; i < c.agents.size(); ++i) {
        const auto url = parse_http_url(c.agent_backends[i]); // was checked when it was stored
        c.agents[i].backend_host = url->host;
        c.agents[i].backend_port = url->port;
    }
}

// All suffixes that may follow OPENCLAW_AGENT_<n>_.
std::string overridable_suffixes() {
    std::string out;
    for (const auto& o : option_table())
        if (o.per_agent) out += (out.empty() ? "" : ", ") + std::string{o.name.substr(program_prefix.size())};
    return out;
}

// What is wrong with the shape OPENCLAW_AGENT_<n>_<SUFFIX>, or the row and the agent's number.
struct override_target {
    const option* row = nullptr;
    int agent = 0;
    std::string wrong;
};

override_target find_override(std::string_view name) {
    const auto rest = name.substr(override_prefix.size());
    const auto underscore = rest.find('_');
    const auto number = rest.substr(0, underscore);
    const auto n = values::parse_integer(number);
    if (underscore == rest.npos || !n || *n < 0 || number.front() == '0' || number.front() == '-')
        return {nullptr, 0,
                "is not known; an override is named OPENCLAW_AGENT_<n>_<NAME>, for instance "
                "OPENCLAW_AGENT_2_TEMPERATURE." +
                    checks::suggestion(name)};
    const auto original = std::string{program_prefix} + std::string{rest.substr(underscore + 1)};
    const auto* row = find_option(original);
    if (row != nullptr && !row->per_agent)
        return {nullptr, 0, original + " holds for all agents and cannot be overridden for one"};
    if (row == nullptr)
        return {nullptr, 0,
                "is not known." + checks::suggestion(name) +
                    " Overrides exist for: " + overridable_suffixes()};
    return {row, static_cast<int>(std::min<std::int64_t>(*n, 1'000'000)), {}};
}

void apply_overrides(const environment& env, load_outcome& out) {
    auto& c = out.value;
    for (auto it = env.lower_bound(override_prefix);
         it != env.end() && it->first.starts_with(override_prefix); ++it) {
        const auto& [name, value] = *it;
        if (find_option(name) != nullptr) continue; // OPENCLAW_AGENT_PREFIX
        const auto target = find_override(name);
        if (!target.wrong.empty()) {
            out.problems.push_back({name, target.wrong});
            continue;
        }
        const auto count = static_cast<int>(c.agents.size());
        if (target.agent > count) {
            if (!checks::has_problem(out, "OPENCLAW_NUM_AGENTS"))
                out.problems.push_back({name, "there is no agent " + std::to_string(target.agent) +
                                                  ": OPENCLAW_NUM_AGENTS is " + std::to_string(count)});
            continue;
        }
        if (value.empty()) continue;
        auto& agent = c.agents[static_cast<std::size_t>(target.agent) - 1];
        apply_value(*target.row, name, value, &agent, out);
        if (target.row->name == "OPENCLAW_WEB_PASSWORD") agent.password_hash = secret{};
    }
}

} // namespace

load_outcome parse_config(const environment& env) {
    load_outcome out;
    auto& c = out.value;
    apply_table(env, out);
    checks::settle_password(out); // before the agents copy it
    make_agents(out);
    place_backends(out);
    apply_overrides(env, out);
    checks::check_unknown_names(env, out);
    checks::read_runpod(env, out);
    apply_plan(out); // before the checks: they judge what is in effect
    checks::check_ports(out);
    checks::check_combinations(out);
    if (c.workers == 0) c.workers = std::max(1u, std::thread::hardware_concurrency());
    if (c.env_file.empty()) c.env_file = c.workspace + "/.clawgate/env";
    return out;
}

} // namespace clawgate
