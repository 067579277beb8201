#include "support/fake_agent_connect.hpp"

#include "support/fake_agent_parts.hpp"

#include <algorithm>

namespace clawgate::support {

using json = nlohmann::json;

namespace {

bool is_control_ui(const json& params) {
    return string_of(member_of(member_of(params, "client"), "id")) == "openclaw-control-ui";
}

std::optional<refusal> check_origin(const agent_state& state, const message_head& head, const json& params) {
    const auto origin = head.get("origin");
    if (!origin && !is_control_ui(params)) return std::nullopt;
    const auto& allowed = state.options.allowed_origins;
    if (origin && (std::find(allowed.begin(), allowed.end(), "*") != allowed.end() ||
                   std::find(allowed.begin(), allowed.end(), lower(*origin)) != allowed.end())) {
        return std::nullopt;
    }
    return refusal{"INVALID_REQUEST",
                   "origin not allowed (open the Control UI from the gateway host or allow it in "
                   "gateway.controlUi.allowedOrigins)",
                   "CONTROL_UI_ORIGIN_NOT_ALLOWED"};
}

/// The real device signature covers the nonce and auth.token, not the password. Here a signature
/// "fake:<token>" stands for it: a proxy that touches the token makes it invalid, one that sets the
/// password does not.
std::optional<refusal> check_device(const json& params, const std::string& nonce) {
    const auto& device = member_of(params, "device");
    if (!device.is_object()) return std::nullopt;
    const auto& sent_nonce = member_of(device, "nonce");
    if (sent_nonce.is_string() && string_of(sent_nonce) != nonce) {
        return refusal{"INVALID_REQUEST", "device nonce mismatch", "DEVICE_AUTH_NONCE_MISMATCH"};
    }
    const auto signature = string_of(member_of(device, "signature"));
    if (signature.starts_with("fake:") &&
        signature.substr(5) != string_of(member_of(member_of(params, "auth"), "token"))) {
        return refusal{"INVALID_REQUEST", "device signature invalid", "DEVICE_AUTH_SIGNATURE_INVALID"};
    }
    return std::nullopt;
}

std::optional<refusal> check_password(const agent_state& state, const json& params) {
    const auto& password = member_of(member_of(params, "auth"), "password");
    const bool has_device = member_of(params, "device").is_object();
    const bool control_ui = is_control_ui(params);
    if (!password.is_string()) {
        if (!has_device && control_ui) {
            return refusal{"INVALID_REQUEST",
                           "control ui requires device identity (use HTTPS or localhost secure context)",
                           "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"};
        }
        if (!has_device) return refusal{"NOT_PAIRED", "device identity required", "DEVICE_IDENTITY_REQUIRED"};
        const std::string hint =
            control_ui ? "enter the password in Control UI settings" : "provide gateway auth password";
        return refusal{"INVALID_REQUEST", "unauthorized: gateway password missing (" + hint + ")",
                       "AUTH_PASSWORD_MISSING"};
    }
    if (password != state.options.secret) {
        const std::string hint = control_ui ? "enter the password in Control UI settings"
                                            : "use this gateway's gateway.auth.password";
        return refusal{"INVALID_REQUEST", "unauthorized: gateway password mismatch (" + hint + ")",
                       "AUTH_PASSWORD_MISMATCH"};
    }
    if (!has_device && control_ui) {
        return refusal{"INVALID_REQUEST",
                       "control ui requires device identity (use HTTPS or localhost secure context)",
                       "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"};
    }
    if (state.options.pairing_required) return refusal{"NOT_PAIRED", "pairing required", "PAIRING_REQUIRED"};
    return std::nullopt;
}

} // namespace

std::optional<refusal> check_connect(const agent_state& state, const message_head& head, const json& params,
                                     const std::string& nonce) {
    const auto protocol = number_of(member_of(params, "maxProtocol"), 4);
    if (protocol < 4) return refusal{"INVALID_REQUEST", "protocol mismatch", "PROTOCOL_MISMATCH"};
    if (auto r = check_origin(state, head, params)) return r;
    if (auto r = check_device(params, nonce)) return r;
    return check_password(state, params);
}

} // namespace clawgate::support
