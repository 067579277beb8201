#include "pod/supervisor.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

namespace clawgate::pod::test {
namespace {

using testing::_;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const environment process{
    {"OPENCLAW_WEB_PASSWORD", "correct horse"},
    {"OPENCLAW_AGENT_1_WEB_PASSWORD", "battery staple"},
    {"RUNPOD_API_KEY", "rpa_secret"},
    {"RUNPOD_POD_ID", "abc123"},
    {"RUNPOD_TCP_PORT_18790", "40001"},
    {"AWS_SECRET_ACCESS_KEY", "aws"},
    {"LD_PRELOAD", "/tmp/evil.so"},
    {"CUDA_VISIBLE_DEVICES", "0"},
    {"TZ", "America/Sao_Paulo"},
    {"HTTPS_PROXY", "http://a b"},
    {"CLAWGATE_WORKSPACE", "relative"},
    {"OPENCLAW_NUM_AGENTS", "2"},
};

std::vector<program> both_agents(bool separate = true) {
    return programs(config_of({{"OPENCLAW_NUM_AGENTS", "2"}}), layout_of(separate), process);
}

const program& named(const std::vector<program>& list, std::string_view name) {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](const program& p) { return p.name == name; });
    if (found == list.end()) throw std::runtime_error{"no program " + std::string{name}};
    return *found;
}

std::vector<std::string> names_of(const program& p) {
    std::vector<std::string> out;
    for (const auto& [name, value] : p.variables)
        out.push_back(name);
    return out;
}

std::string whole(const program& p) {
    std::string out;
    for (const auto& word : full_command(p))
        out += word + "\n";
    return out;
}

TEST(Programs, AreTheModelServerTheAgentsAndTheGateway) {
    std::vector<std::string> names;
    for (const auto& p : both_agents())
        names.push_back(p.name);
    EXPECT_EQ(names, (std::vector<std::string>{"ollama", "openclaw-agent_1", "openclaw-agent_2", "gateway"}));
}

TEST(Programs, SnapshotsAreMadeOnlyOfAStateOnLocalDisk) {
    auto l = layout_of();
    l.local_state = "/var/lib/clawgate/state";
    l.state_is_local = true;
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"}, {"CLAWGATE_SNAPSHOT_MINUTES", "3"}});
    const auto list = programs(c, l, process);
    const auto p = named(list, "snapshots");
    EXPECT_THAT(p.argv, testing::ElementsAre("/opt/clawgate/bin/clawgate", "snapshot", "--watch"));
    EXPECT_FALSE(p.user) << "it becomes each agent's user in turn";
    EXPECT_THAT(p.variables, Contains(testing::Pair("CLAWGATE_SNAPSHOT_MINUTES", "3")));
    EXPECT_THAT(p.variables, Contains(testing::Pair("CLAWGATE_LOCAL_STATE", "/var/lib/clawgate/state")));
    EXPECT_THAT(whole(p), Not(HasSubstr("correct horse")));
    EXPECT_LT(p.priority, named(list, "openclaw-agent_1").priority) << "supervisord ends the highest first";
    EXPECT_GE(p.stop_seconds, 60);
    EXPECT_THAT(whole(named(list, "openclaw-agent_1")),
                HasSubstr("OPENCLAW_STATE_DIR=/var/lib/clawgate/state/agent_1/.openclaw"));
    EXPECT_THAT(whole(named(list, "openclaw-agent_1")), HasSubstr("HOME=/workspace/agents/agent_1\n"));
}

TEST(Programs, FollowThePrefix) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "1"}, {"OPENCLAW_AGENT_PREFIX", "bot"}});
    const auto p = named(programs(c, layout_of(), {}), "openclaw-bot_1");
    EXPECT_EQ(p.log, "/workspace/logs/bot_1.log");
    EXPECT_EQ(p.directory, "/workspace/agents/bot_1/workspace");
}

TEST(Programs, AnAgentElsewhereIsNotSupervised) {
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"},
                              {"CLAWGATE_AGENT_BACKENDS", "http://10.0.0.7:20000,http://127.0.0.1:20200"}});
    const auto list = programs(c, layout_of(), {});
    EXPECT_THROW(named(list, "openclaw-agent_1"), std::runtime_error);
    EXPECT_NO_THROW(named(list, "openclaw-agent_2"));
}

TEST(Programs, AnAgentGetsNothingButItsAllowList) {
    const auto list = both_agents();
    const auto& agent = named(list, "openclaw-agent_1");
    const auto all = whole(agent);
    for (const auto* leaked :
         {"correct horse", "battery staple", "rpa_secret", "aws", "evil", "abc123", "agent_2"})
        EXPECT_THAT(all, Not(HasSubstr(leaked)));
    EXPECT_THAT(names_of(agent),
                testing::UnorderedElementsAre(
                    "HOME", "USER", "LOGNAME", "SHELL", "PATH", "TMPDIR", "LANG", "OPENCLAW_STATE_DIR",
                    "OPENCLAW_CONFIG_PATH", "OPENCLAW_NO_RESPAWN", "OPENCLAW_NO_AUTO_UPDATE",
                    "OPENCLAW_DISABLE_BONJOUR", "DO_NOT_TRACK", "XDG_CACHE_HOME", "npm_config_cache",
                    "PIP_CACHE_DIR", "CUDA_CACHE_PATH", "NODE_COMPILE_CACHE", "TZ", "NODE_OPTIONS"));
}

