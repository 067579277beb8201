// What several variables decide together: passwords, overrides, ports, names, models, RunPod.
#include "core/options.hpp"

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
using testing::Pair;

// Of the password "correct horse battery staple"; any valid one does.
constexpr auto a_hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
                        "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";

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

auto only_problem(const environment& env) {
    return messages(parse_config(with(env)));
}

TEST(Password, MissingSaysHowToSetIt) {
    for (const environment& env : {environment{}, environment{{"OPENCLAW_WEB_PASSWORD", ""}}})
        EXPECT_THAT(messages(parse_config(env)), ElementsAre(AllOf(HasSubstr("OPENCLAW_WEB_PASSWORD='"),
                                                                   HasSubstr("clawgate hash-password"))));
}

TEST(Password, HashAloneIsEnough) {
    const auto out = parse_config({{"CLAWGATE_PASSWORD_HASH", a_hash}});
    EXPECT_THAT(messages(out), IsEmpty());
    EXPECT_TRUE(out.value.password.empty());
    EXPECT_TRUE(out.value.agents[0].password_hash.equals(a_hash));
}

TEST(Password, HashWinsOverThePlainOneWithAWarning) {
    const auto out = parse_config(with({{"CLAWGATE_PASSWORD_HASH", a_hash}}));
    EXPECT_THAT(messages(out), IsEmpty());
    EXPECT_THAT(out.warnings, ElementsAre(HasSubstr("the hash is used")));
    EXPECT_TRUE(out.value.password.empty());
    EXPECT_TRUE(out.value.agents[1].password.empty());
}

TEST(Password, WhatIsNoArgon2idHashIsRefusedAndNotShown) {
    for (const auto* bad :
         {"19$m=65536,t=2,p=1$c29tZXNhbHQ$MTIz", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$MTIz",
          "$argon2id$v=19$m=65536,t=2,p=1$broken", "secretword"})
        EXPECT_THAT(messages(parse_config({{"CLAWGATE_PASSWORD_HASH", bad}})),
                    ElementsAre(AllOf(HasSubstr("single quotes"), Not(HasSubstr(bad)))));
}

TEST(Password, HashThatWouldExhaustMemoryIsRefused) {
    const auto big = "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
                     "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";
    EXPECT_THAT(messages(parse_config({{"CLAWGATE_PASSWORD_HASH", big}})), ElementsAre(HasSubstr("1 GiB")));
}

TEST(Password, ControlCharactersAreRefusedAndTheValueIsNotShown) {
    EXPECT_THAT(messages(parse_config({{"OPENCLAW_WEB_PASSWORD", "hunter2\n"}})),
                ElementsAre(AllOf(HasSubstr("control character"), Not(HasSubstr("hunter2")))));
}

TEST(Password, UnresolvedRunpodSecretIsNoPassword) {
    EXPECT_THAT(messages(parse_config({{"OPENCLAW_WEB_PASSWORD", "{{ RUNPOD_SECRET_web }}"}})),
                ElementsAre(HasSubstr("RunPod secret")));
}

TEST(Password, ShortOneIsAWarningGivenOnce) {
    const auto out = parse_config({{"OPENCLAW_WEB_PASSWORD", "x"}});
    EXPECT_THAT(messages(out), IsEmpty());
    EXPECT_THAT(out.warnings, ElementsAre(HasSubstr("shorter than 8")));
}

TEST(Overrides, ChangeOneAgentOnly) {
    const auto out = parse_config(with({{"OPENCLAW_TEMPERATURE", "0.4"},
                                        {"OPENCLAW_AGENT_2_TEMPERATURE", "0.2"},
                                        {"OPENCLAW_AGENT_2_PRUNING_MODE", "off"},
                                        {"OPENCLAW_AGENT_2_WEB_PASSWORD", "another one"}}));
    ASSERT_THAT(messages(out), IsEmpty());
    const auto& c = out.value;
    EXPECT_EQ(c.agents[0].sampling.temperature, 0.4);
    EXPECT_EQ(c.agents[1].sampling.temperature, 0.2);
    EXPECT_EQ(c.agents[1].behaviour.pruning, pruning_mode::off);
    EXPECT_EQ(c.agents[2].behaviour.pruning, pruning_mode::adaptive);
    EXPECT_TRUE(c.agents[1].password.equals("another one"));
    EXPECT_TRUE(c.agents[2].password.equals("correct horse"));
    EXPECT_TRUE(c.is_given("OPENCLAW_AGENT_2_TEMPERATURE"));
}

