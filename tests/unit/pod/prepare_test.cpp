#include "pod/prepare.hpp"

#include "prepare_fixture.hpp"

#include "auth/tokens.hpp"
#include "pod/layout.hpp"
#include "pod/tools.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <set>

namespace clawgate::pod::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Prepare : public testing::Test, protected prepare_place {
protected:
    config settings(environment more = {}) {
        more.emplace("CLAWGATE_WORKSPACE", workspace());
        more.emplace("OPENCLAW_NUM_AGENTS", "2");
        return config_of(std::move(more));
    }
    int run(environment more = {}) {
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int status = prepare_command(settings(std::move(more)), options_);
        output_ = testing::internal::GetCapturedStdout();
        complaints_ = testing::internal::GetCapturedStderr();
        return status;
    }
    std::string state(int n) const {
        return workspace() + "/agents/agent_" + std::to_string(n) + "/.openclaw";
    }
    std::string token(int n) const { return contents(state(n) + "/token"); }
    nlohmann::json agent_json(int n) const {
        return nlohmann::json::parse(contents(state(n) + "/openclaw.json"));
    }

    std::string output_;
    std::string complaints_;
};

TEST_F(Prepare, MakesTheWholeTree) {
    ASSERT_EQ(run(), 0) << complaints_;
    for (const auto* name : {"agents/agent_1/.openclaw/openclaw.json", "agents/agent_1/.openclaw/token",
                             "agents/agent_1/workspace", "agents/agent_2/.openclaw/agents/main/agent", "logs",
                             ".cache/agent_1", ".ollama/models", ".clawgate/tokens/agent_2"})
        EXPECT_TRUE(fs::exists(workspace() + "/" + name)) << name;
    EXPECT_EQ(fs::canonical(state(1) + "/memory"), fs::canonical(state(1) + "/agents/main/agent"));
    for (const auto* name : {"supervisord.conf", "gateway.env", "addresses"})
        EXPECT_TRUE(fs::exists(options_.run_dir + "/" + name)) << name;
}

TEST_F(Prepare, ClosesWhatIsPrivate) {
    ASSERT_EQ(run(), 0) << complaints_;
    EXPECT_EQ(mode_of(workspace() + "/agents/agent_1"), 0700u);
    EXPECT_EQ(mode_of(state(1)), 0700u);
    EXPECT_EQ(mode_of(state(1) + "/token"), 0600u);
    EXPECT_EQ(mode_of(state(1) + "/openclaw.json"), 0600u);
    EXPECT_EQ(mode_of(workspace() + "/.clawgate"), 0700u);
    EXPECT_EQ(mode_of(workspace() + "/.clawgate/tokens/agent_1"), 0600u);
    EXPECT_EQ(mode_of(options_.run_dir + "/gateway.env"), 0600u);
    EXPECT_EQ(mode_of(options_.run_dir + "/supervisord.conf"), 0600u);
    EXPECT_EQ(mode_of(options_.run_dir + "/tmp/agent_1"), 0700u);
}

TEST_F(Prepare, GivesEachAgentItsOwnFiles) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    ASSERT_EQ(run(), 0) << complaints_;
    EXPECT_EQ(uid_of(state(1) + "/token"), 20001u);
    EXPECT_EQ(uid_of(state(2) + "/token"), 20002u);
    EXPECT_EQ(uid_of(state(2) + "/agents/main/agent"), 20002u);
    EXPECT_EQ(uid_of(workspace() + "/.clawgate/tokens/agent_1"), 20000u);
    EXPECT_EQ(uid_of(options_.run_dir + "/gateway.env"), 0u);
    struct stat control {};
    ASSERT_EQ(::stat((options_.run_dir + "/supervisor").c_str(), &control), 0);
    EXPECT_EQ(control.st_uid, 0u);
    EXPECT_EQ(control.st_gid, 20000u) << "of the others only the gateway may restart programs";
    EXPECT_EQ(control.st_mode & 0777u, 0750u);
}

TEST_F(Prepare, EveryAgentHasATokenOfItsOwnAndTheGatewayACopy) {
    ASSERT_EQ(run(), 0) << complaints_;
    EXPECT_NE(token(1), token(2));
    for (const int n : {1, 2}) {
        const auto name = "agent_" + std::to_string(n);
        EXPECT_EQ(token(n).size(), 44u);
        EXPECT_EQ(contents(auth::gateway_token_path(workspace(), name)), token(n));
        EXPECT_EQ(auth::agent_token_path(workspace(), name), state(n) + "/token");
        EXPECT_EQ(agent_json(n)["gateway"]["auth"]["password"].get<std::string>() + "\n", token(n));
    }
}

TEST_F(Prepare, TokensAreNewAtEveryRun) {
    std::set<std::string> seen;
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(run(), 0) << complaints_;
        seen.insert({token(1), token(2)});
    }
    EXPECT_EQ(seen.size(), 6u);
}

