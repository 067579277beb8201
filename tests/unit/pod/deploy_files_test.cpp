// The files of deploy/ that name variables and ports: a renamed variable or a changed default must not leave them
// behind.
#include "core/gpu.hpp"
#include "core/options.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <regex>
#include <set>

namespace clawgate::pod::test {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

const std::string deploy = std::string{CLAWGATE_SOURCE_DIR} + "/deploy";

struct preset {
    const char* file;
    int context;
    int parallel;
    const char* cache;
};

// The owner's, by card.
constexpr preset presets[] = {{"rtx-3090-4090", 65'536, 2, "q8_0"},
                              {"a5000", 65'536, 3, "q8_0"},
                              {"a6000-6000ada", 131'072, 4, "q8_0"},
                              {"h100-h200", 200'000, 6, "f16"}};

environment example(const std::string& name, std::vector<problem>& problems) {
    return read_env_file(deploy + "/env/" + name + ".env.example", problems);
}

TEST(DeployFiles, EveryExampleIsAcceptedOnceThePasswordIsSet) {
    for (const auto& p : presets) {
        std::vector<problem> problems;
        auto variables = example(p.file, problems);
        EXPECT_TRUE(problems.empty()) << p.file << describe(problems);
        ASSERT_EQ(variables["OPENCLAW_WEB_PASSWORD"], "") << "no password that people would leave as it is";
        const auto without = parse_config(variables);
        EXPECT_EQ(without.problems.size(), 1u) << p.file << describe(without.problems);

        variables["OPENCLAW_WEB_PASSWORD"] = "correct horse";
        const auto loaded = parse_config(variables);
        EXPECT_TRUE(loaded.problems.empty()) << describe(loaded.problems);
        EXPECT_THAT(loaded.warnings, IsEmpty()) << p.file;
    }
}

TEST(DeployFiles, TheExamplesNameThePresetsAndWhatTheyBeginWith) {
    std::set<std::string> files;
    for (const auto& p : presets) {
        files.insert(std::string{p.file} + ".env.example");
        std::vector<problem> problems;
        auto variables = example(p.file, problems);
        const auto* preset = find_preset(variables["OPENCLAW_GPU_PRESET"]);
        ASSERT_NE(preset, nullptr) << p.file;
        EXPECT_EQ(preset->context, p.context) << p.file;
        EXPECT_EQ(preset->parallel, p.parallel) << p.file;
        const auto text = contents(deploy + "/env/" + p.file + ".env.example");
        for (const auto& value : {"OPENCLAW_NUM_CTX=" + std::to_string(p.context),
                                  "OPENCLAW_CONTEXT_TOKENS=" + std::to_string(p.context),
                                  "OLLAMA_CONTEXT_LENGTH=" + std::to_string(p.context),
                                  "OLLAMA_NUM_PARALLEL=" + std::to_string(p.parallel),
                                  "OLLAMA_KV_CACHE_TYPE=" + std::string{p.cache}})
            EXPECT_NE(text.find("# " + value + "\n"), std::string::npos) << p.file << ": " << value;
    }
    for (const auto& entry : fs::directory_iterator{deploy + "/env"})
        EXPECT_TRUE(files.contains(entry.path().filename())) << entry.path() << " is not tested";
}

// What reads NAME=value without quotes (docker run --env-file) sees the same values as Clawgate's own reader.
TEST(DeployFiles, TheExamplesNeedNoQuotes) {
    for (const auto& p : presets) {
        std::istringstream lines{contents(deploy + "/env/" + p.file + ".env.example")};
        for (std::string line; std::getline(lines, line);) {
            const bool is_comment = line.empty() || line.front() == '#';
            EXPECT_TRUE(is_comment || std::regex_match(line, std::regex{"[A-Z_]+=[A-Za-z0-9_.:-]*"})) << line;
        }
    }
}

TEST(DeployFiles, EveryVariableThatTheyNameExists) {
    const std::regex name{"\\b(?:OPENCLAW|OLLAMA|CLAWGATE)_[A-Z0-9_]+\\b"};
    // Arguments of the build, and what the programs are told beside the table.
    const std::set<std::string> others{"OLLAMA_IMAGE"};
    std::vector<std::string> files{"/runpod-template.json", "/docker-compose.yml", "/Dockerfile",
                                   "/entrypoint.sh", "/pod.sh"};
    for (const auto& p : presets)
        files.push_back(std::string{"/env/"} + p.file + ".env.example");
    for (const auto& file : files) {
        const auto text = contents(deploy + file);
        std::size_t count = 0;
        for (std::sregex_iterator i{text.begin(), text.end(), name}, end; i != end; ++i, ++count)
            EXPECT_TRUE(find_option(i->str()) != nullptr || others.contains(i->str()))
                << i->str() << " in " << file;
        EXPECT_GT(count, 0u) << file;
    }
}

TEST(DeployFiles, TheTemplateExposesEveryAgentAndTheControlPort) {
    const auto t = nlohmann::json::parse(contents(deploy + "/runpod-template.json"));
    environment variables;
    for (const auto& [name, value] : t.at("env").items()) {
        EXPECT_NE(find_option(name), nullptr) << name;
        variables[name] = value.get<std::string>();
    }
    EXPECT_EQ(variables["OPENCLAW_WEB_PASSWORD"], "{{ RUNPOD_SECRET_openclaw_web_password }}");
    variables["OPENCLAW_WEB_PASSWORD"] = "correct horse"; // as RunPod replaces it
    const auto loaded = parse_config(variables);
    EXPECT_TRUE(loaded.problems.empty()) << describe(loaded.problems);

    std::vector<std::string> expected;
    for (const auto& a : loaded.value.agents)
        expected.push_back(std::to_string(a.port) + "/http");
    expected.push_back(std::to_string(loaded.value.control_port) + "/http");
    EXPECT_EQ(t.at("ports").get<std::vector<std::string>>(), expected);
    EXPECT_LE(expected.size(), 10u) << "RunPod exposes ten HTTP ports";
    EXPECT_EQ(t.at("volumeMountPath"), loaded.value.workspace);
    EXPECT_EQ(t.at("imageName"), "blacktech/openclaw-multiagent:latest");
    EXPECT_TRUE(t.at("containerDiskInGb").is_number_integer());
    EXPECT_TRUE(t.at("volumeInGb").is_number_integer());
    EXPECT_THAT(t.at("readme").get<std::string>(), testing::HasSubstr("openclaw_web_password"));
}

TEST(DeployFiles, TheImageAndTheComposeFileKnowTheSamePorts) {
    const auto c = config_of();
    const auto first = std::to_string(c.agents.front().port);
    const auto last = std::to_string(c.control_port);
    const auto model = std::to_string(c.ollama.port);
    const auto compose = contents(deploy + "/docker-compose.yml");
    EXPECT_THAT(compose, testing::HasSubstr(":" + first + "-" + last + ":" + first + "-" + last + "\""));
    EXPECT_THAT(compose, testing::HasSubstr(":" + model + ":" + model + "\""));
    EXPECT_THAT(compose, testing::HasSubstr("image: blacktech/openclaw-multiagent:"));

    const auto most = config_of({{"OPENCLAW_NUM_AGENTS", std::to_string(max_agents)}});
    std::string expose = "EXPOSE";
    for (const auto& a : most.agents)
        expose += " " + std::to_string(a.port);
    expose += " " + std::to_string(most.control_port) + " " + model + "\n";
    EXPECT_THAT(contents(deploy + "/Dockerfile"), testing::HasSubstr(expose));
}

} // namespace
} // namespace clawgate::pod::test
