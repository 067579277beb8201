#pragma once
// The gateway's own pages, as complete HTML documents in the reader's language. They work without JavaScript,
// load nothing from outside, and escape every value. Pure.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::pages {

enum class language { en, pt_br };

/// By Accept-Language (RFC 9110 section 12.5.4, with q-values): pt or pt-* → pt_br when preferred to English,
/// otherwise en.
[[nodiscard]] language pick_language(std::string_view accept_language);

enum class login_notice { none, wrong_password, locked_out, busy, signed_out, session_ended, bad_form };

struct login_view {
    language lang = language::en;
    std::string_view name; ///< "agent_1" …, or empty for the control port
    std::string_view next; ///< local path to go to afterwards; already checked
    login_notice notice = login_notice::none;
    std::chrono::seconds retry_after{0}; ///< for locked_out and busy
    bool demo = false;                   ///< the bundled demo model answers: say so loudly
};
[[nodiscard]] std::string render(const login_view& v);

struct waiting_view {
    language lang = language::en;
    std::string_view name;
    bool ever_ready = false; ///< was it up before (then: restarting) or not yet (then: starting)
    bool demo = false;
};
/// "The agent is starting": refreshes itself.
[[nodiscard]] std::string render(const waiting_view& v);

struct fleet_row {
    int number = 1;
    std::string name;
    bool ready = false;
    std::string state;         ///< "ready", "starting", "down": keys that the page translates
    std::string address;       ///< where this visitor should open it
    bool own_password = false; ///< needs a login of its own: no one-click opening
};
/// Something that makes the pod weaker than it could be.
struct fleet_notice {
    std::string key;    ///< "one_user_for_all": the page has a sentence for it
    std::string detail; ///< the particulars, in English; shown with the sentence
};
/// Something that happened to a program.
struct fleet_event {
    std::string time;    ///< UTC, ISO 8601
    std::string program; ///< openclaw-agent_1
    std::string what;    ///< "restarted", "failing", "out_of_memory": keys that the page translates
    std::string amount;  ///< of out_of_memory: MiB
};
struct fleet_view {
    language lang = language::en;
    std::vector<fleet_row> rows;
    std::vector<fleet_notice> notices;
    std::vector<fleet_event> events; ///< the latest first
    bool demo = false;
};
/// Each row opens by POST /_gateway/open/<number> (form, target=_blank); log out by POST /_gateway/logout.
[[nodiscard]] std::string render(const fleet_view& v);

struct message_view {
    language lang = language::en;
    int status = 404;
    std::string_view title; ///< already in the reader's language, or empty for the status' standard text
    std::string_view detail;
    bool demo = false;
};
[[nodiscard]] std::string render(const message_view& v);

/// Content-Security-Policy for the pages above. `form_targets`: origins that a form's redirect may lead to
/// (Chromium applies form-action to redirects too); styles are inline and named by hash.
[[nodiscard]] std::string content_security_policy(const std::vector<std::string>& form_targets = {});

} // namespace clawgate::pages