TEST(Overrides, OwnPasswordReplacesTheCommonHash) {
    const auto out =
        parse_config({{"CLAWGATE_PASSWORD_HASH", a_hash}, {"OPENCLAW_AGENT_1_WEB_PASSWORD", "its own one"}});
    ASSERT_THAT(messages(out), IsEmpty());
    EXPECT_TRUE(out.value.agents[0].password_hash.empty());
    EXPECT_FALSE(out.value.agents[1].password_hash.empty());
}

TEST(Overrides, AreCheckedLikeTheOriginal) {
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_3_TOP_P", "7"}}),
                ElementsAre(AllOf(HasSubstr("OPENCLAW_AGENT_3_TOP_P: '7' is out of range"),
                                  HasSubstr("Example: OPENCLAW_AGENT_3_TOP_P=0.95"))));
}

TEST(Overrides, ThatMakeNoSenseAreMistakes) {
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_4_TEMPERATURE", "0.2"}}),
                ElementsAre(HasSubstr("there is no agent 4")));
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_1_NUM_CTX", "4096"}}),
                ElementsAre(HasSubstr("holds for all agents")));
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_2_TEMPRATURE", "0.2"}}),
                ElementsAre(HasSubstr("Did you mean OPENCLAW_AGENT_2_TEMPERATURE?")));
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_02_TEMPERATURE", "0.2"}}),
                ElementsAre(HasSubstr("OPENCLAW_AGENT_<n>_")));
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_PREFX", "a"}}),
                ElementsAre(HasSubstr("Did you mean OPENCLAW_AGENT_PREFIX?")));
    EXPECT_EQ(only_problem({{"OPENCLAW_AGENT_", "a"}}).size(), 1u);
    EXPECT_EQ(only_problem({{"OPENCLAW_AGENT_0_TOP_P", "0.5"}}).size(), 1u);
    EXPECT_EQ(only_problem({{"OPENCLAW_AGENT_99999999999999999999_TOP_P", "0.5"}}).size(), 1u);
}

TEST(UnknownNames, OfOursAreMistakesAndOthersWarnings) {
    EXPECT_THAT(only_problem({{"CLAWGATE_ALOWED_ORIGINS", "x"}}),
                ElementsAre(HasSubstr("Did you mean CLAWGATE_ALLOWED_ORIGINS?")));
    const auto out =
        parse_config(with({{"OPENCLAW_TEMPRATURE", "1"}, {"OLLAMA_MODELS", "/m"}, {"PATH", "/bin"}}));
    EXPECT_THAT(messages(out), IsEmpty());
    EXPECT_THAT(out.warnings,
                ElementsAre(HasSubstr("OLLAMA_MODELS"), HasSubstr("Did you mean OPENCLAW_TEMPERATURE?")));
}

TEST(UnknownNames, OfTheScriptsAreNoMistake) {
    const auto out = parse_config(with({{"CLAWGATE_BUILD_DIR", "/b"}, {"CLAWGATE_E2E_CHROMIUM", "/c"}}));
    EXPECT_THAT(messages(out), IsEmpty());
    EXPECT_THAT(out.warnings, IsEmpty());
}

TEST(Ports, MustDiffer) {
    EXPECT_THAT(only_problem({{"OLLAMA_PORT", "18791"}}),
                ElementsAre(AllOf(HasSubstr("18791"), HasSubstr("agent_2"))));
    EXPECT_THAT(only_problem({{"CLAWGATE_CONTROL_PORT", "18790"}}), ElementsAre(HasSubstr("wanted twice")));
    EXPECT_THAT(only_problem({{"CLAWGATE_OLLAMA_URL", "http://localhost:11434"}}),
                ElementsAre(HasSubstr("the Ollama server")));
    EXPECT_THAT(only_problem({{"OPENCLAW_BASE_PORT", "20199"}}), ElementsAre(HasSubstr("20200")));
    EXPECT_THAT(only_problem({{"OPENCLAW_BASE_PORT", "11431"}}), ElementsAre(HasSubstr("the control port")));
}

TEST(Ports, OfAnotherMachineDoNotCollide) {
    EXPECT_THAT(only_problem({{"CLAWGATE_OLLAMA_URL", "http://10.0.0.5:11434"}}), IsEmpty());
    EXPECT_THAT(
        only_problem({{"OPENCLAW_NUM_AGENTS", "1"}, {"CLAWGATE_AGENT_BACKENDS", "http://10.0.0.5:18790"}}),
        IsEmpty());
}

