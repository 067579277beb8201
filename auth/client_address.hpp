#pragma once
// Who is asking, in the sense of the limits: the peer, or what trusted proxies say about it. Pure.

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace clawgate::auth {

/// A set of CIDR blocks.
class network_set {
public:
    network_set() = default;
    /// Entries were checked when the configuration was loaded; one that does not parse is ignored.
    explicit network_set(const std::vector<std::string>& cidrs);
    [[nodiscard]] bool contains(const boost::asio::ip::address& a) const;

private:
    std::vector<boost::asio::ip::network_v4> v4_;
    std::vector<boost::asio::ip::network_v6> v6_;
};

/// Nothing (empty string) when it is a valid block, else what is wrong.
[[nodiscard]] std::string check_cidr(std::string_view text);

/// Is Cloudflare known to stand in front of the trusted proxies? Any other proxy passes CF-Connecting-IP on
/// as the client sent it.
enum class edge { unknown, cloudflare };

/// The peer itself unless it is trusted. From a trusted peer: behind Cloudflare CF-Connecting-IP if it is a
/// valid address; else the rightmost address of X-Forwarded-For that is not itself a trusted proxy (the
/// header is appended to what the client sent, so only its right end is true); else the peer. No field makes
/// a client local (see is_local): then it is the peer. IPv4-mapped IPv6 is unmapped.
[[nodiscard]] boost::asio::ip::address client_address(const boost::asio::ip::address& peer,
                                                      std::string_view cf_connecting_ip,
                                                      std::string_view x_forwarded_for,
                                                      const network_set& trusted, edge in_front);

/// A program on this machine: any loopback address, IPv4-mapped ones included. It can choose among millions
/// of them, so they are one client, and what it does must not count against everybody else.
[[nodiscard]] bool is_local(const boost::asio::ip::address& client);

/// The key of all local clients.
inline constexpr std::string_view local_key = "loopback";

/// What one client is for the limits: the IPv4 address, the /64 of an IPv6 address, or local_key.
[[nodiscard]] std::string limiter_key(const boost::asio::ip::address& client);

} // namespace clawgate::auth
