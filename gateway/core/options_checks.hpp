#pragma once
// The second half of parse_config(): what no single variable can decide. Each function adds to `out`.

#include "core/options.hpp"

#include <string_view>

namespace clawgate::checks {

/// True when `variable` is already among the problems: what depends on it would only add noise.
[[nodiscard]] bool has_problem(const load_outcome& out, std::string_view variable);

/// `value` as an error may repeat it: quoted, escaped, shortened, without the user info of a URL.
[[nodiscard]] std::string quoted_value(std::string_view value);

/// The known name nearest to `name`, as " Did you mean X?", or nothing when none is near.
[[nodiscard]] std::string suggestion(std::string_view name);

/// Names that begin like ours and are not: problems (CLAWGATE_) or warnings (OPENCLAW_, OLLAMA_).
void check_unknown_names(const environment& env, load_outcome& out);

/// A password or a hash; the hash wins.
void settle_password(load_outcome& out);

/// RUNPOD_POD_ID, RUNPOD_PUBLIC_IP, RUNPOD_TCP_PORT_<n> and RUNPOD_GPU_COUNT; a bad one is ignored with a
/// warning. No other RUNPOD_ variable is looked at, the API key least of all.
void read_runpod(const environment& env, load_outcome& out);

/// No two listeners or backends on one port.
void check_ports(load_outcome& out);

/// Everything else that concerns more than one variable. Call it last.
void check_combinations(load_outcome& out);

} // namespace clawgate::checks