TEST(Ports, MustExist) {
    EXPECT_THAT(only_problem({{"OPENCLAW_BASE_PORT", "65534"}}), Contains(HasSubstr("above 65535")));
    EXPECT_THAT(only_problem({{"OPENCLAW_BASE_PORT", "65533"}}),
                ElementsAre(HasSubstr("CLAWGATE_CONTROL_PORT")));
    EXPECT_THAT(only_problem({{"OPENCLAW_BASE_PORT", "65533"}, {"CLAWGATE_CONTROL_PORT", "18800"}}),
                IsEmpty());
}

TEST(Backends, AreOnePerAgentAndAllDifferent) {
    const auto out =
        parse_config(with({{"OPENCLAW_NUM_AGENTS", "2"},
                           {"CLAWGATE_AGENT_BACKENDS", "http://127.0.0.1:3000,http://[::1]:3001/"}}));
    ASSERT_THAT(messages(out), IsEmpty());
    EXPECT_EQ(out.value.agents[1].backend_host, "::1");
    EXPECT_EQ(out.value.agents[1].backend_port, 3001);
    EXPECT_THAT(only_problem({{"CLAWGATE_AGENT_BACKENDS", "http://127.0.0.1:3000"}}),
                ElementsAre(HasSubstr("1 backends for 3 agents")));
    EXPECT_THAT(only_problem({{"OPENCLAW_NUM_AGENTS", "2"},
                              {"CLAWGATE_AGENT_BACKENDS", "http://b:3000,http://b:3000"}}),
                ElementsAre(HasSubstr("wanted twice")));
    for (const auto* bad :
         {"http://127.0.0.1", "https://127.0.0.1:3000", "127.0.0.1:3000", "http://[::1]", "http://h:1/x"})
        EXPECT_EQ(only_problem({{"OPENCLAW_NUM_AGENTS", "1"}, {"CLAWGATE_AGENT_BACKENDS", bad}}).size(), 1u)
            << bad;
}

TEST(Ratios, SoftIsAtMostHard) {
    EXPECT_THAT(only_problem({{"OPENCLAW_SOFT_TRIM_RATIO", "0.6"}}),
                ElementsAre(HasSubstr("OPENCLAW_HARD_CLEAR_RATIO (0.5)")));
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_2_HARD_CLEAR_RATIO", "0.2"}}),
                ElementsAre(HasSubstr("OPENCLAW_AGENT_2_HARD_CLEAR_RATIO (0.2)")));
    EXPECT_THAT(only_problem({{"OPENCLAW_SOFT_TRIM_RATIO", "0.5"}}), IsEmpty());
}

TEST(Models, AreNoMoreThanMayBeLoaded) {
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_2_MODEL", "qwen3:8b"}, {"OLLAMA_MAX_LOADED_MODELS", "1"}}),
                ElementsAre(AllOf(HasSubstr("2 different models"), HasSubstr("qwen3:8b"))));
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_2_MODEL", "qwen3:8b"}}), IsEmpty())
        << "there is room for all of them unless the user says otherwise";
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_2_MODEL", "qwen3:8b"}, {"OLLAMA_MAX_LOADED_MODELS", "2"}}),
                IsEmpty());
    EXPECT_THAT(only_problem({{"OPENCLAW_AGENT_2_MODEL", "qwen3:8b"}, {"OLLAMA_MAX_LOADED_MODELS", "0"}}),
                IsEmpty());
    EXPECT_THAT(
        only_problem({{"OPENCLAW_AGENT_2_MODEL", "glm-4.7-flash"}, {"OLLAMA_MAX_LOADED_MODELS", "1"}}),
        IsEmpty())
        << "x and x:latest are one";
}

TEST(Models, WithoutRoomForTheEmbeddingModelAreAWarning) {
    EXPECT_THAT(parse_config(with({{"OLLAMA_MAX_LOADED_MODELS", "1"}})).warnings,
                ElementsAre(AllOf(HasSubstr("nomic-embed-text"), HasSubstr("every memory search"),
                                  HasSubstr("set it to 2"))));
    for (const auto* enough : {"0", "2"})
        EXPECT_THAT(parse_config(with({{"OLLAMA_MAX_LOADED_MODELS", enough}})).warnings, IsEmpty()) << enough;
    EXPECT_THAT(parse_config(with({})).warnings, IsEmpty());
}