TEST(Programs, EveryEnvironmentBeginsEmpty) {
    for (const auto& p : both_agents()) {
        const auto words = full_command(p);
        ASSERT_GE(words.size(), 2u);
        EXPECT_EQ(words[0], "/usr/bin/env");
        EXPECT_EQ(words[1], "-i") << p.name;
    }
}

TEST(Programs, EachHasAUserOfItsOwn) {
    const auto list = both_agents();
    EXPECT_EQ(named(list, "gateway").user->uid, 20000u);
    EXPECT_EQ(named(list, "openclaw-agent_1").user->uid, 20001u);
    EXPECT_EQ(named(list, "openclaw-agent_2").user->uid, 20002u);
    EXPECT_EQ(named(list, "ollama").user->uid, 20011u);
    EXPECT_THAT(full_command(named(list, "openclaw-agent_2")), Contains("--reuid=20002"));
    EXPECT_THAT(full_command(named(list, "openclaw-agent_2")), Contains("--no-new-privs"));
    EXPECT_THAT(whole(named(list, "openclaw-agent_2")), HasSubstr("\nsweep\n20002\n")) << "before it starts";
    EXPECT_THAT(whole(named(list, "gateway")), Not(HasSubstr("\nsweep\n")));
}

TEST(Programs, KeepTheirUserWhereNoOtherCanBeHad) {
    for (const auto& p : both_agents(false))
        EXPECT_THAT(whole(p), Not(HasSubstr("setpriv"))) << p.name;
}

TEST(Programs, TheGatewaysSecretsAreInNoCommandLine) {
    const auto list = both_agents();
    const auto& gateway = named(list, "gateway");
    EXPECT_THAT(whole(gateway), Not(HasSubstr("correct horse")));
    EXPECT_EQ(gateway.settings, "/run/clawgate/gateway.env");
}

TEST(Programs, OllamaIsToldWhatTheVariablesMean) {
    const auto c =
        config_of({{"CLAWGATE_OLLAMA_URL", "http://127.0.0.1:11555"}, {"OLLAMA_NUM_PARALLEL", "2"}});
    const auto list = programs(c, layout_of(), process);
    const auto& ollama = named(list, "ollama");
    EXPECT_THAT(ollama.variables,
                Contains(std::pair<std::string, std::string>{"OLLAMA_HOST", "127.0.0.1:11555"}));
    EXPECT_THAT(ollama.variables, Contains(std::pair<std::string, std::string>{"OLLAMA_NUM_PARALLEL", "2"}));
    EXPECT_THAT(ollama.variables,
                Contains(std::pair<std::string, std::string>{"OLLAMA_KV_CACHE_TYPE", "q8_0"}));
    EXPECT_THAT(ollama.variables,
                Contains(std::pair<std::string, std::string>{"OLLAMA_MODELS", "/workspace/.ollama/models"}));
    EXPECT_THAT(ollama.variables, Contains(std::pair<std::string, std::string>{"CUDA_VISIBLE_DEVICES", "0"}));
    EXPECT_THAT(names_of(ollama), Not(Contains("HTTPS_PROXY")))
        << "white space would be cut by the file's format";
    EXPECT_THAT(whole(ollama), Not(HasSubstr("correct horse")));
}

std::string models_in_memory(environment variables) {
    const auto list = programs(config_of(std::move(variables)), layout_of(), {});
    for (const auto& [name, value] : named(list, "ollama").variables)
        if (name == "OLLAMA_MAX_LOADED_MODELS") return value;
    return "absent";
}

TEST(Programs, OllamaHasRoomForTheEmbeddingModelBesideEveryChatModel) {
    EXPECT_EQ(models_in_memory({}), "2");
    EXPECT_EQ(models_in_memory({{"OPENCLAW_AGENT_2_MODEL", "qwen3:8b"}}), "3");
    EXPECT_EQ(models_in_memory({{"CLAWGATE_EMBED_MODEL", "glm-4.7-flash"}}), "1") << "one model for both";
    EXPECT_EQ(models_in_memory({{"OLLAMA_MAX_LOADED_MODELS", "1"}}), "1") << "the user's word";
    EXPECT_EQ(models_in_memory({{"OLLAMA_MAX_LOADED_MODELS", "0"}}), "0");
}