TEST_F(Prepare, TheSecondRunChangesNothingButTheTokens) {
    ASSERT_EQ(run(), 0) << complaints_;
    auto before = agent_json(1);
    const auto supervisor = without_password(contents(options_.run_dir + "/supervisord.conf"));
    put(workspace() + "/agents/agent_1/workspace/notes.md", "mine");
    ASSERT_EQ(run(), 0) << complaints_;
    auto after = agent_json(1);
    for (auto* j : {&before, &after}) {
        (*j)["gateway"]["auth"].erase("password");
        (*j)["models"]["providers"]["ollama"].erase("apiKey");
        (*j)["memory"]["search"]["remote"].erase("apiKey");
    }
    EXPECT_EQ(after, before);
    EXPECT_EQ(without_password(contents(options_.run_dir + "/supervisord.conf")), supervisor);
    EXPECT_EQ(contents(workspace() + "/agents/agent_1/workspace/notes.md"), "mine");
}

TEST_F(Prepare, SaysNeitherPasswordNorToken) {
    ASSERT_EQ(run(), 0) << complaints_;
    for (const auto& secret : {std::string{"correct horse"}, token(1), token(2)}) {
        EXPECT_EQ((output_ + complaints_).find(secret.substr(0, 13)), std::string::npos);
        EXPECT_EQ(contents(options_.run_dir + "/supervisord.conf").find(secret.substr(0, 13)),
                  std::string::npos);
    }
}

TEST_F(Prepare, KeepsAFileThatIsNotJsonBesideTheNewOne) {
    ASSERT_EQ(run(), 0) << complaints_;
    put(state(1) + "/openclaw.json", "{ broken");
    ASSERT_EQ(run(), 0) << complaints_;
    EXPECT_EQ(contents(state(1) + "/openclaw.json.unreadable"), "{ broken");
    EXPECT_EQ(agent_json(1)["gateway"]["auth"]["mode"], "password");
    EXPECT_THAT(complaints_, HasSubstr("not valid JSON"));
}

TEST_F(Prepare, ReadsAFileWithComments) {
    ASSERT_EQ(run(), 0) << complaints_;
    put(state(1) + "/openclaw.json", "{ // mine\n \"channels\": {\"x\": 1} }");
    ASSERT_EQ(run(), 0) << complaints_;
    EXPECT_EQ(agent_json(1)["channels"]["x"], 1);
}

TEST_F(Prepare, ADeepFileDoesNotStopTheStart) {
    ASSERT_EQ(run(), 0) << complaints_;
    put(state(1) + "/openclaw.json", "{\"a\":" + std::string(200000, '[') + std::string(200000, ']') + "}");
    ASSERT_EQ(run(), 0) << complaints_;
    EXPECT_EQ(agent_json(1)["gateway"]["auth"]["mode"], "password");
}

TEST_F(Prepare, AnAgentsLinkDoesNotLeadItElsewhere) {
    ASSERT_EQ(run(), 0) << complaints_;
    const temporary_folder elsewhere;
    put(elsewhere / "openclaw.json", "{\"secret\":\"of somebody else\"}");
    fs::remove(state(1) + "/openclaw.json");
    fs::create_symlink(elsewhere / "openclaw.json", state(1) + "/openclaw.json");
    fs::remove_all(state(2));
    fs::create_directory_symlink(elsewhere.path(), state(2));
    ASSERT_EQ(run(), 0) << complaints_;
    EXPECT_EQ(contents(elsewhere / "openclaw.json"), "{\"secret\":\"of somebody else\"}");
    EXPECT_FALSE(agent_json(1).contains("secret"));
    EXPECT_FALSE(fs::exists(elsewhere / "token"));
    EXPECT_FALSE(fs::is_symlink(state(2)));
}

TEST_F(Prepare, AnAgentElsewhereKeepsItsToken) {
    const environment backends{{"CLAWGATE_AGENT_BACKENDS", "http://10.0.0.7:20000,http://127.0.0.1:20200"}};
    ASSERT_EQ(run(backends), 0) << complaints_;
    const auto path = auth::gateway_token_path(workspace(), "agent_1");
    const auto first = contents(path);
    EXPECT_FALSE(first.empty());
    ASSERT_EQ(run(backends), 0) << complaints_;
    EXPECT_EQ(contents(path), first);
    EXPECT_FALSE(fs::exists(state(1)));
}

TEST_F(Prepare, ListsWhereEveryDashboardIs) {
    ASSERT_EQ(run({{"RUNPOD_POD_ID", "abc123"}}), 0) << complaints_;
    EXPECT_EQ(contents(options_.run_dir + "/addresses"),
              "agent_1\thttp://127.0.0.1:18790\thttps://abc123-18790.proxy.runpod.net/overview\n"
              "agent_2\thttp://127.0.0.1:18791\thttps://abc123-18791.proxy.runpod.net/overview\n"
              "control\thttp://127.0.0.1:18792\thttps://abc123-18792.proxy.runpod.net/\n");
}

