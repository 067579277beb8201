// Variables that act on the programs of the pod: on Ollama's own environment, or on an agent's openclaw.json. Those that
// act on requests: tests/component/variables_test.cpp.

#include "pod/agent_config.hpp"
#include "pod/supervisor.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace clawgate::pod::test {
namespace {

using nlohmann::json;

/// A variable of the program "ollama".
std::string of_ollama(std::string_view name, environment variables = {}) {
    const auto list = programs(config_of(std::move(variables)), layout_of(), {});
    const auto p = std::find_if(list.begin(), list.end(), [](const program& i) { return i.name == "ollama"; });
    if (p == list.end()) return "no program";
    const auto v = std::find_if(p->variables.begin(), p->variables.end(),
                                [&](const auto& i) { return i.first == name; });
    return v == p->variables.end() ? "absent" : v->second;
}

json of_agent(const char* pointer, environment variables = {}) {
    const auto c = config_of(std::move(variables));
    const auto root =
        merge_agent_config(json::object(), c, c.agents.front(), layout_of(), secret{"service-token"});
    return root.value(json::json_pointer{pointer}, json{});
}

TEST(Variables, OPENCLAW_VERBOSE_DEFAULT) {
    EXPECT_EQ(of_agent("/agents/defaults/verboseDefault"), "off");
    EXPECT_EQ(of_agent("/agents/defaults/verboseDefault", {{"OPENCLAW_VERBOSE_DEFAULT", "on"}}), "on");
}

TEST(Variables, OPENCLAW_ELEVATED_DEFAULT) {
    EXPECT_EQ(of_agent("/tools/exec/mode"), "full");
    EXPECT_EQ(of_agent("/tools/exec/mode", {{"OPENCLAW_ELEVATED_DEFAULT", "off"}}), "ask");
    EXPECT_EQ(of_agent("/agents/defaults/elevatedDefault", {{"OPENCLAW_ELEVATED_DEFAULT", "off"}}), "off");
}

TEST(Variables, OLLAMA_NUM_PARALLEL) {
    EXPECT_EQ(of_ollama("OLLAMA_NUM_PARALLEL", {{"OLLAMA_NUM_PARALLEL", "7"}}), "7");
}

TEST(Variables, OLLAMA_KV_CACHE_TYPE) {
    EXPECT_EQ(of_ollama("OLLAMA_KV_CACHE_TYPE"), "q8_0");
    EXPECT_EQ(of_ollama("OLLAMA_KV_CACHE_TYPE", {{"OLLAMA_KV_CACHE_TYPE", "f16"}}), "f16");
}

TEST(Variables, OLLAMA_KEEP_ALIVE) {
    EXPECT_EQ(of_ollama("OLLAMA_KEEP_ALIVE", {{"OLLAMA_KEEP_ALIVE", "30m"}}), "30m");
}

TEST(Variables, OLLAMA_FLASH_ATTENTION) {
    EXPECT_EQ(of_ollama("OLLAMA_FLASH_ATTENTION"), "1");
    EXPECT_EQ(of_ollama("OLLAMA_FLASH_ATTENTION",
                        {{"OLLAMA_FLASH_ATTENTION", "0"}, {"OLLAMA_KV_CACHE_TYPE", "f16"}}),
              "0");
}

TEST(Variables, OLLAMA_MAX_LOADED_MODELS) {
    EXPECT_EQ(of_ollama("OLLAMA_MAX_LOADED_MODELS"), "2") << "room for the embedding model";
    EXPECT_EQ(of_ollama("OLLAMA_MAX_LOADED_MODELS", {{"OLLAMA_MAX_LOADED_MODELS", "5"}}), "5");
}

TEST(Variables, OLLAMA_CONTEXT_LENGTH) {
    EXPECT_EQ(of_ollama("OLLAMA_CONTEXT_LENGTH", {{"OLLAMA_CONTEXT_LENGTH", "65536"}}), "65536");
}

TEST(Variables, OLLAMA_MAX_QUEUE) {
    EXPECT_EQ(of_ollama("OLLAMA_MAX_QUEUE", {{"OLLAMA_MAX_QUEUE", "9"}}), "9");
}

TEST(Variables, OLLAMA_DEBUG) {
    EXPECT_EQ(of_ollama("OLLAMA_DEBUG"), "0");
    EXPECT_EQ(of_ollama("OLLAMA_DEBUG", {{"OLLAMA_DEBUG", "1"}}), "1");
    EXPECT_EQ(of_ollama("OLLAMA_DEBUG", {{"OLLAMA_DEBUG", "2"}}), "2");
}

TEST(Variables, LOG_LEVEL) {
    EXPECT_EQ(of_ollama("OLLAMA_DEBUG", {{"LOG_LEVEL", "debug"}}), "1");
    EXPECT_EQ(of_ollama("OLLAMA_DEBUG", {{"LOG_LEVEL", "trace"}}), "2");
    EXPECT_EQ(of_ollama("OLLAMA_DEBUG", {{"LOG_LEVEL", "warn"}}), "0");
    EXPECT_EQ(of_ollama("OLLAMA_DEBUG", {{"LOG_LEVEL", "trace"}, {"OLLAMA_DEBUG", "false"}}), "0")
        << "what is said about Ollama itself wins";
    EXPECT_EQ(of_agent("/logging/level", {{"LOG_LEVEL", "debug"}}), "debug");
}

} // namespace
} // namespace clawgate::pod::test
