// Parsing, defaults and the report of mistakes.
#include "core/options.hpp"
#include "core/options_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace clawgate;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

environment with(environment more) {
    more.emplace("OPENCLAW_WEB_PASSWORD", "correct horse");
    return more;
}

std::vector<std::string> messages(const load_outcome& out) {
    std::vector<std::string> all;
    for (const auto& p : out.problems)
        all.push_back(p.variable + ": " + p.message);
    return all;
}

TEST(Options, AreAllInTheTable) {
    for (const auto* name : {"OPENCLAW_WEB_PASSWORD",
                             "OPENCLAW_NUM_AGENTS",
                             "OPENCLAW_AGENT_PREFIX",
                             "OPENCLAW_BASE_PORT",
                             "OPENCLAW_MODEL",
                             "OPENCLAW_MODEL_AUTO_PULL",
                             "OPENCLAW_WARMUP_ENABLED",
                             "OPENCLAW_TEMPERATURE",
                             "OPENCLAW_TOP_P",
                             "OPENCLAW_REPEAT_PENALTY",
                             "OPENCLAW_NUM_CTX",
                             "OPENCLAW_MAX_TOKENS",
                             "OPENCLAW_THINKING_DEFAULT",
                             "OPENCLAW_VERBOSE_DEFAULT",
                             "OPENCLAW_ELEVATED_DEFAULT",
                             "OPENCLAW_CONTEXT_TOKENS",
                             "OPENCLAW_TIMEOUT_SECONDS",
                             "OPENCLAW_MAX_CONCURRENT",
                             "OPENCLAW_PRUNING_MODE",
                             "OPENCLAW_KEEP_LAST_ASSISTANTS",
                             "OPENCLAW_SOFT_TRIM_RATIO",
                             "OPENCLAW_HARD_CLEAR_RATIO",
                             "OLLAMA_NUM_PARALLEL",
                             "OLLAMA_KV_CACHE_TYPE",
                             "OLLAMA_NUM_GPU",
                             "CLAWGATE_GPU",
                             "OPENCLAW_GPU_PRESET",
                             "OLLAMA_KEEP_ALIVE",
                             "OLLAMA_FLASH_ATTENTION",
                             "OLLAMA_MAX_LOADED_MODELS",
                             "OLLAMA_CONTEXT_LENGTH",
                             "OLLAMA_MAX_QUEUE",
                             "OLLAMA_HOST",
                             "OLLAMA_PORT",
                             "OLLAMA_DEBUG",
                             "LOG_LEVEL",
                             "CLAWGATE_WORKSPACE",
                             "CLAWGATE_BIND",
                             "CLAWGATE_AGENT_BACKENDS",
                             "CLAWGATE_CONTROL_PORT",
                             "CLAWGATE_OLLAMA_URL",
                             "CLAWGATE_ALLOWED_ORIGINS",
                             "CLAWGATE_TRUSTED_PROXIES",
                             "CLAWGATE_WORKERS",
                             "CLAWGATE_PASSWORD_HASH",
                             "CLAWGATE_SESSION_HOURS",
                             "CLAWGATE_SESSION_IDLE_HOURS",
                             "CLAWGATE_PARAM_POLICY",
                             "CLAWGATE_EMBED_MODEL",
                             "CLAWGATE_TLS_CERT",
                             "CLAWGATE_TLS_KEY",
                             "CLAWGATE_DRAIN_SECONDS",
                             "CLAWGATE_LOG_FORMAT",
                             "CLAWGATE_ENV_FILE",
                             "CLAWGATE_MAX_BODY_MB",
                             "CLAWGATE_MAX_CONNECTIONS_PER_CLIENT"})
        EXPECT_NE(find_option(name), nullptr) << name;
}

TEST(Options, HaveUniqueNamesAndCompleteRows) {
    std::set<std::string_view> names;
    for (const auto& o : option_table()) {
        EXPECT_TRUE(names.insert(o.name).second) << o.name;
        EXPECT_FALSE(o.help.empty() || o.type.empty() || o.group.empty()) << o.name;
        EXPECT_TRUE(o.apply && o.show) << o.name;
        EXPECT_FALSE(o.is_secret && !o.default_value.empty()) << o.name;
    }
}

TEST(Options, AcceptTheirOwnExamplesAndShowWhatTheyStored) {
    for (const auto& o : option_table()) {
        if (o.is_secret) continue;
        config c;
        ASSERT_EQ(o.apply(c, nullptr, o.example), "") << o.name;
        EXPECT_EQ(o.show(c, nullptr), o.example) << o.name;
    }
}

// config.hpp states each default a second time, for code that makes a config by hand.
TEST(Options, DefaultsAreThoseOfTheStruct) {
    for (const auto& o : option_table()) {
        if (o.default_value.empty() || o.name == "OPENCLAW_NUM_AGENTS" ||
            o.name == "CLAWGATE_TRUSTED_PROXIES")
            continue;
        EXPECT_EQ(o.show(config{}, nullptr), o.default_value) << o.name;
    }
}

