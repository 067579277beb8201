#pragma once
// Every variable in ONE table: name, group, kind, default, range, help, secret or not, per-agent override or
// not. It drives parsing, checking, `--help`, docs/configuration.md and the masking of values in logs.

#include "core/config.hpp"
#include "core/error.hpp"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate {

using environment = std::map<std::string, std::string, std::less<>>;

struct option {
    std::string_view name;  ///< OPENCLAW_TEMPERATURE
    std::string_view group; ///< heading in the documentation: "Agents", "Sent with each model request", …
    std::string type;       ///< shown to people: "integer", "on / off", "port", "list of origins", …
    std::string_view default_value; ///< as a user would write it; empty = none
    std::string range;              ///< shown to people: "0–2", "1–10"; empty = any
    std::string_view help;          ///< one sentence
    std::string_view example;       ///< a valid value; never a usable secret
    bool is_secret = false;
    bool per_agent = false; ///< OPENCLAW_AGENT_<n>_… exists
    /// Checks the text and stores it; returns what is wrong, or an empty string. `target` is null for a
    /// variable of the whole program, and the agent to change for a per-agent override.
    std::function<std::string(config&, agent_options* target, std::string_view text)> apply;
    /// The effective value as a user would write it; a secret is masked. `of` as `target` above.
    std::function<std::string(const config&, const agent_options* of)> show;
};

/// The table, in the order of the documentation.
[[nodiscard]] std::span<const option> option_table();

/// One mistake. `message` never repeats a secret's value.
struct problem {
    std::string variable;
    std::string message; ///< what is wrong and what to do
};

struct load_outcome {
    config value;                  ///< valid only when problems is empty
    std::vector<problem> problems; ///< ALL mistakes
    std::vector<std::string> warnings;
};

/// The row of `name`, or null. Does not know overrides.
[[nodiscard]] const option* find_option(std::string_view name);

/// OPENCLAW_AGENT_<agent>_<suffix>, the override of `o` for one agent.
[[nodiscard]] std::string override_name(const option& o, int agent);

/// The environment of this process.
[[nodiscard]] environment process_environment();

/// Reads KEY=VALUE lines (comments with #, optional `export `, optional quotes). A missing file is an empty
/// map. Lines that are not understood come back as problems.
[[nodiscard]] environment read_env_file(const std::string& path, std::vector<problem>& problems);

/// Checks everything and reports all mistakes at once; changes no global state. Does not read files: `env` is
/// what load_config() below merged. A variable whose value is empty counts as not set.
[[nodiscard]] load_outcome parse_config(const environment& env);

/// process environment < the environment file (not read, with a warning, if an agent can have put it there) < `over`.
[[nodiscard]] load_outcome load_config(const environment& process, const environment& over = {});

/// All problems as one message for a terminal, one line each, ending with where the variables are documented.
[[nodiscard]] std::string describe(const std::vector<problem>& problems);

/// The effective configuration as `NAME = value (default | given | planned for the GPU)` lines; secrets
/// masked.
[[nodiscard]] std::string print_config(const config& c);

/// docs/configuration.md.
[[nodiscard]] std::string configuration_markdown();

} // namespace clawgate
