#pragma once
// What fake_agent thinks of a connect request: a decision without I/O.

#include "support/http_text.hpp"
#include "support/json_text.hpp"

#include <optional>
#include <string>

namespace clawgate::support {

class agent_state;

struct refusal {
    std::string code;    ///< of the error in the res
    std::string message; ///< of the error, and the close reason
    std::string detail;
};

/// Nothing when the request is good. In the order of the real one: protocol, origin, device, password,
/// pairing.
[[nodiscard]] std::optional<refusal> check_connect(const agent_state& state, const message_head& head,
                                                   const nlohmann::json& params, const std::string& nonce);

} // namespace clawgate::support
