// Login, logout, and the tickets that open an agent from the control port.

#include "app/desk_await.hpp"
#include "app/form.hpp"
#include "app/handlers/handlers.hpp"
#include "app/pipeline.hpp"
#include "app/worker.hpp"
#include "pages/pages.hpp"

namespace clawgate::app {
namespace {

using net::field_name;

reply login_page(const exchange& x, int status, pages::login_notice notice, std::string_view next,
                 std::chrono::seconds retry_after = {}) {
    pages::login_view v;
    v.lang = pages::pick_language(x.field(field_name::accept_language));
    v.name = x.at.agent ? std::string_view{x.at.name} : std::string_view{};
    v.next = next;
    v.notice = notice;
    v.retry_after = retry_after;
    v.demo = x.shared.options.demo;
    return html_reply(status, pages::render(v), pages::content_security_policy());
}

std::string new_session_cookie(const exchange& x) {
    return auth::set_cookie_header(x.at.cookie(x.https), x.shared.desk.issue(x.at.number, wall_clock::now()),
                                   x.https, x.shared.options.session_lifetime);
}

reply forged_form(const exchange& x) {
    return origin_refused(x, x.field(field_name::origin));
}

} // namespace

net::awaitable<void> show_login(worker&, exchange& x) {
    const auto next = auth::safe_next(form_value(x.head.query, "next").value_or("/"));
    if (x.session.ok()) {
        x.answer = redirect(303, next);
        co_return;
    }
    const bool ended = x.session.genuine() && x.session.state != auth::session_state::revoked;
    const auto notice = form_value(x.head.query, "signed_out") ? pages::login_notice::signed_out
                        : ended                                ? pages::login_notice::session_ended
                                                               : pages::login_notice::none;
    x.answer = login_page(x, 200, notice, next);
}

net::awaitable<void> do_login(worker& w, exchange& x) {
    if (!is_same_origin_post(x)) {
        x.answer = forged_form(x);
        co_return;
    }
    const auto next = auth::safe_next(form_value(x.form, "next").value_or("/"));
    auto password = form_value(x.form, "password");
    const bool is_form = x.field(field_name::content_type).starts_with("application/x-www-form-urlencoded");
    if (!is_form || !password || password->empty()) {
        x.answer = x.wants_html() ? login_page(x, 400, pages::login_notice::bad_form, next)
                                  : json_error(400, "bad_request", "the form has no password",
                                               "Post password=… as application/x-www-form-urlencoded.");
        co_return;
    }
    auth::candidate c;
    c.where = x.at.number;
    c.client = x.client;
    c.lane = x.session.genuine() ? x.session.who.id : std::string{};
    c.password = secret{std::move(*password)};
    auto verdict = x.shared.desk.verify_now(c);
    if (!verdict) verdict = co_await ask_desk(x.shared.desk, std::move(c), w.io.get_executor());

    if (verdict->what == auth::outcome::accepted) {
        x.who = caller::cookie;
        x.answer = redirect(303, next).with("Set-Cookie", new_session_cookie(x));
    } else if (verdict->what == auth::outcome::locked || verdict->what == auth::outcome::busy) {
        const bool busy = verdict->what == auth::outcome::busy;
        x.answer = busy ? too_busy(verdict->retry_after) : locked_out(verdict->retry_after);
        if (x.wants_html()) {
            const auto notice = busy ? pages::login_notice::busy : pages::login_notice::locked_out;
            auto page = login_page(x, x.answer.status, notice, next, verdict->retry_after);
            x.answer = std::move(page.with(
                "Retry-After", std::to_string(std::max<long long>(1, verdict->retry_after.count()))));
        }
    } else {
        x.answer = x.wants_html() ? login_page(x, 401, pages::login_notice::wrong_password, next)
                                  : json_error(401, "wrong_password", "the password is wrong", "Try again.");
    }
}

net::awaitable<void> do_logout(worker&, exchange& x) {
    if (!is_same_origin_post(x)) {
        x.answer = forged_form(x);
        co_return;
    }
    if (x.session.ok()) x.shared.desk.revoke(x.session.who);
    x.answer = redirect(303, "/_gateway/login?signed_out=1")
                   .with("Set-Cookie", auth::clear_cookie_header(x.at.cookie(x.https), x.https));
    co_return;
}

net::awaitable<void> redeem_ticket(worker&, exchange& x) {
    // A ticket is for a person's browser going there, not for a frame or a script of another page.
    const auto destination = x.field(field_name::sec_fetch_dest);
    const bool top_level = destination.empty() || net::equal_ignoring_case(destination, "document");
    const auto ticket = form_value(x.head.query, "ticket").value_or("");
    if (x.head.method_id == net::verb::get && top_level &&
        x.shared.desk.redeem_ticket(ticket, x.at.number, wall_clock::now()))
        x.answer = redirect(303, "/").with("Set-Cookie", new_session_cookie(x));
    else
        x.answer = redirect(303, "/_gateway/login");
    x.answer.with("Referrer-Policy", "no-referrer");
    co_return;
}

} // namespace clawgate::app
