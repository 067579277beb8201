#pragma once
// An agent's openclaw.json. It belongs to three: keys that prepare owns are set at every start, keys that
// come from variables are set when absent or when their variable is given, and the rest, which the dashboard
// writes, is the user's and stays. Pure.

#include "core/config.hpp"
#include "core/secret.hpp"
#include "pod/layout.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

namespace clawgate::pod {

/// What the agent's file should hold now. `existing` is what it holds (null or an empty object when there is
/// none).
[[nodiscard]] nlohmann::json merge_agent_config(nlohmann::json existing, const config& c,
                                                const agent_options& a, const layout& l, const secret& token);

/// Whether the model's family thinks, by its name. A wrong guess costs nothing but the setting's default: the
/// user's own value of `reasoning` stays.
[[nodiscard]] bool is_thinking_model(std::string_view model);

} // namespace clawgate::pod
