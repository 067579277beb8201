#include "pod/sweep.hpp"

#include <gmock/gmock.h>

#include <grp.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

namespace clawgate::pod {
namespace {

using std::chrono::seconds;

constexpr owner swept{29001, 45678}; // user and supplementary group, both nobody's

TEST(Sweep, TellsAProcessByUserAndGroup) {
    const std::string status = "Name:\tnode\nState:\tS (sleeping)\nUid:\t29001\t29001\t29001\t29001\n"
                               "Gid:\t29001\t29001\t29001\t29001\nGroups:\t7 45678 \nThreads:\t1\n";
    EXPECT_TRUE(is_process_of(status, swept));
    EXPECT_FALSE(is_process_of(status, {29001, 4567})) << "another pod's";
    EXPECT_FALSE(is_process_of(status, {29002, 45678})) << "another agent's";
    EXPECT_FALSE(is_process_of("", swept)) << "it went meanwhile";
    EXPECT_FALSE(is_process_of("Name:\tnode\nState:\tZ (zombie)\nUid:\t29001\t29001\nGroups:\t45678 \n", swept));
}

TEST(Sweep, GivesEveryPodAGroupOfItsOwn) {
    EXPECT_EQ(pod_group("/run/clawgate"), pod_group("/run/clawgate"));
    EXPECT_NE(pod_group("/run/clawgate"), pod_group("/run/clawgate-srv-pod"));
    EXPECT_GE(pod_group("/run/clawgate"), 30000u);
    EXPECT_LT(pod_group("/run/clawgate"), 60000u);
}

class SweepAsRoot : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user";
    }

    /// A process of user 29001 that has left session and process group, with that supplementary group.
    static pid_t start(gid_t group) {
        std::array<int, 2> ready{};
        EXPECT_EQ(::pipe(ready.data()), 0);
        const auto pid = ::fork();
        if (pid == 0) {
            ::setsid();
            const bool became = ::setgroups(1, &group) == 0 && ::setresgid(29001, 29001, 29001) == 0 &&
                                ::setresuid(29001, 29001, 29001) == 0;
            if (!became || ::write(ready[1], "r", 1) != 1) ::_exit(1);
            ::poll(nullptr, 0, 60'000);
            ::_exit(0);
        }
        ::close(ready[1]);
        char r = 0;
        EXPECT_EQ(::read(ready[0], &r, 1), 1);
        ::close(ready[0]);
        return pid;
    }
};

TEST_F(SweepAsRoot, EndsWhatLeftItsProcessGroupAndNothingElse) {
    const auto left = start(swept.gid);
    const auto other_pods = start(swept.gid + 1);
    const auto done = sweep(swept, seconds{5});
    EXPECT_TRUE(done.found);
    EXPECT_TRUE(done.clean);
    int status = 0;
    EXPECT_EQ(::waitpid(left, &status, 0), left);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT_EQ(::waitpid(other_pods, &status, WNOHANG), 0) << "the same user of another pod goes on";
    ::kill(other_pods, SIGKILL);
    ::waitpid(other_pods, &status, 0);
    EXPECT_FALSE(sweep(swept, seconds{5}).found);
}

} // namespace
} // namespace clawgate::pod
