#include "auth/client_address.hpp"

#include "auth/text.hpp"

#include "core/net_names.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace clawgate::auth {
namespace {

namespace ip = boost::asio::ip;

// More hops than any real chain of proxies has; what stands further left is not looked at.
constexpr int max_hops = 32;

ip::address unmap(const ip::address& a) {
    if (a.is_v6() && a.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, a.to_v6());
    return a;
}

/// An address as proxies write it: with or without a port, IPv6 with or without brackets, no zone.
std::optional<ip::address> parse_hop(std::string_view text) {
    text = trim(text);
    std::string_view port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        port = text.substr(close + 1);
        text = text.substr(1, close - 1);
        if (text.find(':') == std::string_view::npos) return std::nullopt; // brackets are for IPv6 only
    } else if (std::ranges::count(text, ':') == 1) {
        port = text.substr(text.find(':'));
        text = text.substr(0, text.find(':'));
    }
    if (!port.empty() && (!port.starts_with(':') || !parse_port(port.substr(1)))) return std::nullopt;
    if (!is_ip_literal(text)) return std::nullopt;
    boost::system::error_code ec;
    const auto address = ip::make_address(std::string{text}, ec);
    if (ec) return std::nullopt;
    return unmap(address);
}

bool same_prefix(const ip::address_v6::bytes_type& a, const ip::address_v6::bytes_type& b, unsigned bits) {
    const auto whole = bits / 8;
    if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
    if (bits % 8 == 0) return true;
    const auto shift = 8 - bits % 8;
    return a[whole] >> shift == b[whole] >> shift;
}

} // namespace

network_set::network_set(const std::vector<std::string>& cidrs) {
    for (const auto& text : cidrs) {
        boost::system::error_code ec;
        if (const auto v4 = ip::make_network_v4(text, ec); !ec) {
            v4_.push_back(v4.canonical());
            continue;
        }
        if (const auto v6 = ip::make_network_v6(text, ec); !ec) v6_.push_back(v6.canonical());
    }
}

bool network_set::contains(const ip::address& a) const {
    const auto address = unmap(a);
    if (address.is_v4()) {
        const auto v4 = address.to_v4().to_uint();
        return std::ranges::any_of(v4_, [v4](const ip::network_v4& n) {
            return (v4 & n.netmask().to_uint()) == n.network().to_uint();
        });
    }
    const auto bytes = address.to_v6().to_bytes();
    return std::ranges::any_of(v6_, [&bytes](const ip::network_v6& n) {
        return same_prefix(bytes, n.network().to_bytes(), n.prefix_length());
    });
}

std::string check_cidr(std::string_view text) {
    return clawgate::check_cidr(text);
}

ip::address client_address(const ip::address& peer, std::string_view cf_connecting_ip,
                           std::string_view x_forwarded_for, const network_set& trusted, edge in_front) {
    const auto direct = unmap(peer);
    if (!trusted.contains(direct)) return direct;
    if (in_front == edge::cloudflare)
        if (const auto cf = parse_hop(cf_connecting_ip); cf && !is_local(*cf)) return *cf;

    auto rest = x_forwarded_for;
    for (int hop = 0; hop < max_hops && !trim(rest).empty(); ++hop) {
        const auto comma = rest.rfind(',');
        const auto entry = comma == std::string_view::npos ? rest : rest.substr(comma + 1);
        const auto address = parse_hop(entry);
        if (!address) break; // whoever wrote this is no proxy of ours, so neither is anything left of it
        if (!trusted.contains(*address)) return is_local(*address) ? direct : *address;
        if (comma == std::string_view::npos) break;
        rest = rest.substr(0, comma);
    }
    return direct;
}

bool is_local(const ip::address& client) {
    return unmap(client).is_loopback();
}

std::string limiter_key(const ip::address& client) {
    if (is_local(client)) return std::string{local_key};
    const auto address = unmap(client);
    if (address.is_v4()) return address.to_string();
    auto bytes = address.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    return ip::address_v6{bytes}.to_string() + "/64";
}

} // namespace clawgate::auth
