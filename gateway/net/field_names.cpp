#include "net/head_guard.hpp"

#include <array>
#include <utility>

namespace clawgate::net {
namespace {

using entry = std::pair<std::string_view, field_name>;

// Grouped by length: one comparison of the length leaves at most a handful of candidates.
constexpr std::array entries{
    entry{"te", field_name::te},
    entry{"date", field_name::date},
    entry{"host", field_name::host},
    entry{"vary", field_name::vary},
    entry{"accept", field_name::accept},
    entry{"cookie", field_name::cookie},
    entry{"expect", field_name::expect},
    entry{"origin", field_name::origin},
    entry{"referer", field_name::referer},
    entry{"trailer", field_name::trailer},
    entry{"upgrade", field_name::upgrade},
    entry{"location", field_name::location},
    entry{"connection", field_name::connection},
    entry{"keep-alive", field_name::keep_alive},
    entry{"set-cookie", field_name::set_cookie},
    entry{"content-type", field_name::content_type},
    entry{"authorization", field_name::authorization},
    entry{"content-length", field_name::content_length},
    entry{"sec-fetch-dest", field_name::sec_fetch_dest},
    entry{"sec-fetch-mode", field_name::sec_fetch_mode},
    entry{"sec-fetch-site", field_name::sec_fetch_site},
    entry{"accept-language", field_name::accept_language},
    entry{"clear-site-data", field_name::clear_site_data},
    entry{"x-forwarded-for", field_name::x_forwarded_for},
    entry{"cf-connecting-ip", field_name::cf_connecting_ip},
    entry{"content-encoding", field_name::content_encoding},
    entry{"proxy-connection", field_name::proxy_connection},
    entry{"www-authenticate", field_name::www_authenticate},
    entry{"sec-websocket-key", field_name::sec_websocket_key},
    entry{"transfer-encoding", field_name::transfer_encoding},
    entry{"x-forwarded-proto", field_name::x_forwarded_proto},
    entry{"proxy-authenticate", field_name::proxy_authenticate},
    entry{"proxy-authorization", field_name::proxy_authorization},
    entry{"sec-websocket-accept", field_name::sec_websocket_accept},
    entry{"sec-websocket-version", field_name::sec_websocket_version},
    entry{"sec-websocket-protocol", field_name::sec_websocket_protocol},
    entry{"sec-websocket-extensions", field_name::sec_websocket_extensions},
    entry{"access-control-request-method", field_name::access_control_request_method},
    entry{"access-control-request-headers", field_name::access_control_request_headers},
};

constexpr std::size_t longest = 30;

// first[n] is the index of the first entry of length n or more.
constexpr auto first = [] {
    std::array<std::uint8_t, longest + 2> t{};
    for (std::size_t n = 0; n < t.size(); ++n) {
        std::size_t i = 0;
        while (i < entries.size() && entries[i].first.size() < n)
            ++i;
        t[n] = static_cast<std::uint8_t>(i);
    }
    return t;
}();

bool has_prefix(std::string_view name, std::string_view prefix) noexcept {
    return name.size() >= prefix.size() && equal_ignoring_case(name.substr(0, prefix.size()), prefix);
}

} // namespace

bool is_forwarding_header(std::string_view name) noexcept {
    for (const std::string_view prefix : {"x-forwarded", "cf-", "tailscale-", "cdn-", "x-original-"})
        if (has_prefix(name, prefix)) return true;
    for (const std::string_view whole :
         {"forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "client-ip",
          "via", "x-proxyuser-ip", "fastly-client-ip"})
        if (equal_ignoring_case(name, whole)) return true;
    return false;
}

field_name classify(std::string_view name) noexcept {
    if (name.size() <= longest)
        for (std::size_t i = first[name.size()]; i < first[name.size() + 1]; ++i)
            if (equal_ignoring_case(entries[i].first, name)) return entries[i].second;
    if (has_prefix(name, "access-control-")) return field_name::access_control;
    if (is_forwarding_header(name)) return field_name::forwarding;
    return field_name::other;
}

} // namespace clawgate::net
