#include "pages/pages.hpp"
#include "sample_pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace clawgate::pages {
namespace {

using samples::between;
using samples::count;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view hostile = R"("><script>alert('1')</script>&{{next}})";
constexpr std::string_view harmless =
    "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;{{next}}";

login_view login(login_notice notice = login_notice::none, language lang = language::en) {
    login_view v;
    v.lang = lang;
    v.name = "agent_1";
    v.next = "/overview?tab=1&x=2";
    v.notice = notice;
    return v;
}

// ---- what all pages have in common

TEST(EveryPage, NamesItsLanguageAndHasATitleAndLandmarks) {
    for (const auto& page : samples::all()) {
        SCOPED_TRACE(page.name);
        EXPECT_TRUE(page.html.starts_with("<!doctype html>\n"));
        EXPECT_THAT(page.html,
                    HasSubstr(page.lang == language::en ? "<html lang=\"en\">" : "<html lang=\"pt-BR\">"));
        EXPECT_THAT(between(page.html, "<title>", "</title>"), HasSubstr(" – Clawgate"));
        EXPECT_EQ(count(page.html, "<header"), 1u);
        EXPECT_EQ(count(page.html, "<main>"), 1u);
        EXPECT_EQ(count(page.html, "<h1>"), 1u);
        EXPECT_THAT(page.html, HasSubstr("name=\"viewport\""));
        EXPECT_EQ(page.html.find("{{"), std::string::npos) << "a placeholder is left";
    }
}

