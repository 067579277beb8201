#include "pod/cgroup.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

namespace clawgate::pod::test {
namespace {

using testing::ElementsAre;

constexpr cgroup_limits limits{5u << 20, 100};

TEST(Cgroup, OfVersion2HasItsLimitsInOneFolder) {
    const temporary_folder root;
    put(root / "cgroup.controllers", "cpu memory pids\n");
    const auto files = make_cgroup(root.path(), "clawgate-agent_1", limits);
    ASSERT_TRUE(files) << files.error().detail;
    EXPECT_THAT(*files, ElementsAre(root / "clawgate-agent_1/cgroup.procs"));
    EXPECT_EQ(contents(root / "cgroup.subtree_control"), "+memory +pids");
    EXPECT_EQ(contents(root / "clawgate-agent_1/memory.max"), "5242880");
    EXPECT_EQ(contents(root / "clawgate-agent_1/pids.max"), "100");
    ASSERT_TRUE(make_cgroup(root.path(), "clawgate-agent_1", {})) << "it is there already";
    EXPECT_EQ(contents(root / "clawgate-agent_1/memory.max"), "max");
}

TEST(Cgroup, OfVersion1HasAFolderForEachController) {
    const temporary_folder root;
    for (const auto* tree : {"memory", "pids"}) {
        std::filesystem::create_directory(root / tree);
        put(root / (std::string{tree} + "/cgroup.procs"), "");
    }
    const auto files = make_cgroup(root.path(), "g", limits);
    ASSERT_TRUE(files) << files.error().detail;
    EXPECT_THAT(*files, ElementsAre(root / "memory/g/cgroup.procs", root / "pids/g/cgroup.procs"));
    EXPECT_EQ(contents(root / "memory/g/memory.limit_in_bytes"), "5242880");
    EXPECT_EQ(contents(root / "pids/g/pids.max"), "100");
}

TEST(Cgroup, SaysWhyThereIsNone) {
    const temporary_folder root;
    EXPECT_EQ(make_cgroup(root.path(), "g", limits).error().code, errc::forbidden);
    put(root / "cgroup.controllers", "memory");
    std::filesystem::create_directory(root / "cgroup.subtree_control"); // cannot be written
    EXPECT_EQ(make_cgroup(root.path(), "g", limits).error().code, errc::forbidden);
}

TEST(Cgroup, IsWiderThanTheLimitAtWhichAnAgentIsRestarted) {
    EXPECT_EQ(hard_memory_limit(4096), 5120ull << 20);
    EXPECT_EQ(hard_memory_limit(0), 0u);
}

} // namespace
} // namespace clawgate::pod::test
