// The control port's list of agents, and the way from there into each of them.

#include "app/handlers/handlers.hpp"
#include "app/pipeline.hpp"
#include "app/pod_watch.hpp"
#include "app/probe.hpp"
#include "app/status_report.hpp"
#include "auth/origin.hpp"
#include "core/net_names.hpp"
#include "pages/pages.hpp"

namespace clawgate::app {
namespace {

using net::field_name;

/// The host of "host:port", without the port; brackets of IPv6 stay.
std::string_view host_of(std::string_view authority) {
    const auto colon = authority.rfind(':');
    const auto bracket = authority.rfind(']');
    if (colon == authority.npos || (bracket != authority.npos && colon < bracket)) return authority;
    return authority.substr(0, colon);
}

/// Where this visitor reaches that agent: by the way that brought him here.
std::string address_for(const exchange& x, const door& agent) {
    const auto host = host_of(x.field(field_name::host));
    const std::string scheme = x.https ? "https://" : "http://";
    const auto same_way = scheme + std::string{host} + ":" + std::to_string(agent.port);
    // Behind RunPod's proxy the Host is an internal address: only its own public one is of use there. A
    // trusted peer that adds no forwarding header is not that proxy, but somebody on the same network.
    const bool proxied = x.peer_trusted && (x.head.fields.has(field_name::x_forwarded_for) ||
                                            x.head.fields.has(field_name::cf_connecting_ip));
    if (proxied && !x.shared.options.runpod.pod_id.empty()) return agent.origins.canonical();
    if (agent.origins.allows(same_way, host)) return same_way;
    const auto authority = std::string{host} + ":" + std::to_string(agent.port);
    if (agent.origins.allows(same_way, authority)) return same_way;
    return agent.origins.canonical();
}

void add_pod(pages::fleet_view& v, const pod_status& pod) {
    for (const auto& n : pod.facts.notices)
        v.notices.push_back({n.key, n.detail});
    constexpr std::uint64_t mebibyte = 1u << 20;
    for (auto e = pod.events.rbegin(); e != pod.events.rend(); ++e)
        v.events.push_back({iso_time(e->when), e->program, e->what, std::to_string(e->bytes / mebibyte)});
}

} // namespace

net::awaitable<void> show_fleet(worker& w, exchange& x) {
    pages::fleet_view v;
    v.lang = pages::pick_language(x.field(field_name::accept_language));
    v.demo = x.shared.options.demo;
    std::vector<std::string> targets;
    const auto ready = co_await which_are_ready(w);
    for (const auto& d : x.shared.doors) {
        if (!d->agent) continue;
        pages::fleet_row row;
        row.number = d->number;
        row.name = d->name;
        row.ready = ready.at(static_cast<std::size_t>(d->number - 1));
        row.state = agent_state(row.ready, d->agent->state.ever_up());
        row.address = address_for(x, *d);
        row.own_password = !x.shared.desk.same_password(d->number, auth::control_door);
        targets.push_back(row.address);
        v.rows.push_back(std::move(row));
    }
    if (const auto* pod = x.shared.pod.load(std::memory_order_acquire)) add_pod(v, *pod->status());
    x.answer = html_reply(200, pages::render(v), pages::content_security_policy(targets));
    if (!x.set_cookie.empty()) x.answer.with("Set-Cookie", x.set_cookie);
}

net::awaitable<void> open_agent(worker&, exchange& x) {
    for (const auto& d : x.shared.doors) {
        if (!d->agent || d->number != x.route_number) continue;
        const auto address = address_for(x, *d);
        const auto ticket = x.shared.desk.mint_ticket(d->number, wall_clock::now());
        x.answer = redirect(303, ticket ? address + "/_gateway/ticket?ticket=" + *ticket : address + "/");
        x.answer.with("Referrer-Policy", "no-referrer");
        co_return;
    }
    x.answer = json_error(404, "not_found", "there is no such agent", "The list on this port names them.");
}

} // namespace clawgate::app
