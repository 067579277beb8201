#pragma once
// One request on its way through the pipeline: what is known about it so far, and what was decided. No
// sockets.

#include "app/gateway.hpp"
#include "app/reply.hpp"
#include "net/head_guard.hpp"
#include "routing/inject.hpp"

#include <optional>
#include <string>

namespace clawgate::app {

/// How somebody was authenticated.
enum class caller {
    nobody,
    cookie,  ///< a session
    basic,   ///< the web password
    bearer,  ///< the web password
    agent,   ///< the agent's own token, from this machine
    connect, ///< not yet: the `connect` frame will show the password
};
[[nodiscard]] std::string_view to_string(caller c) noexcept;

/// The last session verdict of a connection, so that a cookie is not verified anew for each of its requests.
struct session_cache {
    std::string cookie;
    auth::session_verdict verdict;
    steady_time until{};
    std::uint64_t epoch = 0;
    steady_time touched{}; ///< when the desk was last told that the session is in use
    secret bearer; ///< the last Bearer sent within a session; until then it is known not to be the password
    steady_time bearer_until{};
};

/// How the interface that was called writes an error.
enum class error_shape { ours, ollama, openai, anthropic };

struct route;

struct exchange {
    gateway& shared;
    const door& at;
    net::request_head& head;
    session_cache& sessions;
    boost::asio::ip::address peer;
    std::string request_id; ///< in the log lines of this request

    // Set by the phases, in this order.
    boost::asio::ip::address client; ///< who the limits count
    bool peer_trusted = false;
    connection_counters::slot
        counted; ///< of a client behind a trusted proxy, for as long as its request takes
    bool https = false;
    std::string path;           ///< normalised
    const route* own = nullptr; ///< a route of ours; null = the agent's
    int route_number = 0;       ///< the <n> of /_gateway/open/<n>
    std::string route_rest;     ///< what the * at a route's end stands for
    error_shape errors = error_shape::ours;
    std::uint64_t body_limit = 0; ///< bytes
    std::size_t prefix = 0;       ///< length of /ollama in front of a model API's path on the control port
    auth::session_verdict session;
    caller who = caller::nobody;
    std::optional<auth::candidate> asked;     ///< a password that only the desk can judge
    std::optional<auth::verdict> judged;      ///< what it said
    const routing::agent* as_agent = nullptr; ///< on the model API: whose token was shown
    native_slots::slot native;
    bool origin_allowed = false;
    routing::injection inject;
    std::string cookies;    ///< without ours
    std::string set_cookie; ///< a renewed session, for the answer
    std::string form;       ///< body of a form, for the routes that take one

    reply answer; ///< status 0 until somebody answers

    exchange(gateway& g, const door& d, net::request_head& h, session_cache& s, boost::asio::ip::address p)
        : shared{g}
        , at{d}
        , head{h}
        , sessions{s}
        , peer{std::move(p)} {}

    [[nodiscard]] std::string_view field(net::field_name id) const { return head.fields.get(id); }
    /// A person's browser going to a page, as opposed to a script's fetch, an asset, or curl.
    [[nodiscard]] bool is_navigation() const;
    [[nodiscard]] bool wants_html() const {
        return field(net::field_name::accept).find("text/html") != std::string_view::npos;
    }
};

} // namespace clawgate::app