TEST_F(Prepare, SaysWhenTheWorkspaceIsLostWithTheContainerAndTellsTheGateway) {
    // RUNPOD_POD_ID makes this machine a container; the temporary folder may be a disk of its own, or memory.
    ASSERT_EQ(run({{"RUNPOD_POD_ID", "abc123"}}), 0) << complaints_;
    struct stat root {};
    struct stat here {};
    ASSERT_EQ(::stat("/", &root), 0);
    ASSERT_EQ(::stat(workspace().c_str(), &here), 0);
    if (root.st_dev != here.st_dev) GTEST_SKIP() << "the temporary folder is not on the root file system";
    EXPECT_THAT(complaints_, HasSubstr("is not a mounted volume"));
    EXPECT_THAT(contents(options_.run_dir + "/pod.json"), HasSubstr("\"not_mounted\""));
}

TEST_F(Prepare, KeepsTheStateOnLocalDiskWhenTold) {
    const environment off{{"CLAWGATE_STATE_ON_VOLUME", "off"}, {"CLAWGATE_LOCAL_STATE", folder_ / "local"}};
    ASSERT_EQ(run(), 0) << complaints_;
    put(state(1) + "/notes", "made on the volume");
    ::chmod((state(1) + "/notes").c_str(), 0666);
    ASSERT_EQ(run(off), 0) << complaints_;
    const auto local = folder_ / "local/agent_1/.openclaw";
    EXPECT_EQ(contents(local + "/notes"), "made on the volume");
    EXPECT_EQ(mode_of(local), 0700u);
    EXPECT_EQ(nlohmann::json::parse(contents(local + "/openclaw.json"))["logging"]["file"],
              local + "/logs/openclaw.log");
    const auto conf = contents(options_.run_dir + "/supervisord.conf");
    EXPECT_THAT(conf, HasSubstr("OPENCLAW_STATE_DIR=" + local));
    EXPECT_THAT(conf, HasSubstr("[program:snapshots]"));
    EXPECT_THAT(contents(options_.run_dir + "/pod.json"), HasSubstr("\"local_state\""));
    EXPECT_EQ(uid_of(local + "/notes"), ::geteuid() == 0 ? 20001u : ::geteuid());

    put(local + "/notes", "changed locally");
    ASSERT_EQ(run(off), 0) << complaints_;
    EXPECT_EQ(contents(local + "/notes"), "changed locally") << "it goes on with what is newer";

    ASSERT_EQ(run({{"CLAWGATE_LOCAL_STATE", folder_ / "local"}}), 0) << complaints_;
    EXPECT_EQ(contents(state(1) + "/notes"), "changed locally") << "and comes home to a volume that is safe";
    EXPECT_FALSE(fs::exists(local));
    EXPECT_THAT(contents(options_.run_dir + "/supervisord.conf"),
                testing::Not(HasSubstr("[program:snapshots]")));
}

TEST_F(Prepare, RefusesAPathThatSupervisordCouldMisread) {
    EXPECT_EQ(run({{"CLAWGATE_WORKSPACE", folder_ / "two words"}}), 78);
    EXPECT_THAT(complaints_, HasSubstr("two words"));
    EXPECT_FALSE(fs::exists(folder_ / "two words"));
}

TEST_F(Prepare, SaysWhatIsMissing) {
    options_.node = folder_ / "tools/no-node";
    EXPECT_EQ(run(), 78);
    EXPECT_THAT(complaints_, HasSubstr("no-node"));
}

TEST_F(Prepare, SaysWhenTheWorkspaceCannotBeMade) {
    put(folder_ / "workspace", "a file");
    EXPECT_EQ(run(), 71);
    EXPECT_THAT(complaints_, HasSubstr(workspace()));
}

TEST(Tools, AreFoundOnThePath) {
    const temporary_folder t;
    fs::create_directories(t / "bin");
    fs::create_directories(t / "lib/openclaw");
    put(t / "bin/node", "");
    put(t / "lib/openclaw/openclaw.mjs", "");
    ::chmod((t / "bin/node").c_str(), 0755);
    ::chmod((t / "lib/openclaw/openclaw.mjs").c_str(), 0755);
    fs::create_symlink("../lib/openclaw/openclaw.mjs", t / "bin/openclaw");
    const auto found = find_tools({}, "/nowhere::" + (t / "bin"), true);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->node, t / "bin/node");
    EXPECT_EQ(found->openclaw, t / "lib/openclaw/openclaw.mjs");
    EXPECT_FALSE(found->clawgate.empty());
}

TEST(Tools, AreNotAskedForWhenEveryAgentIsElsewhere) {
    EXPECT_TRUE(find_tools({}, "", false));
    EXPECT_FALSE(find_tools({}, "", true));
}

TEST(Tools, TheDemoNeedsItsProgram) {
    prepare_options o;
    o.demo = true;
    EXPECT_FALSE(find_tools(o, "", false));
}

TEST(RunDir, IsOneForEachWorkspace) {
    EXPECT_NE(default_run_dir("/workspace"), default_run_dir("/other"));
    EXPECT_NE(default_run_dir("/a/b"), default_run_dir("/a/c"));
    EXPECT_EQ(default_run_dir("/a"), default_run_dir("/a"));
}

} // namespace
} // namespace clawgate::pod::test
