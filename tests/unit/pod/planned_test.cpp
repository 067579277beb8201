// What is planned for a GPU is the same everywhere: in Ollama's environment, in the agents' files, and in the
// gateway, which reads the cards from its own file.
#include "pod_fixture.hpp"

#include "core/vram_plan.hpp"
#include "pod/agent_config.hpp"
#include "pod/prepare.hpp"
#include "pod/program_output.hpp"
#include "pod/supervisor.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace clawgate::pod::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

const environment on_4090{{"CLAWGATE_GPU", "NVIDIA GeForce RTX 4090:24564"}};
const environment on_h100{{"CLAWGATE_GPU", "NVIDIA H100 80GB HBM3:81559"}};

// As the gateway gets them: read by a shell into an empty environment.
environment variables_of(const std::string& settings) {
    const auto out =
        run_program({"env", "-i", "/bin/sh", "-c", "set -a && . \"$0\" && exec /usr/bin/env", settings});
    EXPECT_TRUE(out && out->status == 0);
    environment variables;
    std::istringstream lines{out ? out->text : std::string{}};
    for (std::string line; std::getline(lines, line);)
        variables[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    return variables;
}

json model_of(const json& agent) {
    return agent["models"]["providers"]["ollama"]["models"][0];
}

json agent_file(const environment& env, json before = {}) {
    const auto c = config_of(env);
    return merge_agent_config(std::move(before), c, c.agents[0], layout_of(), secret{"token"});
}

TEST(Planned, ValuesReachTheModelServer) {
    const auto c = config_of(on_h100);
    const auto ollama = programs(c, layout_of(), {}).front();
    ASSERT_EQ(ollama.name, "ollama");
    EXPECT_THAT(ollama.variables, AllOf(Contains(Pair("OLLAMA_NUM_PARALLEL", "1")),
                                        Contains(Pair("OLLAMA_KV_CACHE_TYPE", "f16")),
                                        Contains(Pair("OLLAMA_CONTEXT_LENGTH", "200000"))));
}

TEST(Planned, ValuesReachTheAgents) {
    const auto model = model_of(agent_file(on_4090));
    EXPECT_EQ(model["contextWindow"], 57344);
    EXPECT_EQ(model["contextTokens"], 57344);
    EXPECT_EQ(model["params"]["num_ctx"], 57344);
}

TEST(Planned, ValuesFollowTheCardWhenThePodMoves) {
    auto file = agent_file(on_h100);
    EXPECT_EQ(model_of(file)["contextTokens"], 200000);
    file = agent_file(on_4090, file);
    EXPECT_EQ(model_of(file)["contextTokens"], 57344);
    EXPECT_EQ(model_of(file)["contextWindow"], 57344);
    EXPECT_EQ(model_of(agent_file(on_h100, file))["contextTokens"], 200000);
}

TEST(Planned, ValuesOfTheUsersOwnStayWithoutACard) {
    auto file = agent_file({});
    file["models"]["providers"]["ollama"]["models"][0]["contextTokens"] = 12345;
    EXPECT_EQ(model_of(agent_file({}, file))["contextTokens"], 12345);
}

TEST(Planned, ValuesAreDerivedAgainByTheGateway) {
    temporary_folder folder;
    std::filesystem::create_directories(folder / "tools/openclaw");
    prepare_options options;
    options.no_packet_filter = true; // it is the machine's, and outlives the test
    options.no_cgroups = true;
    options.clawgate = folder / "tools/clawgate";
    options.node = folder / "tools/node";
    options.openclaw = folder / "tools/openclaw/openclaw.mjs";
    options.run_dir = folder / "run/pod";
    for (const auto& file : {options.clawgate, options.node, options.openclaw}) {
        put(file, "");
        ::chmod(file.c_str(), 0755);
    }
    // As main() has it: found, and in no variable of the process.
    const auto c = config_of({{"CLAWGATE_WORKSPACE", folder / "workspace"},
                              {"CLAWGATE_GPU", "NVIDIA RTX A6000:49140,NVIDIA RTX A6000:49140"}});
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = prepare_command(c, options);
    const auto said = testing::internal::GetCapturedStdout();
    const auto complaints = testing::internal::GetCapturedStderr();
    ASSERT_EQ(status, 0) << complaints;
    EXPECT_THAT(said, HasSubstr("GPU            2 × NVIDIA RTX A6000, 96.0 GB: "));

    const auto gateway = config_of(variables_of(options.run_dir + "/gateway.env"));
    EXPECT_EQ(gateway.gpus, c.gpus);
    EXPECT_EQ(gateway.planned, c.planned);
    EXPECT_EQ(gateway.num_ctx, c.num_ctx);
    EXPECT_EQ(gateway.ollama.num_parallel, c.ollama.num_parallel);
    EXPECT_EQ(gateway.ollama.kv_cache_type, c.ollama.kv_cache_type);
    EXPECT_EQ(gateway.agents[0].behaviour.context_tokens, c.agents[0].behaviour.context_tokens);
}

TEST(Planned, TheGatewayHearsHowManyGpusRunpodGave) {
    EXPECT_THAT(gateway_settings(layout_of(), {{"RUNPOD_GPU_COUNT", "0"}}),
                HasSubstr("RUNPOD_GPU_COUNT=0\n"));
}

} // namespace
} // namespace clawgate::pod::test
