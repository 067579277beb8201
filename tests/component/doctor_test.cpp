// `clawgate doctor` on a pod that was prepared but whose programs do not run.
#include "pod/confine.hpp"
#include "pod/program_output.hpp"

#include "core/file.hpp"
#include "core/pod_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;
using namespace clawgate;
using testing::HasSubstr;
using testing::Not;

class Doctor : public testing::Test {
protected:
    // Other users must come near the program, so it is taken along, wherever it was built.
    Doctor() {
        std::string name = fs::temp_directory_path().string() + "/clawgate-doctor-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        folder_ = name;
        open(folder_);
        fs::create_directories(folder_ + "/bin/openclaw");
        fs::copy_file(CLAWGATE_PROGRAM, folder_ + "/bin/clawgate");
        for (const auto* tool : {"/bin/node", "/bin/openclaw/openclaw.mjs"}) {
            std::ofstream{folder_ + tool};
            open(folder_ + tool);
        }
    }
    ~Doctor() override {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

    static void open(const std::string& path) { ::chmod(path.c_str(), 0755); }

    pod::program_output clawgate(const std::vector<std::string>& arguments, const std::vector<std::string>& settings) {
        std::vector<std::string> argv{"env", "-i", "PATH=/usr/bin:/bin", "CLAWGATE_WORKSPACE=" + folder_ + "/workspace"};
        argv.insert(argv.end(), settings.begin(), settings.end());
        argv.push_back(folder_ + "/bin/clawgate");
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        argv.insert(argv.end(), {"--run-dir", folder_ + "/run/pod"});
        pod::run_options patient;
        patient.limit = std::chrono::seconds{120};
        patient.errors = true;
        auto out = run_program(argv, patient);
        EXPECT_TRUE(out) << out.error().detail;
        return out ? *out : pod::program_output{};
    }
    /// With the agents' state on local disk.
    pod_facts prepare(std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"prepare", "--no-packet-filter", "--no-cgroups", "--node", folder_ + "/bin/node",
                                           "--openclaw", folder_ + "/bin/openclaw/openclaw.mjs"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const auto out = clawgate(arguments, {"OPENCLAW_WEB_PASSWORD=correct horse", "OPENCLAW_NUM_AGENTS=2",
                                              "CLAWGATE_STATE_ON_VOLUME=off", "CLAWGATE_LOCAL_STATE=" + folder_ + "/local"});
        EXPECT_EQ(out.status, 0) << out.text;
        const auto text = read_file(folder_ + "/run/pod/pod.json", 1u << 20);
        return text ? pod_facts_from_json(*text).value() : pod_facts{};
    }
    /// What became of the attempt of agent_1.
    static std::string outcome_of(const pod::program_output& out, const std::string& what) {
        const auto all = nlohmann::json::parse(out.text);
        for (const auto& one : all.at("agent_1"))
            if (one["what"] == what) return one["outcome"];
        return "never tried";
    }

    std::string folder_;
};

TEST_F(Doctor, FindsAnOpenFileOfStateOnLocalDisk) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give the agents users of their own";
    const auto facts = prepare();
    ASSERT_TRUE(facts.separate_users);
    const auto closed = clawgate({"doctor", "--isolation", "--json"}, {});
    EXPECT_EQ(outcome_of(closed, "read the token of agent_2"), "refused");
    for (const auto* path : {"/local", "/local/agent_2", "/local/agent_2/.openclaw", "/local/agent_2/.openclaw/token"})
        open(folder_ + path);
    const auto opened = clawgate({"doctor", "--isolation", "--json"}, {});
    EXPECT_EQ(outcome_of(opened, "read the token of agent_2"), "possible");
    EXPECT_EQ(opened.status, 1);
}

TEST_F(Doctor, IsConfinedAsAnAgentWhereAllShareOneUser) {
    if (!pod::confine_support_here().files()) GTEST_SKIP() << "this kernel has no Landlock";
    ASSERT_TRUE(prepare({"--single-user"}).state_is_local);
    const auto out = clawgate({"doctor", "--isolation", "--json"}, {});
    for (const auto* what : {"read the token of agent_2", "list the working directory of agent_2",
                             "write into the folder of all agents' state", "write into the workspace",
                             "write into the run directory", "write into the folder of the clawgate program"})
        EXPECT_EQ(outcome_of(out, what), "refused") << what;
}

TEST_F(Doctor, SaysThatWhatDoesNotRunWasNotTested) {
    prepare();
    const auto json = clawgate({"doctor", "--isolation", "--json"}, {});
    EXPECT_EQ(json.status, 75) << json.text;
    for (const auto* what : {"command supervisord", "connect to the backend of agent_2", "reach Ollama around the gateway",
                             "stop agent_2 by a signal", "read the memory of the gateway"})
        EXPECT_EQ(outcome_of(json, what), "not_tested") << what;
    const auto text = clawgate({"doctor", "--isolation"}, {}).text;
    EXPECT_THAT(text, HasSubstr("  UNTESTED  command supervisord: No such file or directory"));
    EXPECT_THAT(text, HasSubstr(" 0 possible, "));
    EXPECT_THAT(text, Not(HasSubstr("mounted volume"))) << "where files are kept is no matter of isolation";
    EXPECT_THAT(text, Not(HasSubstr("local disk")));
}

} // namespace
