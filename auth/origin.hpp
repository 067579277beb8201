#pragma once
// Which web origins may speak to a port. Never compared with a host name that merely arrived: behind RunPod's
// proxy the Host header is an internal address (facts/runpod.md). Pure; made once per port at start.

#include "core/config.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::auth {

/// RFC 6454 / Fetch "serialized origin": scheme://host[:port]. Lower-cased, default port dropped. Nothing for
/// "null", a path, user info, an unknown scheme, a bad port, or anything else that is not exactly an origin.
[[nodiscard]] std::optional<std::string> normalise_origin(std::string_view text);

class origin_policy {
public:
    /// `port` is the public port whose origins these are.
    origin_policy(const config& c, std::uint16_t port);

    /// True when `origin` names a public address of this port. `host` is the Host field that came with it and
    /// counts only where it is an IP literal equal to the origin's authority.
    [[nodiscard]] bool allows(std::string_view origin, std::string_view host) const;

    /// All exact public addresses, most public first (RunPod's proxy, RunPod's TCP port, configured origins
    /// that belong to this port, localhost, loopback literals). This is also the agent's own allow-list.
    [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }

    /// The address to present to the agent when a request's own is not in addresses().
    [[nodiscard]] const std::string& canonical() const { return addresses_.front(); }

    /// What the agent should see. `origin` empty = none came: only the host is decided then.
    struct presented {
        std::string_view origin; ///< empty when none came
        std::string_view host;
    };
    [[nodiscard]] presented present(std::string_view origin, std::string_view host) const;

private:
    std::vector<std::string> addresses_;
    std::vector<std::string> authorities_; ///< addresses_ without the scheme, same order
    std::uint16_t port_;
};

} // namespace clawgate::auth