TEST(Models, HaveNamesThatOllamaTakes) {
    for (const auto* good :
         {"qwen3", "qwen3-coder:30b", "hf.co/unsloth/GLM-4.7-Flash-GGUF:Q4_K_M", "host:5000/a/b:c"})
        EXPECT_THAT(only_problem({{"OPENCLAW_MODEL", good}}), IsEmpty()) << good;
    for (const auto* bad : {"a b", ":latest", "a:", "../../etc", "/a", "a//b", "a:b:c"})
        EXPECT_EQ(only_problem({{"OPENCLAW_MODEL", bad}}).size(), 1u) << bad;
}

TEST(Models, GlmWithAnotherRepeatPenaltyIsAWarning) {
    EXPECT_THAT(parse_config(with({{"OPENCLAW_REPEAT_PENALTY", "1.1"}})).warnings,
                ElementsAre(HasSubstr("1.0 is sent")));
    EXPECT_THAT(
        parse_config(with({{"OPENCLAW_REPEAT_PENALTY", "1.1"}, {"OPENCLAW_MODEL", "qwen3"}})).warnings,
        IsEmpty());
}

TEST(Tls, NeedsCertificateAndKey) {
    EXPECT_THAT(only_problem({{"CLAWGATE_TLS_CERT", "/c.pem"}}),
                ElementsAre(HasSubstr("CLAWGATE_TLS_KEY: is not set")));
    EXPECT_THAT(only_problem({{"CLAWGATE_TLS_KEY", "/k.pem"}}),
                ElementsAre(HasSubstr("CLAWGATE_TLS_CERT: is not set")));
    EXPECT_THAT(only_problem({{"CLAWGATE_TLS_CERT", "/c.pem"}, {"CLAWGATE_TLS_KEY", "/k.pem"}}), IsEmpty());
}

TEST(Runpod, FactsAreReadAndBadOnesIgnored) {
    const auto out = parse_config(with({{"RUNPOD_POD_ID", "AbC123xyz"},
                                        {"RUNPOD_PUBLIC_IP", "203.0.113.9"},
                                        {"RUNPOD_TCP_PORT_18800", "40123"},
                                        {"RUNPOD_TCP_PORT_22", "40022"},
                                        {"RUNPOD_TCP_PORT_x", "1"},
                                        {"RUNPOD_API_KEY", "rpa_secret"}}));
    EXPECT_THAT(messages(out), IsEmpty());
    EXPECT_EQ(out.value.runpod.pod_id, "abc123xyz");
    EXPECT_EQ(out.value.runpod.public_ip, "203.0.113.9");
    EXPECT_THAT(out.value.runpod.tcp_ports, ElementsAre(Pair(22, 40022), Pair(18800, 40123)));
    EXPECT_THAT(out.warnings, ElementsAre(HasSubstr("RUNPOD_TCP_PORT_x")));

    const auto bad = parse_config(with({{"RUNPOD_POD_ID", "evil.example/"}, {"RUNPOD_PUBLIC_IP", "host"}}));
    EXPECT_THAT(messages(bad), IsEmpty());
    EXPECT_EQ(bad.warnings.size(), 2u);
    EXPECT_EQ(bad.value.runpod.pod_id + bad.value.runpod.public_ip, "");
}

TEST(PrintConfig, MasksSecretsAndTellsGivenFromDefault) {
    const auto out =
        parse_config(with({{"OPENCLAW_TOP_P", "0.9"}, {"OPENCLAW_AGENT_2_WEB_PASSWORD", "hunter2hunter2"}}));
    const auto text = print_config(out.value);
    EXPECT_THAT(text, AllOf(HasSubstr("OPENCLAW_TOP_P = 0.9 (given)\n"),
                            HasSubstr("OPENCLAW_TEMPERATURE = 0.7 (default)\n"),
                            HasSubstr("OPENCLAW_WEB_PASSWORD = (set) (given)\n"),
                            HasSubstr("OPENCLAW_AGENT_2_WEB_PASSWORD = (set) (given)\n"),
                            HasSubstr("CLAWGATE_CONTROL_PORT = 18793 (default)\n")));
    EXPECT_THAT(text, AllOf(Not(HasSubstr("hunter2")), Not(HasSubstr("correct horse"))));
}

} // namespace
