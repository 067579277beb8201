#pragma once
// What the agent is shown instead of what the client sent: credentials, Host and Origin, and no trace of the
// proxies in between (facts/openclaw.md). Pure.

#include "core/error.hpp"
#include "core/secret.hpp"
#include "net/head_guard.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace clawgate::routing {

enum class authorization {
    keep,    ///< a cookie caller: the dashboard uses the agent's own device token there
    replace, ///< a caller with a credential of its own gets the agent's secret
    drop,    ///< neither: what came was ours to judge and is not the agent's to see
};

/// Everything about a request that the gateway decided, for the head the agent gets.
struct injection {
    std::string_view host;
    std::string_view origin;  ///< empty = none is sent
    std::string_view cookies; ///< without ours; empty = none is sent
    authorization credential = authorization::drop;
    const secret* agent_secret = nullptr; ///< for replace
    bool websocket = false;
};

/// The request head for the agent, with its empty line. Framing, Host, Connection and the fields of
/// `injection` are written by us; hop-by-hop fields (RFC 9110 section 7.6.1, those that Connection names
/// included), forwarding headers and Sec-WebSocket-Extensions are left out; all others pass in their order.
/// Appends to `out`.
void write_agent_request(const net::request_head& head, const injection& what, std::string& out);

/// The response head for the client, without its empty line and without Connection and framing, which the
/// caller adds. Hop-by-hop fields are left out, and what would act on more than the agent's own answer:
/// cookies that a browser would take for the gateway's, WWW-Authenticate (a browser would ask for the
/// password and keep it) and Clear-Site-Data (it would end the sessions of all ports of the host).
/// `drop_cors`: also Access-Control-*, because the gateway writes its own.
void write_client_fields(const net::response_head& head, bool drop_cors, std::string& out);

/// The password in a `connect` request's params.auth.password, if that is what `message` is.
[[nodiscard]] std::optional<secret> connect_password(std::string_view message);

/// `message` with params.auth.password set to `agent_secret`, whatever the client sent there; everything else
/// is kept (the device signature covers the token, not the password). A message that is not a `connect`
/// request comes back as it is: the agent refuses it in its own words. errc::bad_request when it is not JSON
/// at all.
[[nodiscard]] result<std::string> with_connect_password(std::string_view message, const secret& agent_secret);

} // namespace clawgate::routing