TEST(Programs, TheDemoModelOffersEveryModelOnce) {
    auto l = layout_of();
    l.tools.demo = true;
    l.tools.ollama = "/opt/clawgate/bin/fake_ollama";
    const auto c = config_of({{"OPENCLAW_NUM_AGENTS", "2"}});
    EXPECT_EQ(
        named(programs(c, l, {}), "ollama").argv,
        (std::vector<std::string>{"/opt/clawgate/bin/fake_ollama", "--bind", "127.0.0.1", "--port", "11430",
                                  "--model", "glm-4.7-flash:latest", "--model", "nomic-embed-text"}));
}

TEST(Programs, TheGatewayKnowsItsPod) {
    const auto l = layout_of();
    EXPECT_THAT(named(programs(config_of(), l, {}), "gateway").argv,
                testing::ElementsAre(_, "serve", "--run-dir", l.run_dir));
}

TEST(Programs, TheGatewayStopsFirstAndHasTimeToDrain) {
    const auto list = programs(config_of({{"CLAWGATE_DRAIN_SECONDS", "20"}}), layout_of(), {});
    const auto& gateway = named(list, "gateway");
    EXPECT_GT(gateway.priority, named(list, "openclaw-agent_1").priority);
    EXPECT_GT(named(list, "openclaw-agent_1").priority, named(list, "ollama").priority);
    EXPECT_GT(gateway.stop_seconds, 20);
}

TEST(SupervisordConf, HasASectionForEachProgram) {
    const auto text = supervisord_conf(layout_of(), both_agents(), 65536, true, secret{"of supervisord"});
    for (const auto* section :
         {"[program:ollama]", "[program:openclaw-agent_1]", "[program:openclaw-agent_2]", "[program:gateway]",
          "[unix_http_server]", "[rpcinterface:supervisor]"})
        EXPECT_THAT(text, HasSubstr(section));
    EXPECT_THAT(text, HasSubstr("file=/run/clawgate/supervisor/supervisor.sock\n"));
    EXPECT_THAT(text, HasSubstr("stdout_logfile=/workspace/logs/gateway.log\nstdout_logfile_maxbytes=20MB"));
    EXPECT_THAT(text, HasSubstr("killasgroup=true"));
    EXPECT_THAT(text, HasSubstr("chmod=0777\nusername=clawgate\npassword=of supervisord\n"));
    EXPECT_THAT(text, HasSubstr("minfds=65536\nuser=root"));
}

TEST(SupervisordConf, HoldsNoSecretButItsOwn) {
    const auto text = supervisord_conf(layout_of(), both_agents(), 65536, true, secret{"of supervisord"});
    for (const auto* leaked : {"correct horse", "battery staple", "rpa_secret"})
        EXPECT_THAT(text, Not(HasSubstr(leaked)));
}

TEST(SupervisordConf, APercentSignIsNotAnExpansion) {
    program p;
    p.name = "x";
    p.argv = {"/bin/echo", "100%(ENV_HOME)s"};
    const auto text = supervisord_conf(layout_of(), {p}, 1024, false, secret{"of supervisord"});
    EXPECT_THAT(text, HasSubstr("'100%%(ENV_HOME)s'"));
    EXPECT_THAT(text, Not(HasSubstr("user=root")));
}

TEST(GatewaySettings, TakeTheGatewaysVariablesAndNoOthers) {
    auto l = layout_of();
    const auto text = gateway_settings(l, process);
    EXPECT_THAT(text, HasSubstr("OPENCLAW_WEB_PASSWORD='correct horse'\n"));
    EXPECT_THAT(text, HasSubstr("OPENCLAW_AGENT_1_WEB_PASSWORD='battery staple'\n"));
    EXPECT_THAT(text, HasSubstr("RUNPOD_POD_ID=abc123\n"));
    EXPECT_THAT(text, HasSubstr("RUNPOD_TCP_PORT_18790=40001\n"));
    EXPECT_THAT(text, HasSubstr("CLAWGATE_WORKSPACE=/workspace\n"));
    for (const auto* foreign : {"RUNPOD_API_KEY", "AWS_", "LD_PRELOAD", "CUDA_", "relative", "CLAWGATE_DEMO"})
        EXPECT_THAT(text, Not(HasSubstr(foreign)));
    l.tools.demo = true;
    EXPECT_THAT(gateway_settings(l, process), HasSubstr("CLAWGATE_DEMO=1\n"));
}

// The shell itself is the judge of what it reads.
std::string through_the_shell(const std::string& word) {
    const std::string command = "printf %s " + word;
    std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(command.c_str(), "r"), ::pclose};
    std::string out;
    std::array<char, 256> buffer{};
    while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
        out.append(buffer.data(), n);
    return out;
}

TEST(Quote, GivesTheShellBackWhatWentIn) {
    for (const std::string text : {"plain", "", "two words", "it's", "$HOME `id` $(id)", "a\\b\"c",
                                   "line\nbreak", "'", "*?[x]", "~", "a;b #c", "ação"})
        EXPECT_EQ(through_the_shell(quote(text)), text);
}

} // namespace
} // namespace clawgate::pod::test
