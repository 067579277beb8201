// Against real file systems: the temporary folder, and memory. What a broken one would answer is in
// volume_test.cpp; the calls themselves can only be tried on what this machine has.
#include "pod/volume_probe.hpp"

#include "pod_fixture.hpp"

#include <filesystem>

namespace clawgate::pod::test {
namespace {

TEST(VolumeProbe, FindsEverythingWorkingOnALocalDisk) {
    const temporary_folder t;
    const auto f = probe_volume(t.path(), config_of());
    if (is_network_type(f.mount.type)) GTEST_SKIP() << "the temporary folder is on " << f.mount.type;
    for (const auto* each :
         {&f.modes, &f.file_locks, &f.record_locks, &f.shared_memory, &f.sync, &f.rename, &f.links})
        EXPECT_EQ(each->works, answer::yes) << each->why;
    EXPECT_EQ(f.owners.works, ::geteuid() == 0 ? answer::yes : answer::untested) << f.owners.why;
    EXPECT_FALSE(f.mount.type.empty());
    EXPECT_GT(f.total_bytes, 0u);
    EXPECT_LE(f.free_bytes, f.total_bytes);
    EXPECT_TRUE(judge(f, state_place::automatic).sqlite_safe);
}

TEST(VolumeProbe, LeavesNothingBehind) {
    const temporary_folder t;
    (void)probe_volume(t.path(), config_of());
    EXPECT_TRUE(std::filesystem::is_empty(t.path()));
}

TEST(VolumeProbe, SaysWhyNothingCouldBeTried) {
    const auto f = probe_volume("/proc", config_of());
    EXPECT_EQ(f.sync.works, answer::untested);
    EXPECT_FALSE(f.sync.why.empty());
    EXPECT_FALSE(f.on_root);
    EXPECT_EQ(f.mount.type, "proc");
}

TEST(VolumeProbe, KnowsMemory) {
    if (!std::filesystem::is_directory("/dev/shm") || ::access("/dev/shm", W_OK) != 0)
        GTEST_SKIP() << "no /dev/shm";
    const auto f = probe_volume("/dev/shm", config_of());
    EXPECT_TRUE(is_memory_type(f.mount.type)) << f.mount.type;
    EXPECT_FALSE(judge(f, state_place::automatic).persistent);
}

TEST(VolumeProbe, KnowsRunPodAsAContainer) {
    EXPECT_TRUE(runs_in_container(config_of({{"RUNPOD_POD_ID", "abc123"}})));
}

} // namespace
} // namespace clawgate::pod::test
