#pragma once
// One of every page, for tests of what all pages have in common.

#include "pages/pages.hpp"

#include <string>
#include <vector>

namespace clawgate::pages::samples {

struct sample {
    std::string name; ///< shown when a check fails
    language lang = language::en;
    bool demo = false;
    std::string html;
};

inline constexpr std::string_view address = "https://pod7-18790.proxy.example";

inline fleet_view fleet(language lang, bool demo) {
    return {lang,
            {{1, "agent_1", true, "ready", std::string(address), false},
             {2, "agent_2", false, "starting", "http://203.0.113.7:18791", false},
             {3, "agent_3", false, "down", "http://203.0.113.7:18792", true}},
            {{"ports_open", "no <packet> filter"}, {"a_later_one", "said in English only"}},
            {{"2026-11-25T03:04:05Z", "gateway", "restarted", ""},
             {"2026-11-25T03:00:00Z", "openclaw-agent_1", "out_of_memory", "5000"}},
            demo};
}

inline std::vector<sample> all() {
    std::vector<sample> out;
    for (const auto lang : {language::en, language::pt_br}) {
        for (const bool demo : {false, true}) {
            for (const auto notice :
                 {login_notice::none, login_notice::wrong_password, login_notice::locked_out, login_notice::busy,
                  login_notice::signed_out, login_notice::session_ended, login_notice::bad_form}) {
                for (const std::string_view name : {"agent_1", ""}) {
                    login_view v{lang, name, "/overview", notice, std::chrono::seconds{300}, demo};
                    out.push_back(
                        {"login, notice " + std::to_string(static_cast<int>(notice)), lang, demo, render(v)});
                }
            }
            for (const bool ever : {false, true})
                out.push_back({"waiting", lang, demo, render(waiting_view{lang, "agent_1", ever, demo})});
            out.push_back({"fleet", lang, demo, render(fleet(lang, demo))});
            auto troubled = fleet(lang, demo);
            troubled.notices = {{"not_mounted", "…"}, {"one_user_for_all", "<why>"}, {"local_state", "…"}};
            out.push_back({"fleet with notes", lang, demo, render(troubled)});
            for (const int status : {400, 401, 403, 404, 405, 408, 413, 429, 500, 502, 503, 504, 599})
                out.push_back({"message " + std::to_string(status), lang, demo,
                               render(message_view{lang, status, {}, "More about it.", demo})});
        }
    }
    return out;
}

/// What stands between the first `begin` and the next `end`; empty when they are not there.
inline std::string between(const std::string& html, std::string_view begin, std::string_view end) {
    const auto from = html.find(begin);
    if (from == std::string::npos) return {};
    const auto to = html.find(end, from + begin.size());
    if (to == std::string::npos) return {};
    return html.substr(from + begin.size(), to - from - begin.size());
}

inline std::size_t count(const std::string& html, std::string_view what) {
    std::size_t found = 0;
    for (auto at = html.find(what); at != std::string::npos; at = html.find(what, at + what.size()))
        ++found;
    return found;
}

} // namespace clawgate::pages::samples
