#include "auth/origin.hpp"

#include "auth/text.hpp"

#include "core/net_names.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>

namespace clawgate::auth {
namespace {

struct parts {
    std::string_view scheme;
    std::string_view host; ///< IPv6 in brackets
    std::uint16_t port = 0;
};

/// Of an authority, or of a normalised origin after its scheme.
std::optional<parts> split_authority(std::string_view scheme, std::string_view authority) {
    parts out{scheme, authority, static_cast<std::uint16_t>(scheme == "https" ? 443 : 80)};
    const auto colon = authority.rfind(':');
    const auto bracket = authority.rfind(']');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return out;
    const auto port = parse_port(authority.substr(colon + 1));
    if (!port) return std::nullopt;
    out.host = authority.substr(0, colon);
    out.port = *port;
    return out;
}

std::optional<parts> split_origin(std::string_view normalised) {
    const auto separator = normalised.find("://");
    if (separator == std::string_view::npos) return std::nullopt;
    return split_authority(normalised.substr(0, separator), normalised.substr(separator + 3));
}

std::optional<boost::asio::ip::address> ip_literal(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return std::nullopt; // IPv6 needs its brackets in an authority
    if (!is_ip_literal(host)) return std::nullopt;
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(std::string{host}, ec);
    if (ec) return std::nullopt;
    return address;
}

bool is_gateway_port(const config& c, std::uint16_t port) {
    return port == c.control_port ||
           std::ranges::any_of(c.agents, [port](const agent_options& a) { return a.port == port; });
}

/// A configured origin belongs to every port (the user's own proxy may stand in front of any), unless its
/// port is one of the gateway's: then it names exactly that one.
bool belongs(const config& c, std::string_view origin, std::uint16_t port) {
    const auto p = split_origin(origin);
    return p && (p->port == port || !is_gateway_port(c, p->port));
}

std::string bracketed(const std::string& address) {
    return address.find(':') == std::string::npos ? address : '[' + address + ']';
}

/// Everything this port can be reached at, as written; not yet normalised, the most public first.
std::vector<std::string> public_addresses(const config& c, std::uint16_t port) {
    const std::string inside = std::to_string(port);
    const bool tls = !c.tls_cert.empty();
    // Both schemes: a proxy on the same machine may add TLS in front of a plain port.
    const std::array<std::string, 2> schemes{tls ? "https://" : "http://", tls ? "http://" : "https://"};
    std::vector<std::string> out;
    if (!c.runpod.pod_id.empty())
        out.push_back("https://" + c.runpod.pod_id + '-' + inside + ".proxy.runpod.net");
    if (!c.runpod.public_ip.empty())
        for (const auto& [from, to] : c.runpod.tcp_ports)
            if (from == port)
                for (const auto& scheme : schemes)
                    out.push_back(scheme + bracketed(c.runpod.public_ip) + ':' + std::to_string(to));
    for (const auto& origin : c.allowed_origins)
        if (const auto normal = clawgate::normalise_origin(origin); normal && belongs(c, *normal, port))
            out.push_back(*normal);
    for (const auto& scheme : schemes)
        for (const std::string host : {"localhost", "127.0.0.1", "[::1]"})
            out.push_back(scheme + host + ':' + inside);
    return out;
}

} // namespace

std::optional<std::string> normalise_origin(std::string_view text) {
    return clawgate::normalise_origin(text);
}

origin_policy::origin_policy(const config& c, std::uint16_t port)
    : port_{port} {
    for (const auto& address : public_addresses(c, port)) {
        auto normal = clawgate::normalise_origin(address);
        if (!normal || std::ranges::find(addresses_, *normal) != addresses_.end()) continue;
        authorities_.push_back(normal->substr(normal->find("://") + 3));
        addresses_.push_back(std::move(*normal));
    }
}

bool origin_policy::allows(std::string_view origin, std::string_view host) const {
    const auto normal = clawgate::normalise_origin(origin);
    if (!normal) return false;
    if (std::ranges::find(addresses_, *normal) != addresses_.end()) return true;

    // An address that a browser dialled directly cannot be a name that somebody rebinds to us.
    const auto from = split_origin(*normal);
    if (!from || from->port != port_) return false;
    const auto to = split_authority(from->scheme, host);
    if (!to || to->port != port_) return false;
    const auto address = ip_literal(from->host);
    return address && address == ip_literal(to->host);
}

origin_policy::presented origin_policy::present(std::string_view origin, std::string_view host) const {
    if (!origin.empty() && allows(origin, host)) {
        const auto normal = clawgate::normalise_origin(origin);
        const auto known = std::ranges::find(addresses_, *normal);
        const auto index =
            known == addresses_.end() ? 0 : static_cast<std::size_t>(known - addresses_.begin());
        return {addresses_[index], authorities_[index]};
    }
    // A foreign origin is passed on as it came: made canonical it would look like one of ours to the agent.
    const auto known =
        std::ranges::find_if(authorities_, [host](const std::string& a) { return iequals(a, host); });
    return {origin, known == authorities_.end() ? authorities_.front() : *known};
}

} // namespace clawgate::auth