TEST(Options, OnlyAPasswordIsRequired) {
    const auto out = parse_config(with({}));
    EXPECT_THAT(messages(out), IsEmpty());
    EXPECT_THAT(out.warnings, IsEmpty());
    const auto& c = out.value;
    ASSERT_EQ(c.agents.size(), 3u);
    EXPECT_EQ(c.agents[2].name, "agent_3");
    EXPECT_EQ(c.agents[2].number, 3);
    EXPECT_EQ(c.agents[2].port, 18792);
    EXPECT_EQ(c.agents[2].backend_host, "127.0.0.1");
    EXPECT_EQ(c.agents[2].backend_port, 20400);
    EXPECT_EQ(c.agents[2].model, "glm-4.7-flash:latest");
    EXPECT_TRUE(c.agents[2].password.equals("correct horse"));
    EXPECT_EQ(c.control_port, 18793);
    EXPECT_EQ(c.env_file, "/workspace/.clawgate/env");
    EXPECT_GE(c.workers, 1u);
    EXPECT_THAT(c.trusted_proxies, AllOf(Contains("100.64.0.0/10"), Not(Contains(HasSubstr("127.")))));
    EXPECT_THAT(c.given, ElementsAre("OPENCLAW_WEB_PASSWORD"));
}

TEST(Options, EveryMistakeIsReportedAtOnce) {
    const auto out = parse_config({{"OPENCLAW_NUM_AGENTS", "11"},
                                   {"OPENCLAW_TEMPERATURE", "hot"},
                                   {"OLLAMA_PORT", "0"},
                                   {"CLAWGATE_BIND", "everywhere"}});
    EXPECT_EQ(out.problems.size(), 5u) << describe(out.problems); // the password is missing too
    const auto text = describe(out.problems);
    for (const auto* name : {"OPENCLAW_WEB_PASSWORD", "OPENCLAW_NUM_AGENTS", "OPENCLAW_TEMPERATURE",
                             "OLLAMA_PORT", "CLAWGATE_BIND", "docs/configuration.md"})
        EXPECT_THAT(text, HasSubstr(name));
}

TEST(Options, AMistakeNamesVariableValueRangeAndExample) {
    const auto out = parse_config(with({{"OPENCLAW_TEMPERATURE", "2.5"}}));
    EXPECT_THAT(messages(out),
                ElementsAre("OPENCLAW_TEMPERATURE: '2.5' is out of range. Allowed: decimal, 0.0–2.0. "
                            "Example: OPENCLAW_TEMPERATURE=0.7"));
}

