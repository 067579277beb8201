// `clawgate prepare` against what can go wrong: a kill at any moment, an agent that owns its folders and is hostile,
// two at once.
#include "pod/prepare.hpp"

#include "prepare_fixture.hpp"

#include "pod/directory.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>

namespace clawgate::pod::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class RobustPrepare : public testing::Test, protected prepare_place {
protected:
    RobustPrepare() {
        settings_ = config_of({{"CLAWGATE_WORKSPACE", workspace()}, {"OPENCLAW_NUM_AGENTS", "2"}});
    }

    std::string home(int n) const { return workspace() + "/agents/agent_" + std::to_string(n); }

    /// In a process of its own, silently.
    pid_t start() const {
        const auto pid = ::fork();
        if (pid == 0) {
            const int nowhere = ::open("/dev/null", O_RDWR);
            ::dup2(nowhere, 1);
            ::dup2(nowhere, 2);
            ::_exit(prepare_command(settings_, options_));
        }
        return pid;
    }
    static int status_of(pid_t pid) {
        int status = 0;
        ::waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    int run() const { return status_of(start()); }

    /// Whether supervisord is told to run it.
    bool starts(int n) const {
        const auto program = "[program:openclaw-agent_" + std::to_string(n) + "]";
        return contents(options_.run_dir + "/supervisord.conf").find(program) != std::string::npos;
    }

    config settings_;
};

/// Empty when the file is absent or whole.
std::string damage(const std::string& path, const std::string& expected) {
    if (!fs::exists(path) || without_password(contents(path)) == expected) return {};
    return path + " is torn";
}
std::string json_damage(const std::string& path) {
    if (!fs::exists(path)) return {};
    const auto j = nlohmann::json::parse(contents(path), nullptr, false);
    const bool whole = j.is_object() && j.contains("gateway") &&
                       j["gateway"]["auth"]["password"].get<std::string>().size() == 43;
    return whole ? std::string{} : path + " is torn";
}
std::string token_damage(const std::string& path) {
    if (!fs::exists(path)) return {};
    const auto text = contents(path);
    return text.size() == 44 && text.back() == '\n' ? std::string{} : path + " is torn";
}

TEST_F(RobustPrepare, AKillAtAnyMomentLeavesWholeFilesAndTheNextRunConverges) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(run(), 0);
    const auto whole = std::chrono::steady_clock::now() - begin;
    const auto supervisor = without_password(contents(options_.run_dir + "/supervisord.conf"));
    const auto gateway = contents(options_.run_dir + "/gateway.env");
    put(home(1) + "/workspace/notes.md", "mine");

    std::mt19937 random{std::random_device{}()};
    int killed = 0;
    for (int round = 0; round < 400 && killed < 60; ++round) {
        if (round % 7 == 6) fs::remove_all(workspace() + "/.clawgate"); // from an earlier stage, too
        const auto pid = start();
        std::uniform_int_distribution<long> moment{0, std::chrono::nanoseconds{whole}.count()};
        const timespec pause{0, moment(random) % 1'000'000'000};
        ::nanosleep(&pause, nullptr);
        ::kill(pid, SIGKILL);
        killed += status_of(pid) == 128 + SIGKILL ? 1 : 0;
        std::string found = damage(options_.run_dir + "/supervisord.conf", supervisor) +
                            damage(options_.run_dir + "/gateway.env", gateway);
        for (const int n : {1, 2})
            found += json_damage(home(n) + "/.openclaw/openclaw.json") + token_damage(home(n) + "/.openclaw/token") +
                     token_damage(workspace() + "/.clawgate/tokens/agent_" + std::to_string(n));
        ASSERT_EQ(found, "") << "round " << round;
    }
    EXPECT_GE(killed, 50) << "most runs were over before they were killed";

    ASSERT_EQ(run(), 0);
    for (const int n : {1, 2}) {
        const auto token = contents(home(n) + "/.openclaw/token");
        EXPECT_EQ(contents(workspace() + "/.clawgate/tokens/agent_" + std::to_string(n)), token);
        const auto j = nlohmann::json::parse(contents(home(n) + "/.openclaw/openclaw.json"));
        EXPECT_EQ(j["gateway"]["auth"]["password"].get<std::string>() + "\n", token);
    }
    for (const auto& root : {workspace(), options_.run_dir})
        for (const auto& e : fs::recursive_directory_iterator{root})
            EXPECT_EQ(e.path().string().find(".tmp-"), std::string::npos) << e.path() << " was left";
    EXPECT_EQ(contents(home(1) + "/workspace/notes.md"), "mine");
}

TEST_F(RobustPrepare, TwoAtOnceDoNotMix) {
    ASSERT_EQ(run(), 0);
    const auto lock = directory::open_trusted(options_.run_dir)->lock("prepare.lock");
    ASSERT_TRUE(lock);
    EXPECT_EQ(run(), 71);
}

struct outsider {
    explicit outsider(const temporary_folder& f)
        : path{f / "outside"} {
        fs::create_directories(path + "/folder");
        put(path + "/file", "not the agent's");
        ::chmod((path + "/file").c_str(), 0640);
        ::chmod((path + "/folder").c_str(), 0750);
    }
    /// Everything that prepare could have changed.
    std::string state() const {
        std::string all;
        for (const auto& e : fs::recursive_directory_iterator{path}) {
            struct stat st {};
            ::lstat(e.path().c_str(), &st);
            all += e.path().string() + " " + std::to_string(st.st_mode) + " " + std::to_string(st.st_uid) + " " +
                   (S_ISREG(st.st_mode) ? contents(e.path()) : std::string{}) + "\n";
        }
        return all;
    }
    std::string path;
};

/// Puts something else in the place of a file or folder that prepare makes.
void replace(const std::string& path, int kind, const outsider& o) {
    fs::remove_all(path);
    switch (kind) {
    case 0: fs::create_symlink(o.path + "/file", path); break;
    case 1: fs::create_symlink(o.path + "/folder", path); break;
    case 2: fs::create_symlink(o.path + "/absent", path); break;
    case 3: ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0); break;
    case 4: fs::create_hard_link(o.path + "/file", path); break;
    case 5:
        fs::create_directories(path);
        put(path + "/inside", "x");
        break;
    default: put(path, "{}");
    }
}

