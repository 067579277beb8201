// The program from the outside: how `plan`, `check` and `prepare` come by the GPU, and their exit status.
#include "pod/prepare.hpp"
#include "pod/program_output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace {

using clawgate::pod::run_program;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using variables = std::map<std::string, std::string>;

/// An empty environment, but for what a test puts there, and a PATH with an nvidia-smi of its own.
class Program : public testing::Test {
protected:
    Program() {
        std::string name = std::filesystem::temp_directory_path().string() + "/clawgate-program-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        folder_ = name;
    }
    ~Program() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    void install_nvidia_smi(const std::string& prints) {
        const auto path = folder_ + "/nvidia-smi";
        std::ofstream{path} << "#!/bin/sh\necho '" << prints << "'\n";
        ::chmod(path.c_str(), 0755);
    }

    /// Standard output, and what went to standard error after it.
    clawgate::pod::program_output run(std::vector<std::string> arguments, variables more = {}) {
        more.emplace("PATH", folder_ + ":/usr/bin:/bin");
        more.emplace("CLAWGATE_WORKSPACE", folder_ + "/workspace");
        std::vector<std::string> argv{"env", "-i"};
        for (const auto& [name, value] : more)
            argv.push_back(name + "=" + value);
        argv.insert(argv.end(), {"sh", "-c", "exec \"$0\" \"$@\" 2>&1", CLAWGATE_PROGRAM});
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        clawgate::pod::run_options patient;
        patient.limit = std::chrono::seconds{60};
        auto out = run_program(argv, patient);
        EXPECT_TRUE(out) << out.error().detail;
        return out ? *out : clawgate::pod::program_output{};
    }

    std::string folder_;
};

TEST_F(Program, PlansWithoutAPassword) {
    const auto out = run({"plan", "--gpu", "NVIDIA GeForce RTX 4090:24564"});
    EXPECT_EQ(out.status, 0);
    EXPECT_THAT(out.text, AllOf(HasSubstr("(--gpu)"), HasSubstr("It fits."), Not(HasSubstr("PASSWORD"))));
    EXPECT_EQ(run({"plan", "--gpu", ":12288"}).status, 1);
}

TEST_F(Program, PlansForTheGpuThatNvidiaSmiFinds) {
    install_nvidia_smi("NVIDIA RTX A6000, 49140");
    const auto found = run({"plan", "--json"});
    EXPECT_EQ(found.status, 0);
    const auto told = nlohmann::json::parse(found.text);
    EXPECT_EQ(told["gpus"][0]["name"], "NVIDIA RTX A6000");
    EXPECT_EQ(told["gpu_source"], "found by nvidia-smi");

    const auto other = nlohmann::json::parse(run({"plan", "--json", "--gpu", ":24576"}).text);
    EXPECT_EQ(other["gpus"][0]["mib"], 24576) << "the command line wins";
    const auto named = nlohmann::json::parse(run({"plan", "--json"}, {{"CLAWGATE_GPU", ":81920"}}).text);
    EXPECT_EQ(named["gpus"][0]["mib"], 81920) << "and so does the variable";
}

TEST_F(Program, PlansForTheCommandLinesGpuWhateverTheFileSays) {
    std::filesystem::create_directories(folder_ + "/workspace/.clawgate");
    const auto file = folder_ + "/workspace/.clawgate/env";
    std::ofstream{file} << "CLAWGATE_GPU=:49140\nOLLAMA_NUM_PARALLEL=1\n";
    ::chmod(file.c_str(), 0600);
    const auto told = nlohmann::json::parse(run({"plan", "--json", "--gpu", ":24576"}).text);
    EXPECT_EQ(told["gpus"][0]["mib"], 24576);
    EXPECT_EQ(told["variables"]["OLLAMA_NUM_PARALLEL"]["source"], "given");
    EXPECT_EQ(nlohmann::json::parse(run({"plan", "--json"}).text)["gpus"][0]["mib"], 49140);
}

TEST_F(Program, SaysWhatIsWrongWithAPlan) {
    const auto usage = run({"plan", "--gpu", "RTX 4090"});
    EXPECT_EQ(usage.status, 64);
    EXPECT_THAT(usage.text, HasSubstr(":MIB"));
    EXPECT_EQ(run({"plan", "--gpus", ":24576"}).status, 64);
    const auto mistake = run({"plan", "--gpu", ":24576"}, {{"OPENCLAW_TOP_P", "7"}});
    EXPECT_EQ(mistake.status, 78);
    EXPECT_THAT(mistake.text, AllOf(HasSubstr("OPENCLAW_TOP_P"), Not(HasSubstr("PASSWORD"))));
    EXPECT_EQ(run({"plan"}).status, 69) << "no GPU is known";
}

TEST_F(Program, ChecksWithTheGpuThatNvidiaSmiFinds) {
    install_nvidia_smi("NVIDIA GeForce RTX 3090, 24576");
    const auto out = run({"check"}, {{"OPENCLAW_WEB_PASSWORD", "correct horse"}});
    EXPECT_EQ(out.status, 0);
    EXPECT_THAT(out.text, AllOf(HasSubstr("OPENCLAW_NUM_CTX = 57344 (planned for the GPU)\n"),
                                HasSubstr("CLAWGATE_GPU = NVIDIA GeForce RTX 3090:24576 (default)\n")));
}

TEST_F(Program, SaysThatAGpuWasLost) {
    install_nvidia_smi("No devices were found");
    const auto out = run({"check"}, {{"OPENCLAW_WEB_PASSWORD", "correct horse"}, {"RUNPOD_GPU_COUNT", "1"}});
    EXPECT_THAT(out.text,
                AllOf(HasSubstr("THERE IS NO GPU"), HasSubstr("OPENCLAW_NUM_CTX = 131072 (default)")));
}

/// A shell that did not start the pod knows only its workspace.
TEST_F(Program, BacksUpByTheNumberThatThePodKnows) {
    namespace fs = std::filesystem;
    const auto run_dir = clawgate::pod::default_run_dir(folder_ + "/workspace");
    fs::create_directories(run_dir);
    std::ofstream{run_dir + "/gateway.env"} << "OPENCLAW_AGENT_PREFIX=bot\n";
    ::chmod((run_dir + "/gateway.env").c_str(), 0600);
    fs::create_directories(folder_ + "/workspace/agents/bot_4/.openclaw");
    const auto out = run({"backup", "4", "--output", folder_ + "/bot.tar.zst"});
    const auto absent = run({"backup", "4", "--output", folder_ + "/x"}, {{"OPENCLAW_AGENT_PREFIX", "agent"}});
    fs::remove_all(run_dir);
    EXPECT_EQ(out.status, 0) << out.text;
    EXPECT_TRUE(fs::exists(folder_ + "/bot.tar.zst"));
    EXPECT_THAT(absent.text, HasSubstr("no agent agent_4")) << "what is given wins";
}

TEST_F(Program, SaysThatNvidiaSmiDoesNotTell) {
    install_nvidia_smi("NVIDIA GB10, [N/A]");
    const auto out = run({"plan"});
    EXPECT_EQ(out.status, 69);
    EXPECT_THAT(out.text, HasSubstr("note: nvidia-smi does not tell the memory of"));
}

} // namespace