TEST(Options, ValuesInMessagesCannotBreakTheLineOrLeakAUrlsPassword) {
    EXPECT_EQ(checks::quoted_value("a\nb\x1b[2J"), "'a\\x0ab\\x1b[2J'");
    const auto out = parse_config(with({{"CLAWGATE_OLLAMA_URL", "http://joe:hunter2@10.0.0.1:11434"}}));
    ASSERT_EQ(out.problems.size(), 1u);
    EXPECT_THAT(describe(out.problems),
                AllOf(Not(HasSubstr("hunter2")), HasSubstr("http://***@10.0.0.1:11434")));
    EXPECT_THAT(checks::quoted_value("joe:hunter2@host"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(checks::quoted_value(std::string(500, 'x')), testing::SizeIs(testing::Lt(140)));
}

TEST(Options, TheBoundsOfEachRangeAreAllowedAndOneBeyondIsNot) {
    struct bounds {
        const char *name, *low, *high, *below, *above;
    };
    for (const auto& b : {bounds{"OPENCLAW_NUM_AGENTS", "1", "10", "0", "11"},
                          {"OPENCLAW_TEMPERATURE", "0", "2", "-0.1", "2.01"},
                          {"OPENCLAW_TOP_P", "0", "1", "-1", "1.1"},
                          {"OPENCLAW_HARD_CLEAR_RATIO", "0.3", "1", "-0.1", "1.01"},
                          {"OLLAMA_NUM_PARALLEL", "1", "256", "0", "257"},
                          {"OPENCLAW_TIMEOUT_SECONDS", "1", "86400", "0", "86401"},
                          {"CLAWGATE_SESSION_HOURS", "0.001", "8760", "0.0009", "8761"},
                          {"CLAWGATE_MAX_BODY_MB", "1", "102400", "0", "102401"},
                          {"OLLAMA_PORT", "1", "65535", "0", "65536"}}) {
        for (const auto* good : {b.low, b.high})
            EXPECT_THAT(messages(parse_config(with({{b.name, good}}))), IsEmpty()) << b.name << '=' << good;
        for (const auto* bad : {b.below, b.above})
            EXPECT_EQ(parse_config(with({{b.name, bad}})).problems.size(), 1u) << b.name << '=' << bad;
    }
}

TEST(Options, NumbersAreReadWholeOrNotAtAll) {
    for (const auto* bad : {"1.5", "4x", " 4", "+4", "0x4", "1e3", "99999999999999999999"})
        EXPECT_EQ(parse_config(with({{"OLLAMA_NUM_PARALLEL", bad}})).problems.size(), 1u) << bad;
    for (const auto* bad : {"nan", "inf", "1e-1", "0,7", "0.7 "})
        EXPECT_EQ(parse_config(with({{"OPENCLAW_TEMPERATURE", bad}})).problems.size(), 1u) << bad;
}

TEST(Options, BooleansHaveEightSpellings) {
    for (const auto* yes : {"true", "1", "yes", "on", "ON"})
        EXPECT_TRUE(parse_config(with({{"OPENCLAW_VERBOSE_DEFAULT", yes}})).value.agents[0].behaviour.verbose)
            << yes;
    for (const auto* no : {"false", "0", "no", "off", "False"})
        EXPECT_FALSE(
            parse_config(with({{"OPENCLAW_THINKING_DEFAULT", no}})).value.agents[0].behaviour.thinking)
            << no;
    EXPECT_EQ(parse_config(with({{"OPENCLAW_THINKING_DEFAULT", "maybe"}})).problems.size(), 1u);
}

TEST(Options, AnEmptyValueIsNotSet) {
    const auto out = parse_config(with({{"OPENCLAW_TEMPERATURE", ""}, {"CLAWGATE_CONTROL_PORT", ""}}));
    EXPECT_THAT(messages(out), IsEmpty());
    EXPECT_EQ(out.value.sampling.temperature, 0.7);
    EXPECT_FALSE(out.value.is_given("OPENCLAW_TEMPERATURE"));
}

TEST(Options, KeepAliveIsSecondsOrAGoDuration) {
    for (const auto* good : {"-1", "0", "300", "5m", "1h30m", "-1s", "1.5h", "250ms"})
        EXPECT_THAT(messages(parse_config(with({{"OLLAMA_KEEP_ALIVE", good}}))), IsEmpty()) << good;
    for (const auto* bad : {"forever", "5 m", "m", "1h30", "-", "5x", "1.2.3s"})
        EXPECT_EQ(parse_config(with({{"OLLAMA_KEEP_ALIVE", bad}})).problems.size(), 1u) << bad;
}

TEST(Options, OllamaDebugKnowsThreeLevels) {
    EXPECT_EQ(parse_config(with({{"OLLAMA_DEBUG", "true"}})).value.ollama.debug, 1);
    EXPECT_EQ(parse_config(with({{"OLLAMA_DEBUG", "2"}})).value.ollama.debug, 2);
    EXPECT_EQ(parse_config(with({{"OLLAMA_DEBUG", "0"}})).value.ollama.debug, 0);
    EXPECT_EQ(parse_config(with({{"OLLAMA_DEBUG", "3"}})).problems.size(), 1u);
}

TEST(Options, OllamaHostIsAnInterfaceWithoutAPort) {
    for (const auto* bad : {"0.0.0.0:11434", ":8080", "http://127.0.0.1", "[::]:11434", "8080"})
        EXPECT_THAT(messages(parse_config(with({{"OLLAMA_HOST", bad}}))),
                    ElementsAre(HasSubstr("OLLAMA_PORT")))
            << bad;
    EXPECT_EQ(parse_config(with({{"OLLAMA_HOST", "[::]"}})).value.ollama.host, "::");
    EXPECT_EQ(parse_config(with({{"OLLAMA_HOST", "localhost"}})).value.ollama.host, "127.0.0.1");
}

TEST(Options, HoursAreKeptToTheSecond) {
    const auto c =
        parse_config(with({{"CLAWGATE_SESSION_HOURS", "0.001"}, {"CLAWGATE_SESSION_IDLE_HOURS", "1.5"}}))
            .value;
    EXPECT_EQ(c.session_lifetime.count(), 4);
    EXPECT_EQ(c.session_idle.count(), 5400);
}

TEST(Options, OriginsAreNormalisedAndASlashIsExplained) {
    const auto good =
        parse_config(with({{"CLAWGATE_ALLOWED_ORIGINS", "HTTPS://A.example:443, http://b.example:8080,"}}));
    EXPECT_THAT(good.value.allowed_origins, ElementsAre("https://a.example", "http://b.example:8080"));
    const auto bad = parse_config(with({{"CLAWGATE_ALLOWED_ORIGINS", "https://a.example/,*,nonsense"}}));
    ASSERT_EQ(bad.problems.size(), 1u);
    EXPECT_THAT(bad.problems[0].message,
                AllOf(HasSubstr("write https://a.example"), HasSubstr("'*'"), HasSubstr("'nonsense'")));
}

TEST(Options, TrustedProxiesAreBlocksOrNobody) {
    EXPECT_THAT(parse_config(with({{"CLAWGATE_TRUSTED_PROXIES", "none"}})).value.trusted_proxies, IsEmpty());
    EXPECT_THAT(parse_config(with({{"CLAWGATE_TRUSTED_PROXIES", "127.0.0.0/8"}})).value.trusted_proxies,
                ElementsAre("127.0.0.0/8"));
    EXPECT_THAT(messages(parse_config(with({{"CLAWGATE_TRUSTED_PROXIES", "10.0.0.1"}}))),
                ElementsAre(HasSubstr("write 10.0.0.1/32")));
}

} // namespace