TEST_F(RobustPrepare, AHostileAgentsFolderMakesItWriteNowhereElse) {
    ASSERT_EQ(run(), 0);
    const outsider outside{folder_};
    const auto before = outside.state();
    const auto cache = workspace() + "/.cache/agent_1";
    const std::vector<std::string> places{home(1) + "/.openclaw/openclaw.json",
                                          home(1) + "/.openclaw/openclaw.json.unreadable",
                                          home(1) + "/.openclaw/token",
                                          home(1) + "/.openclaw/memory",
                                          home(1) + "/.openclaw/logs",
                                          home(1) + "/.openclaw/agents/main/agent",
                                          home(1) + "/.openclaw/agents/main",
                                          home(1) + "/.openclaw/agents",
                                          home(1) + "/.openclaw",
                                          home(1) + "/workspace",
                                          cache};
    for (const auto& place : places)
        for (int kind = 0; kind < 7; ++kind) {
            replace(place, kind, outside);
            const auto token = contents(home(2) + "/.openclaw/token");
            const auto pid = start();
            ::alarm(60); // a FIFO that is opened would wait for ever
            const int status = status_of(pid);
            ::alarm(0);
            EXPECT_EQ(status, 0) << place << ", " << kind;
            EXPECT_EQ(outside.state(), before) << place << ", " << kind;
            // Nothing that an agent does to its own folders keeps the others from starting.
            EXPECT_EQ(contents(home(2) + "/.openclaw/token").size(), 44u);
            EXPECT_NE(contents(home(2) + "/.openclaw/token"), token) << place << ", " << kind;
            EXPECT_TRUE(starts(1)) << place << ", " << kind;
        }
}

TEST_F(RobustPrepare, FoldersWithoutEndKeepNobodyFromStarting) {
    ASSERT_EQ(run(), 0);
    // Deeper than any path may be, so made one by one.
    const auto top = home(1) + "/.openclaw/.clawgate-manifest.json";
    fs::create_directory(top);
    int at = ::open(top.c_str(), O_RDONLY | O_DIRECTORY);
    for (int depth = 0; depth < 6000; ++depth) {
        ASSERT_EQ(::mkdirat(at, "d", 0700), 0);
        const int below = ::openat(at, "d", O_RDONLY | O_DIRECTORY);
        ::close(at);
        at = below;
    }
    ::close(at);
    EXPECT_EQ(run(), 0);
    EXPECT_TRUE(starts(1));
    EXPECT_TRUE(starts(2));
    ASSERT_EQ(std::system(("rm -rf " + home(1) + "/.openclaw").c_str()), 0); // remove_all() recurses
}

std::vector<std::string> moved_aside(const std::string& path) {
    std::vector<std::string> all;
    for (const auto& e : fs::directory_iterator{fs::path{path}.parent_path()})
        if (e.path().string().starts_with(path + ".aside-")) all.push_back(e.path().string());
    return all;
}

TEST_F(RobustPrepare, AConfigurationThatCannotBeReadIsKept) {
    ASSERT_EQ(run(), 0);
    const auto path = home(1) + "/.openclaw/openclaw.json";
    const std::string large = "{}" + std::string(9u << 20, ' ');
    put(path, large);
    ASSERT_EQ(run(), 0);
    auto kept = moved_aside(path);
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(contents(kept[0]), large);
    fs::remove(kept[0]);

    fs::remove(path);
    fs::create_symlink(home(1) + "/workspace/mine.json", path);
    ASSERT_EQ(run(), 0);
    kept = moved_aside(path);
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(fs::read_symlink(kept[0]), home(1) + "/workspace/mine.json");
    EXPECT_FALSE(fs::is_symlink(path));
}

