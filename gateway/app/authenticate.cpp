#include "app/authenticate.hpp"

#include "app/routes.hpp"
#include "core/encoding.hpp"
#include "core/secret_query.hpp"

#include <algorithm>
#include <vector>

namespace clawgate::app {
namespace {

using net::field_name;

/// Of several cookies with our name the first valid one counts, else the first genuine one: a page of another
/// port of this host can put its own in front of the user's.
void read_session(exchange& x) {
    if (!x.head.fields.has(field_name::cookie)) return;
    std::vector<std::string_view> values;
    for (const auto& f : x.head.fields)
        if (f.id == field_name::cookie) auth::append_cookies(f.value, x.at.cookie(x.https), values);
    if (values.empty()) return;
    auto& cache = x.sessions;
    const auto now = coarse_now();
    const auto epoch = x.shared.desk.revocation_epoch();
    const bool known = now < cache.until && cache.epoch == epoch &&
                       std::ranges::find(values, cache.cookie) != values.end() &&
                       (cache.verdict.ok() || values.size() == 1);
    if (!known) {
        cache.verdict = {};
        const auto before = cache.cookie;
        for (const auto value : values) {
            auto verdict = x.shared.desk.examine(value, x.at.number, wall_clock::now());
            const bool better = cache.verdict.state == auth::session_state::absent || verdict.ok() ||
                                (verdict.genuine() && !cache.verdict.genuine());
            if (!better) continue;
            cache.cookie.assign(value);
            cache.verdict = std::move(verdict);
            if (cache.verdict.ok()) break;
        }
        cache.until = now + std::chrono::seconds{1};
        cache.epoch = epoch;
        if (cache.cookie != before) cache.touched = {};
    }
    x.session = cache.verdict;
}

/// Requests keep a session from idling out as tunnels do; a new cookie goes out with pages only.
void keep_session_alive(exchange& x) {
    const auto now = coarse_now();
    if (now - x.sessions.touched < std::chrono::minutes{1}) return;
    x.sessions.touched = now;
    x.shared.desk.touch(x.session.who, wall_clock::now());
}

/// "scheme://host[:port]" of a Referer.
std::string_view origin_of(std::string_view url) {
    const auto scheme_end = url.find("://");
    if (scheme_end == url.npos) return {};
    return url.substr(0, url.find_first_of("/?#", scheme_end + 3));
}

/// Marks that a browser leaves on what a page of this port sends. On plain HTTP to anything but localhost it
/// sends no Sec-Fetch-*; and Sec-Fetch-Mode alone is no mark, because Node's fetch() sends that too. Their
/// sender gives up being compared with the password, so nobody gains by forging them.
bool is_sent_by_a_page(const exchange& x) {
    if (x.head.fields.has(field_name::sec_fetch_site) || x.head.fields.has(field_name::sec_fetch_dest))
        return true;
    const auto host = x.field(field_name::host);
    if (x.at.origins.allows(x.field(field_name::origin), host)) return true;
    const auto referer = origin_of(x.field(field_name::referer));
    return !referer.empty() && (x.at.origins.allows(referer, host) ||
                                net::equal_ignoring_case(referer.substr(referer.find("://") + 3), host));
}

bool comes_directly_from_this_machine(const exchange& x) {
    return auth::is_local(x.peer) && !x.head.fields.has(field_name::forwarding) &&
           !x.head.fields.has(field_name::x_forwarded_for) &&
           !x.head.fields.has(field_name::x_forwarded_proto) &&
           !x.head.fields.has(field_name::cf_connecting_ip);
}

/// The dashboard asks this by HEAD; a redirect makes it show its own "Sign in" dialog (facts/openclaw.md).
bool asks_whether_signed_in(const exchange& x) {
    return x.head.method_id == net::verb::head && x.path == "/control-ui-config.json";
}

/// The refusal of a request that shows no (valid) credential: a way to the login page for people, 401 for
/// programs.
reply unauthenticated(const exchange& x) {
    if (x.errors == error_shape::ours && x.is_navigation()) {
        // A secret in a query is not carried on into another address, the browser's history and our log.
        const auto target = without_secrets(x.head.target);
        return redirect(303, "/_gateway/login?next=" + percent_encode(auth::safe_next(target)));
    }
    if (asks_whether_signed_in(x)) return redirect(302, "/_gateway/login");
    return json_error(
        401, "unauthorized", "a password is needed",
        "Log in at /_gateway/login, or send the web password as Basic (any user name) or Bearer.");
}

/// A Bearer with the shape of a device token may come from a dashboard whose session has ended and that leaves
/// no mark: on plain HTTP without Sec-Fetch-*, on a GET without Origin, and without Referer where its page
/// asks for that. It is compared, because the password may look the same, and counts on a ledger of its own:
/// stale tokens lock nobody out of signing in. That opens no way to guess. The ledger's limits are of the same
/// order, so even a password of this shape cannot be tried much more often than any other, and if it is what
/// it looks like, 32 random bytes, no number of tries finds it.
auth::intent intent_of(const auth::shown_credential& shown) {
    const bool token = shown.scheme == auth::credential_scheme::bearer &&
                       auth::looks_like_a_device_token(shown.value);
    return token ? auth::intent::device_token : auth::intent::enter;
}

step judge_password(exchange& x, auth::shown_credential shown, caller as) {
    const auto why = intent_of(shown);
    if (!x.judged) {
        auth::candidate c;
        c.where = x.at.number;
        c.client = x.client;
        c.lane = x.session.genuine() ? x.session.who.id : std::string{};
        c.password = std::move(shown.value);
        c.why = why;
        x.judged = x.shared.desk.verify_now(c);
        if (!x.judged) {
            x.asked = std::move(c);
            return step::ask_desk;
        }
    }
    switch (x.judged->what) {
    case auth::outcome::accepted: x.who = as; return step::next;
    case auth::outcome::busy: return respond(x, too_busy(x.judged->retry_after));
    case auth::outcome::locked:
    case auth::outcome::wrong: break;
    }
    if (why == auth::intent::device_token && x.at.agent && asks_whether_signed_in(x))
        return respond(x, unauthenticated(x));
    if (x.judged->what == auth::outcome::locked) return respond(x, locked_out(x.judged->retry_after));
    return respond(x, json_error(401, "wrong_password", "the password is wrong",
                                 "Use the web password of this pod (OPENCLAW_WEB_PASSWORD)."));
}

const routing::agent* agent_of_token(const exchange& x, const secret& token) {
    const routing::agent* found = nullptr;
    for (const auto& a : x.shared.agents)
        if (a->token == token) found = a.get();
    return found;
}

step allow(exchange& x) {
    if (x.own->credential == need::person && x.who == caller::agent)
        return respond(
            x, json_error(403, "forbidden", "agents cannot change models", "Do it with the web password."));
    return step::next;
}

/// Authorization, or what clients of Anthropic's interface send instead.
auth::shown_credential shown_to_model_api(const exchange& x) {
    auto shown = auth::parse_authorization(x.field(field_name::authorization));
    if (shown.scheme != auth::credential_scheme::none) return shown;
    for (const auto& f : x.head.fields) {
        if (!net::equal_ignoring_case(f.name, "X-Api-Key")) continue;
        shown.scheme = auth::credential_scheme::bearer;
        shown.value = secret{std::string{f.value}};
    }
    return shown;
}

step authenticate_model_call(exchange& x) {
    if (x.session.ok()) {
        x.who = caller::cookie;
        keep_session_alive(x);
        return step::next;
    }
    auto shown = shown_to_model_api(x);
    if (shown.scheme == auth::credential_scheme::none) return respond(x, unauthenticated(x));
    if (!x.judged) x.as_agent = agent_of_token(x, shown.value);
    if (x.as_agent && !comes_directly_from_this_machine(x)) {
        // It lies in a file that the agent reads, so from elsewhere it opens nothing; but it is no guess at the
        // password either, and whoever calls by another address of this machine is not to be locked out for it.
        x.as_agent = nullptr;
        return respond(x, json_error(401, "unauthorized", "an agent's token is taken on this machine only",
                                     "Call the model API at its loopback address, and not through a proxy."));
    }
    if (x.as_agent) {
        x.who = caller::agent;
        return allow(x);
    }
    const auto as = shown.scheme == auth::credential_scheme::basic ? caller::basic : caller::bearer;
    return judge_password(x, std::move(shown), as);
}

step judge_native_client(exchange& x) {
    x.native = x.shared.native.acquire(x.client);
    if (!x.native)
        return respond(
            x, json_error(429, "too_many_unauthenticated", "too many WebSockets that have not authenticated",
                          "Send the password with the upgrade (Basic or Bearer), or wait 10 seconds.")
                   .with("Retry-After", "10"));
    x.who = caller::connect;
    return step::next;
}

/// Without a session: our pages are for sessions only, our interface takes the password too.
step authenticate_user(exchange& x) {
    if (x.own->credential != need::user) return respond(x, unauthenticated(x));
    auto shown = auth::parse_authorization(x.field(field_name::authorization));
    if (shown.scheme == auth::credential_scheme::none) return respond(x, unauthenticated(x));
    const auto as = shown.scheme == auth::credential_scheme::basic ? caller::basic : caller::bearer;
    return judge_password(x, std::move(shown), as);
}

} // namespace

step authenticate(exchange& x) {
    read_session(x);
    if (x.own && x.own->credential == need::nothing) return step::next;
    if (x.own && x.own->where == served_on::model) return authenticate_model_call(x);
    if (x.session.ok()) { // first: a valid session is never refused by a lock
        x.who = caller::cookie;
        keep_session_alive(x);
        // Not on an asset that caches may keep for others: a page or a WebSocket comes often enough.
        if (x.session.state == auth::session_state::renew && (x.is_navigation() || x.head.websocket)) {
            x.set_cookie = auth::set_cookie_header(x.at.cookie(x.https),
                                                   x.shared.desk.renew(x.session.who, wall_clock::now()),
                                                   x.https, x.shared.options.session_lifetime);
            x.sessions.until = {}; // the cookie that comes next is another one
        }
        return step::next;
    }
    if (x.own) return authenticate_user(x);

    auto shown = auth::parse_authorization(x.field(field_name::authorization));
    if (shown.scheme == auth::credential_scheme::basic)
        return judge_password(x, std::move(shown), caller::basic);
    if (shown.scheme == auth::credential_scheme::bearer) {
        if (x.at.agent->token == shown.value && comes_directly_from_this_machine(x)) {
            x.who = caller::agent;
            return step::next;
        }
        // A browser authenticates by its session; the Bearer of a dashboard whose session has ended is the
        // agent's device token. It is not compared with the password, so it neither counts as a guess nor can
        // be one.
        const bool browser = is_sent_by_a_page(x) || x.session.genuine();
        if (!browser) return judge_password(x, std::move(shown), caller::bearer);
    }
    if (x.head.websocket && routing::allows_native_login(x.head.path) &&
        !x.head.fields.has(field_name::origin) && !x.head.fields.has(field_name::cookie) &&
        shown.scheme == auth::credential_scheme::none)
        return judge_native_client(x);
    return respond(x, unauthenticated(x));
}

} // namespace clawgate::app