TEST(EveryPage, LoadsNothingFromOutside) {
    // Addresses of agents may be shown and linked to, never loaded: so look at what loads.
    static const std::regex loads{R"(<(script|iframe|object|embed|base|audio|video|source|link|img)\b[^>]*)"};
    static const std::regex reference{R"((src|href|srcset|data)="([^"]*)\")"};
    for (const auto& page : samples::all()) {
        SCOPED_TRACE(page.name);
        for (auto tag = std::sregex_iterator(page.html.begin(), page.html.end(), loads);
             tag != std::sregex_iterator(); ++tag) {
            const auto element = tag->str();
            EXPECT_TRUE(element.starts_with("<img") || element.starts_with("<link rel=\"icon\"")) << element;
            std::smatch target;
            ASSERT_TRUE(std::regex_search(element, target, reference)) << element;
            EXPECT_TRUE(target[2].str().starts_with("data:image/svg+xml;base64,")) << element;
        }
        if (!std::string_view{page.name}.starts_with("fleet")) {
            EXPECT_THAT(page.html, Not(HasSubstr("http://")));
            EXPECT_THAT(page.html, Not(HasSubstr("https://")));
        }
    }
}

TEST(EveryPage, HasNeitherScriptsNorInlineStyles) {
    for (const auto& page : samples::all()) {
        SCOPED_TRACE(page.name);
        EXPECT_THAT(page.html, Not(HasSubstr("<script")));
        EXPECT_FALSE(std::regex_search(page.html, std::regex{R"(<[^>]*\s(on[a-z]+|style)=)"}));
    }
}

TEST(EveryPage, HasIdentifiersOnceAndReferencesThatExist) {
    static const std::regex reference{R"re((for|aria-describedby)="([^"]*)")re"};
    for (const auto& page : samples::all()) {
        SCOPED_TRACE(page.name);
        for (auto it = std::sregex_iterator(page.html.begin(), page.html.end(), reference);
             it != std::sregex_iterator(); ++it) {
            std::istringstream ids{(*it)[2].str()};
            for (std::string id; ids >> id;)
                EXPECT_EQ(count(page.html, " id=\"" + id + "\""), 1u) << id;
        }
    }
}

TEST(EveryPage, SaysThatItIsADemoExactlyWhenItIs) {
    for (const auto& page : samples::all()) {
        SCOPED_TRACE(page.name);
        EXPECT_EQ(count(page.html, "<aside class=\"banner\""), page.demo ? 1u : 0u);
        if (page.demo) {
            EXPECT_THAT(page.html, HasSubstr(page.lang == language::en ? "the answers are canned"
                                                                       : "as respostas são pré-programadas"));
            EXPECT_THAT(page.html, HasSubstr("Ollama"));
        }
    }
}

// ---- login

TEST(LoginPage, HasOneLabelledFieldForThePassword) {
    for (const auto& [lang, label] : {std::pair{language::en, "Password (not stored)"},
                                      std::pair{language::pt_br, "Senha (não é armazenada)"}}) {
        const auto html = render(login(login_notice::none, lang));
        EXPECT_THAT(html, HasSubstr(std::string("<label for=\"password\">") + label + "</label>"));
        EXPECT_EQ(count(html, "<input "), 2u);
        EXPECT_EQ(count(html, "type=\"hidden\""), 1u);
        const auto field = between(html, "<input id=\"password\"", ">");
        for (const auto* attribute : {" name=\"password\"", " type=\"password\"",
                                      " autocomplete=\"current-password\"", " autofocus", " required"})
            EXPECT_THAT(field, HasSubstr(attribute));
    }
}

TEST(LoginPage, PostsThePasswordAndTheNextPathToTheGateway) {
    const auto html = render(login());
    EXPECT_THAT(html, HasSubstr("<form method=\"post\" action=\"/_gateway/login\">"));
    EXPECT_THAT(html, HasSubstr("<input type=\"hidden\" name=\"next\" value=\"/overview?tab=1&amp;x=2\">"));
    EXPECT_EQ(count(html, "<button type=\"submit\">"), 1u);
}

TEST(LoginPage, ShowsTheAgentsName) {
    EXPECT_THAT(render(login()), HasSubstr("<h1>Sign in to agent_1</h1>"));
    EXPECT_THAT(render(login(login_notice::none, language::pt_br)), HasSubstr("<h1>Entrar em agent_1</h1>"));
}

TEST(LoginPage, OfTheControlPortNamesTheGateway) {
    auto v = login();
    v.name = {};
    EXPECT_THAT(render(v), HasSubstr("<h1>Sign in to Clawgate</h1>"));
}

TEST(LoginPage, EscapesNameAndNext) {
    auto v = login();
    v.name = hostile;
    v.next = hostile;
    const auto html = render(v);
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    EXPECT_THAT(html, HasSubstr("value=\"" + std::string(harmless) + "\""));
    EXPECT_THAT(between(html, "<h1>", "</h1>"), HasSubstr(harmless));
}

TEST(LoginPage, AnnouncesItsNoticeAndTiesItToTheField) {
    EXPECT_THAT(render(login()), Not(HasSubstr("role=\"alert\"")));
    for (const auto notice :
         {login_notice::wrong_password, login_notice::locked_out, login_notice::busy, login_notice::signed_out,
          login_notice::session_ended, login_notice::bad_form}) {
        const auto html = render(login(notice));
        EXPECT_EQ(count(html, "role=\"alert\""), 1u);
        const auto said = between(html, "role=\"alert\">", "</p>");
        EXPECT_FALSE(said.empty());
        EXPECT_TRUE(between(html, "<title>", "</title>").starts_with(said))
            << "the title should lead with it";
        EXPECT_THAT(between(html, "<input id=\"password\"", ">"), HasSubstr("aria-describedby=\"notice "));
    }
}

TEST(LoginPage, MarksTheFieldInvalidAfterAWrongPasswordOnly) {
    EXPECT_THAT(render(login(login_notice::wrong_password)), HasSubstr("aria-invalid=\"true\""));
    EXPECT_THAT(render(login(login_notice::signed_out)), HasSubstr("aria-invalid=\"false\""));
}

TEST(LoginPage, SaysHowLongALockLasts) {
    auto v = login(login_notice::locked_out);
    const auto wait = [&v](int seconds) {
        v.retry_after = std::chrono::seconds{seconds};
        return between(render(v), "Try again in ", ".");
    };
    EXPECT_EQ(wait(300), "5 minutes");
    EXPECT_EQ(wait(241), "5 minutes");
    EXPECT_EQ(wait(240), "4 minutes");
    EXPECT_EQ(wait(60), "1 minute");
    EXPECT_EQ(wait(59), "59 seconds");
    EXPECT_EQ(wait(1), "1 second");
    EXPECT_EQ(wait(0), "1 second");
    v.lang = language::pt_br;
    v.retry_after = std::chrono::seconds{300};
    EXPECT_THAT(render(v), HasSubstr("Tente de novo em 5 minutos."));
}

// ---- waiting

TEST(WaitingPage, RefreshesItselfAndSaysWhichAgent) {
    const auto html = render(waiting_view{language::en, "agent_2", false, false});
    EXPECT_THAT(html, HasSubstr("<meta http-equiv=\"refresh\" content=\"3\">"));
    EXPECT_THAT(html, HasSubstr("<h1>agent_2 is starting</h1>"));
    EXPECT_THAT(html, HasSubstr("role=\"status\""));
}

TEST(WaitingPage, TellsAFirstStartFromARestart) {
    EXPECT_THAT(render(waiting_view{language::en, "agent_2", true, false}),
                HasSubstr("agent_2 is restarting"));
    EXPECT_THAT(render(waiting_view{language::pt_br, "agent_2", true, false}),
                HasSubstr("agent_2 está reiniciando"));
}

TEST(WaitingPage, EscapesTheName) {
    EXPECT_THAT(render(waiting_view{language::en, hostile, false, false}), Not(HasSubstr("<script>")));
}

// ---- fleet

TEST(FleetPage, OpensAnAgentByAFormInANewTab) {
    const auto html = render(samples::fleet(language::en, false));
    EXPECT_THAT(
        html,
        HasSubstr("<form method=\"post\" action=\"/_gateway/open/1\" target=\"_blank\" rel=\"noopener\">"));
    EXPECT_THAT(html, HasSubstr("action=\"/_gateway/open/2\""));
    EXPECT_THAT(html,
                HasSubstr("<button type=\"submit\">Open <span class=\"unseen\">agent_1</span></button>"));
}

TEST(FleetPage, LinksToAnAgentWithAPasswordOfItsOwn) {
    const auto html = render(samples::fleet(language::en, false));
    EXPECT_THAT(html, Not(HasSubstr("/_gateway/open/3")));
    EXPECT_THAT(html,
                HasSubstr("href=\"http://203.0.113.7:18792\" target=\"_blank\" rel=\"noopener noreferrer\""));
    EXPECT_EQ(count(html, "class=\"hint\""), 1u);
}

TEST(FleetPage, LinksToWebAddressesOnly) {
    auto v = samples::fleet(language::en, false);
    v.rows[2].address = "javascript:alert(1)";
    EXPECT_THAT(render(v), Not(HasSubstr("href=\"javascript:")));
}

TEST(FleetPage, SaysEachStateInWords) {
    const auto english = render(samples::fleet(language::en, false));
    for (const auto* state : {"good\">Ready<", "busy\">Starting<", "bad\">Down<"})
        EXPECT_THAT(english, HasSubstr(state));
    const auto portuguese = render(samples::fleet(language::pt_br, false));
    for (const auto* state : {">Pronto<", ">Iniciando<", ">Fora do ar<"})
        EXPECT_THAT(portuguese, HasSubstr(state));
    auto v = samples::fleet(language::en, false);
    v.rows[0].state = "<b>";
    EXPECT_THAT(render(v), HasSubstr(">Unknown<"));
}

TEST(FleetPage, ShowsAddressesAsTextAndCountsTheReady) {
    const auto html = render(samples::fleet(language::en, false));
    EXPECT_THAT(html, HasSubstr("<span class=\"address\">" + std::string(samples::address) + "</span>"));
    EXPECT_THAT(html, HasSubstr("1 of 3 ready"));
}

TEST(FleetPage, SaysWhatMakesThePodWeakerInBothLanguages) {
    auto v = samples::fleet(language::en, false);
    v.notices = {{"not_mounted", "x"}, {"ports_open", "<no nft>"}, {"a_later_one", "In <English> only."}};
    EXPECT_THAT(render(v), HasSubstr("<li>The workspace is not on a mounted volume"));
    EXPECT_THAT(render(v), HasSubstr("(&lt;no nft&gt;)</li>"));
    EXPECT_THAT(render(v), HasSubstr("<li>In &lt;English&gt; only.</li>"));
    v.lang = language::pt_br;
    EXPECT_THAT(render(v), HasSubstr("<li>O workspace não está em um volume montado"));
    v.notices.clear();
    EXPECT_THAT(render(v), Not(HasSubstr("id=\"notices\"")));
}

TEST(FleetPage, SaysWhatHappenedToPrograms) {
    auto v = samples::fleet(language::en, false);
    v.events = {{"2026-11-25T03:04:05Z", "gateway", "restarted", ""},
                {"2026-11-25T03:00:00Z", "openclaw-agent_1", "out_of_memory", "5000"},
                {"2026-11-25T02:00:00Z", "x", "unheard_of", ""}};
    const auto html = render(v);
    EXPECT_THAT(html, HasSubstr("<time datetime=\"2026-11-25T03:04:05Z\">2026-11-25T03:04:05Z</time> gateway ended"));
    EXPECT_THAT(html, HasSubstr("openclaw-agent_1 took 5000 MiB of memory"));
    EXPECT_THAT(html, Not(HasSubstr("unheard_of")));
    v.events.clear();
    EXPECT_THAT(render(v), Not(HasSubstr("id=\"events\"")));
}

TEST(FleetPage, SignsOutByAForm) {
    const auto html = render(samples::fleet(language::en, false));
    EXPECT_THAT(html, HasSubstr("<form method=\"post\" action=\"/_gateway/logout\">"));
}

TEST(FleetPage, RefreshesItselfOnlyWhileAnAgentStarts) {
    auto v = samples::fleet(language::en, false);
    EXPECT_THAT(render(v), HasSubstr("http-equiv=\"refresh\""));
    v.rows[1].state = "ready";
    EXPECT_THAT(render(v), Not(HasSubstr("http-equiv=\"refresh\"")));
}

TEST(FleetPage, StaysATableForScreenReadersWhenItLooksLikeCards) { // display: block drops the implied roles
    const auto html = render(samples::fleet(language::en, false));
    EXPECT_EQ(count(html, "<tr "), count(html, "<tr role=\"row\""));
    EXPECT_EQ(count(html, "<td "), count(html, "<td role=\"cell\""));
    EXPECT_EQ(count(html, "<td>"), 0u);
    EXPECT_EQ(count(html, "role=\"rowheader\" scope=\"row\""), 3u);
    EXPECT_EQ(count(html, "role=\"columnheader\" scope=\"col\""), 4u);
}

TEST(FleetPage, EscapesNamesAndAddresses) {
    auto v = samples::fleet(language::en, false);
    for (auto& row : v.rows) {
        row.name = hostile;
        row.address = "https://" + std::string(hostile);
    }
    EXPECT_THAT(render(v), Not(HasSubstr("<script>")));
}

// ---- messages

TEST(MessagePage, HasAStandardTitlePerStatusAndLanguage) {
    EXPECT_THAT(render(message_view{language::en, 404, {}, {}, false}), HasSubstr("<h1>Page not found</h1>"));
    EXPECT_THAT(render(message_view{language::pt_br, 404, {}, {}, false}),
                HasSubstr("<h1>Página não encontrada</h1>"));
    EXPECT_THAT(render(message_view{language::en, 418, {}, {}, false}), HasSubstr("could not be completed"));
    EXPECT_THAT(render(message_view{language::en, 418, {}, {}, false}), HasSubstr("Error 418"));
}

TEST(MessagePage, ShowsTheGivenTitleAndDetailEscaped) {
    const auto html = render(message_view{language::en, 403, hostile, hostile, false});
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    EXPECT_THAT(between(html, "<h1>", "</h1>"), std::string(harmless));
    EXPECT_THAT(between(html, "<p class=\"lead\">", "</p>"), std::string(harmless));
}

} // namespace
} // namespace clawgate::pages