TEST_F(RobustPrepare, AnAgentThatCannotBePreparedIsLeftOutAndSaid) {
    ASSERT_EQ(run(), 0);
    fs::remove(workspace() + "/.clawgate/tokens/agent_1");
    // Not even root can write into it.
    if (std::system(("chattr +i " + home(1) + "/.openclaw 2>/dev/null").c_str()) != 0)
        GTEST_SKIP() << "this file system knows no immutable folders";
    const int status = run();
    const bool first = starts(1);
    const bool second = starts(2);
    ASSERT_EQ(std::system(("chattr -i " + home(1) + "/.openclaw").c_str()), 0);
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(first);
    EXPECT_TRUE(second);
    EXPECT_THAT(contents(options_.run_dir + "/pod.json"), HasSubstr("agent_left_out"));
    EXPECT_EQ(contents(options_.run_dir + "/left_out"), "agent_1\n") << "nobody is to wait for it";
    EXPECT_EQ(contents(workspace() + "/.clawgate/tokens/agent_1").size(), 44u) << "the gateway needs one all the same";
}

class RobustPrepareAsRoot : public RobustPrepare {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can give the agents users of their own";
    }
};

TEST_F(RobustPrepareAsRoot, AnAgentCannotPutItsFolderInThePlaceOfTheGateways) {
    ASSERT_EQ(run(), 0);
    ::chmod(workspace().c_str(), 0777);
    const auto own = workspace() + "/.clawgate";
    fs::rename(own, workspace() + "/gone");
    fs::create_directory(own);
    put(own + "/env", "OPENCLAW_WEB_PASSWORD=of-an-agent\n");
    for (const auto& each : {own, own + "/env"})
        ASSERT_EQ(::chown(each.c_str(), 20001, 20001), 0);
    ASSERT_EQ(run(), 0);
    EXPECT_FALSE(fs::exists(own + "/env")) << "it was moved aside with its folder";
    struct stat st {};
    ASSERT_EQ(::stat(workspace().c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0755u) << "and the next one will not get that far";
}

TEST_F(RobustPrepareAsRoot, AnAgentCannotHaveAnothersFolderOfLocks) {
    const std::string locks = "/tmp/openclaw-state-locks-20009";
    std::error_code ec;
    fs::create_directory(locks, ec); // it may be there from an earlier start
    ASSERT_EQ(::chown(locks.c_str(), 20001, 20001), 0);
    EXPECT_EQ(run(), 0);
    struct stat st {};
    ASSERT_EQ(::lstat(locks.c_str(), &st), 0);
    EXPECT_EQ(st.st_uid, 20009u);
    EXPECT_EQ(st.st_mode & 0777, 0700u);
    for (const auto& e : fs::directory_iterator{"/tmp"})
        if (e.path().string().starts_with(locks + ".aside-")) fs::remove_all(e.path(), ec);
}

TEST_F(RobustPrepareAsRoot, FollowsNoLinkInThePlaceOfAFolderOfLocks) {
    const outsider outside{folder_};
    const auto before = outside.state();
    const std::string locks = "/tmp/openclaw-state-locks-20010";
    fs::remove_all(locks);
    fs::create_symlink(outside.path + "/folder", locks);
    EXPECT_EQ(run(), 0);
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(locks)));
    EXPECT_EQ(outside.state(), before);
    for (const auto& each : moved_aside(locks))
        fs::remove(each);
}

TEST_F(RobustPrepareAsRoot, AWorkspaceOfAnAgentsIsSaid) {
    ASSERT_EQ(run(), 0);
    EXPECT_THAT(contents(options_.run_dir + "/pod.json"), Not(HasSubstr("workspace_open")));
    ASSERT_EQ(::chown(workspace().c_str(), 20001, 20001), 0);
    ASSERT_EQ(run(), 0);
    EXPECT_THAT(contents(options_.run_dir + "/pod.json"), HasSubstr("workspace_open"));
}

TEST_F(RobustPrepare, FewerAgentsThanLastTimeKeepTheOthersData) {
    ASSERT_EQ(run(), 0);
    put(home(2) + "/workspace/notes.md", "of agent 2");
    const auto two = settings_;
    settings_ = config_of({{"CLAWGATE_WORKSPACE", workspace()}, {"OPENCLAW_NUM_AGENTS", "1"}});
    ASSERT_EQ(run(), 0);
    EXPECT_EQ(contents(home(2) + "/workspace/notes.md"), "of agent 2");
    EXPECT_EQ(contents(options_.run_dir + "/supervisord.conf").find("openclaw-agent_2"), std::string::npos);
    settings_ = two;
    ASSERT_EQ(run(), 0);
    EXPECT_EQ(contents(home(2) + "/workspace/notes.md"), "of agent 2");
}

} // namespace
} // namespace clawgate::pod::test
