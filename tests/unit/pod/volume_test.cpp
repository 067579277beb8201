#include "pod/volume.hpp"


#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace clawgate::pod::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

volume_facts good_disk() {
    volume_facts f;
    f.path = "/workspace";
    f.mount = {"/workspace", "ext4", "/dev/vdb"};
    f.container = true;
    for (auto* each : {&f.owners, &f.modes, &f.file_locks, &f.record_locks, &f.shared_memory, &f.sync,
                       &f.rename, &f.links})
        each->works = answer::yes;
    f.free_bytes = 80ull << 30;
    f.total_bytes = 100ull << 30;
    return f;
}

volume_facts moosefs() {
    auto f = good_disk();
    f.mount = {"/workspace", "fuse.mfs", "mfsmaster:9421"};
    f.owners = {answer::no, "chown: Operation not permitted"};
    f.free_bytes = f.total_bytes = 400ull << 40;
    return f;
}

std::vector<std::string> words(const volume_verdict& v) {
    std::vector<std::string> out;
    for (const auto& n : v.notes)
        out.push_back(n.word);
    return out;
}

TEST(Volume, AMountedDiskNeedsNoWords) {
    const auto v = judge(good_disk(), state_place::automatic);
    EXPECT_THAT(v.notes, IsEmpty());
    EXPECT_TRUE(v.persistent);
    EXPECT_TRUE(v.owners);
    EXPECT_TRUE(v.sqlite_safe);
    EXPECT_FALSE(v.local_state);
    EXPECT_TRUE(v.free_is_believable);
}

TEST(Volume, TheRootOfAContainerIsLostWithIt) {
    auto f = good_disk();
    f.on_root = true;
    const auto v = judge(f, state_place::automatic);
    EXPECT_FALSE(v.persistent);
    EXPECT_THAT(words(v), ElementsAre("not_mounted"));
    EXPECT_THAT(v.notes[0].text, HasSubstr("lost with the container"));
    EXPECT_THAT(v.notes[0].text, HasSubstr("Mount a volume"));
}

TEST(Volume, TheRootOfAnOrdinaryMachineIsAnOrdinaryDisk) {
    auto f = good_disk();
    f.on_root = true;
    f.container = false;
    EXPECT_THAT(judge(f, state_place::automatic).notes, IsEmpty());
}

TEST(Volume, MemoryIsLostEverywhere) {
    auto f = good_disk();
    f.container = false;
    f.mount.type = "tmpfs";
    EXPECT_THAT(words(judge(f, state_place::automatic)), ElementsAre("in_memory"));
}

TEST(Volume, ANetworkVolumeKeepsNoOwnersAndNoDatabases) {
    const auto v = judge(moosefs(), state_place::automatic);
    EXPECT_THAT(words(v), ElementsAre("no_owners", "local_state"));
    EXPECT_FALSE(v.owners);
    EXPECT_FALSE(v.sqlite_safe);
    EXPECT_TRUE(v.local_state);
    EXPECT_FALSE(v.free_is_believable);
    EXPECT_THAT(v.notes[1].text, HasSubstr("fuse.mfs"));
    EXPECT_THAT(describe(moosefs()), HasSubstr("whole cluster"));
}

TEST(Volume, TheUserMayInsistOnEitherPlace) {
    const auto on = judge(moosefs(), state_place::volume);
    EXPECT_FALSE(on.local_state);
    EXPECT_THAT(words(on), ElementsAre("no_owners", "unsafe_state"));
    const auto off = judge(good_disk(), state_place::local);
    EXPECT_TRUE(off.local_state);
    EXPECT_TRUE(off.sqlite_safe);
    EXPECT_THAT(words(off), ElementsAre("local_state"));
    EXPECT_THAT(judge(good_disk(), state_place::volume).notes, IsEmpty());
}

TEST(Volume, EveryThingThatSqliteNeedsCounts) {
    for (finding volume_facts::*each : {&volume_facts::file_locks, &volume_facts::record_locks,
                                        &volume_facts::shared_memory, &volume_facts::sync}) {
        auto f = good_disk();
        (f.*each) = {answer::no, "it does not work"};
        const auto v = judge(f, state_place::automatic);
        EXPECT_FALSE(v.sqlite_safe);
        EXPECT_TRUE(v.local_state);
        EXPECT_THAT(v.unsafe_why, HasSubstr("it does not work"));
    }
}

