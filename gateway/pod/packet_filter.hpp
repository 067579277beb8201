#pragma once
// Who may open connections to the private ports of this machine: an nftables table that looks at the user of the
// socket. Agents on one machine share its loopback; without this only their secrets keep them apart.

#include "core/config.hpp"
#include "core/error.hpp"
#include "pod/confine.hpp"
#include "pod/layout.hpp"

#include <string>
#include <vector>

namespace clawgate::pod {

/// OpenClaw listens on its port, and on demand on some of those behind it (facts/openclaw.md).
inline constexpr std::uint16_t ports_of_an_agent = 120;

/// The ports that belong to one agent: up to the next port that somebody else has, and not beyond 65535.
[[nodiscard]] port_range ports_of(const config& c, const agent_options& a);

/// A private port, or several, and whom they belong to.
struct private_ports {
    port_range ports;
    owner whose;
};
/// Of every supervised agent, and of Ollama where it is on this machine. Empty when all share one user. Pure.
[[nodiscard]] std::vector<private_ports> private_ports_of(const config& c, const layout& l);

/// One table for each workspace: two pods on a machine must not undo each other's.
[[nodiscard]] std::string filter_table_name(const layout& l);

/// The table for `nft -f`, replacing an older one of its name. Only new connections are looked at, and only those
/// over loopback; root and the gateway may open all of them. Pure.
[[nodiscard]] std::string filter_rules(const config& c, const layout& l);

/// Runs `nft`. errc::not_found when it is not installed, errc::forbidden with its words when the system refuses, as
/// most containers do.
[[nodiscard]] result<void> set_packet_filter(const std::string& rules);

} // namespace clawgate::pod
