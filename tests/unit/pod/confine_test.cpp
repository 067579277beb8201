#include "pod/confine.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>

namespace clawgate::pod::test {
namespace {

using testing::Contains;
using testing::Not;

TEST(PortsBut, LeavesEverythingElse) {
    using ranges = std::vector<port_range>;
    EXPECT_EQ(ports_but({}), (ranges{{0, 65535}}));
    EXPECT_EQ(ports_but({{20000, 20119}}), (ranges{{0, 19999}, {20120, 65535}}));
    EXPECT_EQ(ports_but({{30, 40}, {10, 20}}), (ranges{{0, 9}, {21, 29}, {41, 65535}}));
    EXPECT_EQ(ports_but({{10, 20}, {15, 30}, {31, 31}}), (ranges{{0, 9}, {32, 65535}})) << "overlapping, touching";
    EXPECT_EQ(ports_but({{0, 1}, {65535, 65535}}), (ranges{{2, 65534}})) << "at both ends";
    EXPECT_TRUE(ports_but({{0, 65535}}).empty());
}

TEST(ParsePortRange, TakesAPortOrARange) {
    EXPECT_EQ(parse_port_range("11430").value(), (port_range{11430, 11430}));
    EXPECT_EQ(parse_port_range("20000-20119").value(), (port_range{20000, 20119}));
    for (const auto* text : {"", "-", "1-", "-1", "a", "70000", "5-4", "1-2-3", "1 "})
        EXPECT_FALSE(parse_port_range(text)) << text;
}

TEST(EverythingBut, ListsWhatStandsBesideTheHidden) {
    const temporary_folder f;
    for (const auto* path : {"open/inner", "agents/agent_1", "agents/agent_2/deep", "run"})
        std::filesystem::create_directories(f / path);
    put(f / "file", "x");
    auto open = everything_but(f.path(), {f / "agents/agent_2", f / "run", f / "not/there"});
    std::sort(open.begin(), open.end());
    EXPECT_EQ(open, (std::vector<std::string>{f / "agents/agent_1", f / "file", f / "open"}));
    EXPECT_EQ(everything_but(f / "open", {f / "run"}), std::vector<std::string>{f / "open"});
}

/// Runs `body` in a process that was confined; its value is the exit status.
int confined(const confinement& c, const std::function<int()>& body) {
    const auto pid = ::fork();
    if (pid == 0) {
        const auto done = confine_this_process(c);
        ::_exit(done && done->empty() ? body() : 99);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

int errno_of_open(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags, 0600);
    return fd < 0 ? errno : 0;
}

int errno_of_bind(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ? 0 : errno;
}

class Confined : public testing::Test {
protected:
    void SetUp() override {
        if (!confine_support_here().scopes())
            GTEST_SKIP() << "this kernel's Landlock is version " << confine_support_here().version
                         << ": what needs 6 is NOT tested";
        for (const auto* name : {"mine", "other", "run"})
            std::filesystem::create_directories(folder_ / name);
        put(folder_ / "other/token", "secret");
    }
    confinement hidden_workspace() const {
        confinement c;
        c.hidden = {folder_.path()};
        c.kept = {folder_ / "mine"};
        return c;
    }
    temporary_folder folder_;
};

TEST_F(Confined, CannotOpenWhatIsHiddenAndStillUsesItsOwn) {
    const auto c = hidden_workspace();
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "other/token", O_RDONLY); }), EACCES);
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "other/new", O_WRONLY | O_CREAT); }), EACCES);
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "mine/new", O_WRONLY | O_CREAT); }), 0);
    EXPECT_EQ(confined(c, [&] { return errno_of_open("/etc/passwd", O_RDONLY); }), 0);
}

TEST_F(Confined, ChangesNothingInAFolderThatIsReadOnly) {
    std::filesystem::create_directories(folder_ / "bin/below");
    put(folder_ / "bin/program", "x");
    confinement c;
    c.read_only = {folder_ / "bin"};
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "bin/program", O_RDONLY); }), 0);
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "bin/program", O_WRONLY); }), EACCES);
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "bin/new", O_WRONLY | O_CREAT); }), EACCES);
    EXPECT_EQ(confined(c, [&] { return ::rename((folder_ / "bin").c_str(), (folder_ / "away").c_str()) == 0 ? 0 : errno; }),
              EACCES);
    put(folder_ / "bin/below/secret", "x");
    c.hidden = {folder_ / "bin/below"};
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "bin/program", O_RDONLY); }), 0);
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "bin/below/secret", O_RDONLY); }), EACCES);
    c.hidden = {folder_ / "bin"};
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "bin/program", O_RDONLY); }), EACCES) << "hidden counts more";
}

TEST_F(Confined, FindsAKeptFolderThatWasNotThere) {
    auto c = hidden_workspace();
    c.kept.push_back(folder_ / "later");
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "later/file", O_WRONLY | O_CREAT); }), 0);
    EXPECT_EQ(mode_of(folder_ / "later"), 0700u);
}

TEST_F(Confined, ALinkLeadsNoFurther) {
    std::filesystem::create_symlink(folder_ / "other/token", folder_ / "mine/link");
    std::filesystem::create_symlink(folder_.path(), folder_.path() + "-link");
    auto c = hidden_workspace();
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "mine/link", O_RDONLY); }), EACCES);
    c.hidden = {folder_.path() + "-link"};
    c.kept.clear();
    EXPECT_EQ(confined(c, [&] { return errno_of_open(folder_ / "other/token", O_RDONLY); }), EACCES)
        << "hidden by a name that is a link";
    std::filesystem::remove(folder_.path() + "-link");
}

TEST_F(Confined, CannotListenOnPortsOfOthers) {
    confinement c;
    c.no_bind = {{47110, 47119}};
    EXPECT_EQ(confined(c, [] { return errno_of_bind(47115); }), EACCES);
    EXPECT_EQ(confined(c, [] { return errno_of_bind(0); }), 0);
}

TEST_F(Confined, CannotConnectToPortsOfOthers) {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    socklen_t length = sizeof where;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &length);
    const auto connects = [&where] {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        return ::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ? 0 : errno;
    };
    const auto port = ntohs(where.sin_port);
    confinement c;
    c.no_connect = {{port, port}};
    EXPECT_EQ(confined(c, connects), EACCES);
    c.no_connect = {{1, 2}};
    EXPECT_EQ(confined(c, connects), 0) << "the test can connect at all";
    ::close(listener);
}

TEST_F(Confined, CannotSignalOrReadOtherProcessesOfItsUser) {
    const auto parent = ::getpid();
    EXPECT_EQ(confined({}, [parent] { return ::kill(parent, 0) == 0 ? 0 : errno; }), EPERM);
    const auto c = hidden_workspace();
    EXPECT_NE(confined(c, [parent] { return errno_of_open("/proc/" + std::to_string(parent) + "/environ", O_RDONLY); }),
              0);
}

TEST_F(Confined, PassesItOnToWhatItStarts) {
    const auto c = hidden_workspace();
    const auto shell = "cat " + (folder_ / "other/token") + " 2>/dev/null";
    EXPECT_NE(confined(c, [&shell] { return ::system(shell.c_str()) == 0 ? 0 : 1; }), 0);
}

} // namespace
} // namespace clawgate::pod::test