TEST(Volume, WhatCouldNotBeTriedIsNotHeldAgainstIt) {
    auto f = good_disk();
    for (auto* each : {&f.owners, &f.file_locks, &f.record_locks, &f.shared_memory})
        *each = {answer::untested, "only root"};
    EXPECT_THAT(judge(f, state_place::automatic).notes, IsEmpty());
}

TEST(Volume, AlmostFullIsSaid) {
    auto f = good_disk();
    f.free_bytes = 300u << 20;
    const auto v = judge(f, state_place::automatic);
    EXPECT_THAT(words(v), ElementsAre("low_space"));
    EXPECT_THAT(v.notes[0].text, HasSubstr("315 MB"));
}

TEST(Volume, ABrokenRenameIsSaid) {
    auto f = good_disk();
    f.rename = {answer::no, "a file that is replaced is seen half"};
    const auto v = judge(f, state_place::automatic);
    ASSERT_THAT(words(v), ElementsAre("unsafe_state"));
    EXPECT_THAT(v.notes[0].text, HasSubstr("seen half"));
}

TEST(NetworkTypes, AreFuseAndServersButNotLocalFuse) {
    for (const auto* type :
         {"fuse.mfs", "fuse.moosefs", "fuse", "nfs", "nfs4", "cifs", "9p", "ceph", "fuse.sshfs"})
        EXPECT_TRUE(is_network_type(type)) << type;
    for (const auto* type :
         {"ext4", "xfs", "btrfs", "overlay", "zfs", "tmpfs", "fuseblk", "fuse.fuse-overlayfs", ""})
        EXPECT_FALSE(is_network_type(type)) << type;
}

constexpr std::string_view table =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 254:0 / / rw,relatime shared:1 - overlay overlay rw\n"
    "30 27 0:31 / /workspace rw shared:2 master:1 - fuse.mfs mfs#master:9421 rw\n"
    "31 30 0:32 / /workspace/with\\040space rw - ext4 /dev/vdb rw\n"
    "32 27 0:33 / /workspace2 rw - xfs /dev/vdc rw\n"
    "33 27 0:34 / /twice rw - ext4 /dev/old rw\n"
    "34 33 0:35 / /twice rw - nfs4 server:/new rw\n"
    "not a line of it\n";

TEST(MountTable, FindsTheInnermostMount) {
    const auto type = [](std::string_view path) {
        return find_mount(table, path).value_or(mount_point{}).type;
    };
    EXPECT_EQ(type("/workspace"), "fuse.mfs");
    EXPECT_EQ(type("/workspace/agents"), "fuse.mfs");
    EXPECT_EQ(type("/workspace/with space/x"), "ext4");
    EXPECT_EQ(type("/workspace2"), "xfs");
    EXPECT_EQ(type("/workspaces"), "overlay");
    EXPECT_EQ(type("/"), "overlay");
    EXPECT_EQ(find_mount(table, "/workspace")->source, "mfs#master:9421");
}

TEST(MountTable, TheLastOfTwoMountsOnOnePlaceCounts) {
    EXPECT_EQ(find_mount(table, "/twice")->type, "nfs4");
}

TEST(MountTable, MayBeEmptyOrNonsense) {
    EXPECT_FALSE(find_mount("", "/x"));
    EXPECT_FALSE(find_mount("a b c\n - \n1 2 3 4 5 6 -\n", "/x"));
}

TEST(Bytes, AreSpelledForPeople) {
    EXPECT_EQ(spell_bytes(0), "0 bytes");
    EXPECT_EQ(spell_bytes(999), "999 bytes");
    EXPECT_EQ(spell_bytes(1000), "1.0 KB");
    EXPECT_EQ(spell_bytes(1'500'000), "1.5 MB");
    EXPECT_EQ(spell_bytes(17'300'000'000), "17 GB");
    EXPECT_EQ(spell_bytes(999'999), "1.0 MB");
}

} // namespace
} // namespace clawgate::pod::test
