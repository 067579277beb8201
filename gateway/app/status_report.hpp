#pragma once
// What goes on in the pod, as the JSON of GET /api/v1/status (docs/api.md). Pure: it is given what is known.

#include "app/pod_watch.hpp"
#include "app/turn_queue.hpp"
#include "ollama_client/model_keeper.hpp"
#include "ollama_client/usage.hpp"

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <string_view>

namespace clawgate::app {

/// The models and what is done to bring them to "ready".
[[nodiscard]] nlohmann::json report_models(const ollama::keeper_status& k, steady_time now);

/// Who waits for the model and who is served. Flows that are no agent's are people's; theirs are not told apart,
/// because a flow has what tells a session or an address.
[[nodiscard]] nlohmann::json report_queue(const turn_queue& q, const std::set<std::string>& agents);

[[nodiscard]] nlohmann::json report_usage(const ollama::usage_book& u);

/// The notices and events of the pod, into `to`; `status` may be null: nothing looks after it.
void report_pod(nlohmann::json& to, const pod_status* status);

/// "ready", "starting" (it never was), "down" (it was).
[[nodiscard]] std::string_view agent_state(bool ready, bool ever_up) noexcept;

} // namespace clawgate::app
