#include "assets.hpp"
#include "core/encoding.hpp"
#include "pages/pages.hpp"
#include "pages/template.hpp"
#include "pages/texts.hpp"

#include <algorithm>

namespace clawgate::pages {
namespace {

constexpr int waiting_refresh_seconds = 3;
/// Slower than the waiting page: somebody may be about to press a button on this one.
constexpr int fleet_refresh_seconds = 10;

struct frame {
    std::string_view shape; ///< "narrow" or "wide"
    markup title;
    markup content;
    markup actions;
    markup footer;
    int refresh_seconds = 0; ///< 0 = does not refresh itself
    bool demo = false;
};

std::string finish(language lang, const frame& f) {
    static const std::string mark = "data:image/svg+xml;base64," + base64_encode(assets::mark_svg);
    markup refresh;
    if (f.refresh_seconds > 0)
        refresh = expand(assets::refresh_html, lang, {{"seconds", std::to_string(f.refresh_seconds)}});
    return expand(assets::layout_html, lang,
                  {{"lang", language_tag(lang)},
                   {"refresh", std::move(refresh)},
                   {"title", f.title},
                   {"mark", mark},
                   // Byte for byte the asset: its hash is in the Content-Security-Policy.
                   {"style", markup{std::string(assets::style_css)}},
                   {"shape", f.shape},
                   {"banner", f.demo ? expand(assets::banner_html, lang, {}) : markup{}},
                   {"actions", f.actions},
                   {"content", f.content},
                   {"footer", f.footer}})
        .html();
}

/// "Sign in to agent_1 – Clawgate"
markup page_title(const markup& heading) {
    return markup{heading.html() + " – Clawgate"};
}

/// Rounded up, so that the next attempt after it is not too early.
markup spell(std::chrono::seconds wait, language lang) {
    const auto count = std::max<long long>(wait.count(), 1);
    if (count == 1) return expand_text("one_second", lang);
    if (count < 60) return expand_text("seconds", lang, {{"count", std::to_string(count)}});
    const auto minutes = (count + 59) / 60;
    if (minutes == 1) return expand_text("one_minute", lang);
    return expand_text("minutes", lang, {{"count", std::to_string(minutes)}});
}

struct notice_text {
    std::string_view kind; ///< CSS class
    markup text;
};

notice_text describe(const login_view& v) {
    switch (v.notice) {
    case login_notice::none: break;
    case login_notice::wrong_password: return {"bad", expand_text("wrong_password", v.lang)};
    case login_notice::locked_out:
        return {"bad", expand_text("locked_out", v.lang, {{"time", spell(v.retry_after, v.lang)}})};
    case login_notice::busy:
        return {"busy", expand_text("busy", v.lang, {{"time", spell(v.retry_after, v.lang)}})};
    case login_notice::signed_out: return {"good", expand_text("signed_out", v.lang)};
    case login_notice::session_ended: return {"busy", expand_text("session_ended", v.lang)};
    case login_notice::bad_form: return {"bad", expand_text("bad_form", v.lang)};
    }
    return {};
}

struct state_text {
    std::string_view kind; ///< CSS class
    std::string_view key;
};

state_text describe_state(std::string_view state) {
    if (state == "ready") return {"good", "state_ready"};
    if (state == "starting") return {"busy", "state_starting"};
    if (state == "down") return {"bad", "state_down"};
    return {"busy", "state_unknown"};
}

bool is_web_address(std::string_view address) {
    return address.starts_with("https://") || address.starts_with("http://");
}

markup fleet_row_html(const fleet_row& row, language lang) {
    const auto state = describe_state(row.state);
    markup open;
    if (!row.own_password)
        open = expand(assets::fleet_open_html, lang,
                      {{"number", std::to_string(row.number)}, {"name", row.name}});
    else if (is_web_address(row.address)) // never a javascript: link, whoever wrote the address
        open = expand(assets::fleet_link_html, lang, {{"address", row.address}, {"name", row.name}});
    return expand(assets::fleet_row_html, lang,
                  {{"name", row.name},
                   {"kind", state.kind},
                   {"state", expand_text(state.key, lang)},
                   {"address", row.address},
                   {"hint", row.own_password ? expand(assets::fleet_hint_html, lang, {}) : markup{}},
                   {"open", std::move(open)}});
}

bool has_text(std::string_view key) {
    const auto table = text_table();
    return std::any_of(table.begin(), table.end(), [&](const auto& entry) { return entry.key == key; });
}

markup standard_title(int status, language lang) {
    const auto key = "status_" + std::to_string(status);
    return expand_text(has_text(key) ? std::string_view{key} : "status_other", lang);
}

markup notes(std::string_view id, language lang, const markup& items) {
    if (items.html().empty()) return {};
    return expand(assets::fleet_notes_html, lang, {{"id", id}, {"title", expand_text(id, lang)}, {"items", items}});
}

markup notices_html(const fleet_view& v) {
    markup items;
    for (const auto& n : v.notices) {
        const auto key = "notice_" + n.key;
        const auto text = has_text(key) ? expand_text(key, v.lang, {{"detail", n.detail}}) : value{"", n.detail}.content;
        items.append(expand(assets::fleet_note_html, v.lang, {{"text", text}}));
    }
    return notes("notices", v.lang, items);
}

markup events_html(const fleet_view& v) {
    markup items;
    for (const auto& e : v.events) {
        const auto key = "event_" + e.what;
        if (!has_text(key)) continue;
        const auto text = expand_text(key, v.lang, {{"program", e.program}, {"amount", e.amount}});
        items.append(expand(assets::fleet_event_html, v.lang, {{"time", e.time}, {"text", text}}));
    }
    return notes("events", v.lang, items);
}

} // namespace

std::string render(const login_view& v) {
    const auto heading = v.name.empty() ? expand_text("sign_in_control", v.lang)
                                        : expand_text("sign_in_agent", v.lang, {{"name", v.name}});
    const auto notice = describe(v);
    const bool has_notice = v.notice != login_notice::none;
    frame f;
    f.shape = "narrow";
    // The notice leads the title: a screen reader says the title first when the page has loaded.
    f.title = page_title(has_notice ? markup{notice.text.html() + " " + heading.html()} : heading);
    f.content = expand(assets::login_html, v.lang,
                       {{"heading", heading},
                        {"lead", expand_text(v.name.empty() ? "lead_control" : "lead_agent", v.lang)},
                        {"notice", has_notice ? expand(assets::notice_html, v.lang,
                                                       {{"kind", notice.kind}, {"text", notice.text}})
                                              : markup{}},
                        {"next", v.next},
                        {"described_by", has_notice ? "notice about-password" : "about-password"},
                        {"invalid", v.notice == login_notice::wrong_password ? "true" : "false"}});
    f.footer = expand(assets::login_footer_html, v.lang, {});
    f.demo = v.demo;
    return finish(v.lang, f);
}

std::string render(const waiting_view& v) {
    const auto name = v.name.empty() ? text(v.lang, "the_agent") : v.name;
    const auto heading = expand_text(v.ever_ready ? "restarting" : "starting", v.lang, {{"name", name}});
    frame f;
    f.shape = "narrow";
    f.title = page_title(heading);
    f.content = expand(assets::waiting_html, v.lang,
                       {{"heading", heading},
                        {"lead", expand_text(v.ever_ready ? "restarting_lead" : "starting_lead", v.lang)}});
    f.refresh_seconds = waiting_refresh_seconds;
    f.demo = v.demo;
    return finish(v.lang, f);
}

std::string render(const fleet_view& v) {
    markup rows;
    for (const auto& row : v.rows)
        rows.append(fleet_row_html(row, v.lang));
    const auto ready = std::count_if(v.rows.begin(), v.rows.end(), [](const auto& row) { return row.ready; });
    const bool starting =
        std::any_of(v.rows.begin(), v.rows.end(), [](const auto& row) { return row.state == "starting"; });
    frame f;
    f.shape = "wide";
    f.title = page_title(expand_text("agents", v.lang));
    f.content =
        expand(assets::fleet_html, v.lang,
               {{"summary",
                 expand_text(v.rows.size() == 1 ? "fleet_summary_one" : "fleet_summary", v.lang,
                             {{"ready", std::to_string(ready)}, {"total", std::to_string(v.rows.size())}})},
                {"rows", std::move(rows)},
                {"notices", notices_html(v)},
                {"events", events_html(v)}});
    f.actions = expand(assets::fleet_actions_html, v.lang, {});
    f.refresh_seconds = starting ? fleet_refresh_seconds : 0;
    f.demo = v.demo;
    return finish(v.lang, f);
}

std::string render(const message_view& v) {
    const auto title = v.title.empty() ? standard_title(v.status, v.lang) : value{"title", v.title}.content;
    const auto detail =
        v.detail.empty() ? markup{} : expand(assets::message_detail_html, v.lang, {{"text", v.detail}});
    frame f;
    f.shape = "narrow";
    f.title = page_title(title);
    f.content =
        expand(assets::message_html, v.lang,
               {{"status", expand_text("status_line", v.lang, {{"status", std::to_string(v.status)}})},
                {"title", title},
                {"detail", detail}});
    f.demo = v.demo;
    return finish(v.lang, f);
}

} // namespace clawgate::pages
