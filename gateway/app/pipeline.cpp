#include "app/pipeline.hpp"

#include "app/authenticate.hpp"
#include "app/routes.hpp"
#include "pages/pages.hpp"

#include <algorithm>
#include <array>

namespace clawgate::app {
namespace {

using net::field_name;

/// All fields of a kind as the one list that they are (RFC 9110 section 5.3): a proxy may append to the line
/// that came, or add one of its own behind it.
std::string whole_list(const exchange& x, field_name id) {
    std::string list;
    for (const auto& f : x.head.fields) {
        if (f.id != id) continue;
        if (!list.empty()) list += ", ";
        list += f.value;
    }
    return list;
}

/// What the nearest proxy wrote.
bool came_by_https(const exchange& x) {
    const auto list = whole_list(x, field_name::x_forwarded_proto);
    auto last = std::string_view{list};
    last.remove_prefix(last.rfind(',') + 1); // npos + 1 is the beginning
    last.remove_prefix(std::min(last.find_first_not_of(" \t"), last.size()));
    last = last.substr(0, last.find_last_not_of(" \t") + 1);
    return net::equal_ignoring_case(last, "https");
}

step find_client(exchange& x) {
    x.peer_trusted = x.shared.trusted.contains(x.peer);
    x.client = x.peer_trusted
                   ? auth::client_address(x.peer, x.field(field_name::cf_connecting_ip),
                                          whole_list(x, field_name::x_forwarded_for), x.shared.trusted,
                                          x.shared.options.runpod.pod_id.empty() ? auth::edge::unknown
                                                                                 : auth::edge::cloudflare)
                   : x.peer;
    x.https = x.https || (x.peer_trusted && came_by_https(x));
    return step::next;
}

reply preflight(const exchange& x) {
    reply r;
    r.status = 204;
    r.with("Vary", "Origin");
    const auto origin = x.field(field_name::origin);
    // A foreign origin gets an answer without allow headers: its browser then refuses by itself.
    if (!x.at.origins.allows(origin, x.field(field_name::host))) return r;
    r.with("Access-Control-Allow-Origin", std::string{origin})
        .with("Access-Control-Allow-Credentials", "true")
        .with("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        .with("Access-Control-Max-Age", "600");
    if (const auto wanted = x.field(field_name::access_control_request_headers); !wanted.empty())
        r.with("Access-Control-Allow-Headers", std::string{wanted});
    return r;
}

reply nothing_here(const exchange& x) {
    if (x.errors != error_shape::ours || !x.is_navigation())
        return json_error(404, "not_found", "there is nothing at this address", "See docs/api.md.");
    pages::message_view v;
    v.lang = pages::pick_language(x.field(field_name::accept_language));
    v.status = 404;
    v.demo = x.shared.options.demo;
    return html_reply(404, pages::render(v), pages::content_security_policy());
}

/// In the form of the interface, also for paths that it does not have.
error_shape errors_of_path(std::string_view path) {
    if (path == "/v1/messages" || path.starts_with("/v1/messages/")) return error_shape::anthropic;
    return path.starts_with("/v1/") ? error_shape::openai : error_shape::ollama;
}

step find_route(exchange& x) {
    auto path = net::normalise_path(x.head.path);
    if (!path) return respond(x, json_error(400, "bad_request", path.error().detail, "Check the address."));
    x.path = std::move(*path);
    x.prefix = model_prefix(x.at, x.path);
    if (x.prefix || x.at.kind == door_kind::model)
        x.errors = errors_of_path(std::string_view{x.path}.substr(x.prefix));

    if (x.head.method_id == net::verb::options && x.head.fields.has(field_name::origin) &&
        x.head.fields.has(field_name::access_control_request_method))
        return respond(x, preflight(x));

    auto m = match_route(x.at, x.path, x.prefix, x.head.method_id);
    x.own = m.found;
    x.route_number = m.number;
    x.route_rest = std::move(m.rest);
    if (x.own && x.own->errors != error_shape::ours) x.errors = x.own->errors;
    x.body_limit = x.own && x.own->credential == need::person
                       ? UINT64_MAX
                       : x.shared.options.max_body_bytes; // models are large
    if (x.own) return step::next;
    if (m.wrong_method)
        return respond(x, json_error(405, "method_not_allowed", "this address does not take that method",
                                     "See docs/api.md."));
    if (is_reserved(x.path) || !x.at.agent) return respond(x, nothing_here(x));
    return step::next;
}

/// A service worker may stand before every page of its origin, this one's sign-in page included, for as long as
/// the browser keeps it. Browsers mark the request for its script, and OpenClaw has one such script only:
/// nothing else on an agent's port, a file of somebody's say, may become one.
std::optional<reply> refused_service_worker(const exchange& x) {
    if (x.path == "/sw.js") return std::nullopt;
    const bool asked_for = std::ranges::any_of(x.head.fields, [](const auto& f) {
        return net::equal_ignoring_case(f.name, "Service-Worker") &&
               net::equal_ignoring_case(f.value, "script");
    });
    if (!asked_for) return std::nullopt;
    return json_error(403, "no_service_worker", "only /sw.js may be a service worker here",
                      "Serve the script there.");
}

step check_limits(exchange& x) {
    // A trusted proxy's connection carries many clients: what counts is how much each has under way at once.
    // One that names no client is the client itself.
    if (x.peer_trusted && !x.counted) {
        x.counted = x.shared.connections.acquire(x.client, x.shared.options.max_connections_per_client);
        if (!x.counted)
            return respond(x, json_error(429, "too_many_connections",
                                         "too many requests and WebSockets at once from your address",
                                         "Close some, or raise CLAWGATE_MAX_CONNECTIONS_PER_CLIENT.")
                                  .with("Retry-After", "1"));
    }
    if (const auto script = refused_service_worker(x)) return respond(x, *script);
    const auto limit = x.body_limit;
    if (x.head.body == net::body_kind::length && x.head.content_length > limit) {
        auto r =
            json_error(413, "too_large", "the body is larger than " + std::to_string(limit >> 20) + " MB",
                       "Send less, or raise CLAWGATE_MAX_BODY_MB.");
        return respond(x, std::move(r));
    }
    if (x.head.fields.count(field_name::origin) > 1 || x.head.fields.count(field_name::authorization) > 1)
        return respond(
            x, json_error(400, "bad_request", "more than one Origin or Authorization field", "Send one."));
    return step::next;
}

step check_origin(exchange& x) {
    const bool came = x.head.fields.has(field_name::origin);
    const auto origin = x.field(field_name::origin);
    x.origin_allowed = came && x.at.origins.allows(origin, x.field(field_name::host));
    // Login and logout have a check of their own: a client that is no browser may log in too.
    if (x.own && x.own->handle && x.own->credential == need::nothing) return step::next;

    const bool changes_something = x.head.websocket || !x.head.is_safe();
    if (!changes_something) return step::next;
    if (came && !x.origin_allowed) return respond(x, origin_refused(x, origin));
    if (came || x.who != caller::cookie) return step::next;
    // RFC 6455 section 4.1: a browser always sends Origin with an upgrade. For the rest, its own word that
    // the request comes from the same origin is as good.
    if (x.head.websocket || !net::equal_ignoring_case(x.field(field_name::sec_fetch_site), "same-origin"))
        return respond(x, origin_refused(x, {}));
    return step::next;
}

/// The dashboard's Bearer is the agent's own device token and passes. The web password, in whatever scheme a
/// client sends it beside its cookie, is nothing the agent may see.
step judge_authorization_of_session(exchange& x) {
    x.inject.credential = routing::authorization::drop;
    auto shown = auth::parse_authorization(x.field(field_name::authorization));
    if (shown.scheme != auth::credential_scheme::bearer) return step::next;
    auto& cache = x.sessions;
    const auto now = coarse_now();
    if (!x.judged && !(now < cache.bearer_until && cache.bearer == shown.value)) {
        auth::candidate c;
        c.where = x.at.number;
        c.client = x.client;
        c.lane = x.session.who.id;
        c.password = std::move(shown.value);
        c.why = auth::intent::look;
        x.asked = std::move(c);
        return step::ask_desk;
    }
    if (x.judged) {
        // Not looked at: to go on without it would be to sign the dashboard out at its agent.
        if (x.judged->what == auth::outcome::busy) return respond(x, too_busy(x.judged->retry_after));
        if (x.judged->what != auth::outcome::wrong) return step::next;
        cache.bearer = std::move(shown.value);
        cache.bearer_until = now + std::chrono::minutes{1};
    }
    x.inject.credential = routing::authorization::keep;
    return step::next;
}

/// Cookies for the agent, as one field whatever number came.
std::string other_cookies(const exchange& x) {
    std::string out;
    for (const auto& f : x.head.fields) {
        if (f.id != field_name::cookie) continue;
        const auto rest = auth::strip_cookies(f.value);
        if (!out.empty() && !rest.empty()) out += "; ";
        out += rest;
    }
    return out;
}

step decide_injection(exchange& x) {
    if (x.own) return step::next;
    const auto host = x.field(field_name::host);
    const auto origin = x.field(field_name::origin);
    const auto shown = x.at.origins.present(x.origin_allowed ? origin : std::string_view{}, host);
    x.inject.host = shown.host;
    x.inject.origin = x.origin_allowed ? shown.origin : origin;
    x.inject.websocket = x.head.websocket;
    x.cookies = other_cookies(x);
    x.inject.cookies = x.cookies;
    x.inject.agent_secret = &x.at.agent->token;
    const bool cross_site = net::equal_ignoring_case(x.field(field_name::sec_fetch_site), "cross-site");
    if (x.who == caller::cookie) return judge_authorization_of_session(x);
    if (x.who == caller::connect || cross_site)
        x.inject.credential = routing::authorization::drop;
    else
        x.inject.credential = routing::authorization::replace;
    return step::next;
}

constexpr std::array phases{
    phase{"address", find_client},       // first: limits, locks and the log go by it
    phase{"route", find_route},          // before authentication: preflights, health and login need none
    phase{"limits", check_limits},       // before anything that costs: they depend on the head alone
    phase{"authenticate", authenticate}, // before origin: a stranger learns nothing about what is allowed
    phase{"origin", check_origin},       // needs to know whether a cookie decided
    phase{"inject", decide_injection},   // last: only what may pass is prepared for the agent
};

} // namespace

step respond(exchange& x, reply r) {
    x.answer = std::move(r);
    return step::answer;
}

std::span<const phase> pipeline() {
    return phases;
}

step run_pipeline(exchange& x, std::size_t& first) {
    for (; first < phases.size(); ++first)
        if (const auto s = phases[first].run(x); s != step::next) return s;
    return step::next;
}

reply locked_out(std::chrono::seconds retry_after) {
    const auto seconds = std::to_string(std::max<long long>(1, retry_after.count()));
    return json_error(429, "locked_out", "too many wrong passwords", "Try again in " + seconds + " seconds.")
        .with("Retry-After", seconds);
}

reply too_busy(std::chrono::seconds retry_after) {
    const auto seconds = std::to_string(std::max<long long>(1, retry_after.count()));
    return json_error(503, "busy", "too many passwords are being checked at the moment",
                      "Try again in " + seconds + " seconds.")
        .with("Retry-After", seconds);
}

reply origin_refused(const exchange& x, std::string_view origin) {
    std::string allowed;
    for (const auto& a : x.at.origins.addresses())
        allowed.append(allowed.empty() ? "" : ", ").append(a);
    const auto message = origin.empty()
                             ? std::string{"no Origin came, and one is needed here"}
                             : "the origin " + std::string{origin} + " is not allowed on this port";
    return json_error(403, "origin_not_allowed", message,
                      "Allowed: " + allowed + ". Add another one with CLAWGATE_ALLOWED_ORIGINS.");
}

bool is_same_origin_post(const exchange& x) {
    if (x.head.fields.has(field_name::origin))
        return x.at.origins.allows(x.field(field_name::origin), x.field(field_name::host));
    // Browsers send Origin with every POST; something that sends neither is not a browser and cannot be
    // tricked.
    const auto site = x.field(field_name::sec_fetch_site);
    return site.empty() || net::equal_ignoring_case(site, "same-origin");
}

bool exchange::is_navigation() const {
    if (head.websocket || (head.method_id != net::verb::get && head.method_id != net::verb::head))
        return false;
    if (head.method_id == net::verb::head && !head.fields.has(field_name::sec_fetch_mode)) return false;
    const auto mode = field(field_name::sec_fetch_mode);
    return mode.empty() ? wants_html() : net::equal_ignoring_case(mode, "navigate");
}

std::string_view to_string(caller c) noexcept {
    switch (c) {
    case caller::nobody: return "-";
    case caller::cookie: return "cookie";
    case caller::basic: return "basic";
    case caller::bearer: return "bearer";
    case caller::agent: return "agent";
    case caller::connect: return "connect";
    }
    return "-";
}

} // namespace clawgate::app
