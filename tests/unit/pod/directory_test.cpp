#include "pod/directory.hpp"

#include "pod_fixture.hpp"

#include <fcntl.h>

#include <filesystem>

namespace clawgate::pod::test {
namespace {

namespace fs = std::filesystem;

bool is_root() {
    return ::geteuid() == 0;
}

directory open(const std::string& path) {
    return std::move(directory::open_trusted(path).value());
}

std::size_t entries(const std::string& path) {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& e : fs::directory_iterator{path})
        ++n;
    return n;
}

TEST(Directory, MakesAFolderWithItsModeAndKeepsItsContents) {
    const temporary_folder t;
    const auto d = open(t.path());
    ASSERT_TRUE(d.make("a", 0700, {}));
    put(t / "a/kept", "yes");
    ::chmod((t / "a").c_str(), 0777);
    ASSERT_TRUE(d.make("a", 0700, {}));
    EXPECT_EQ(mode_of(t / "a"), 0700u);
    EXPECT_EQ(contents(t / "a/kept"), "yes");
}

TEST(Directory, MovesALinkAsideInsteadOfFollowingIt) {
    const temporary_folder t;
    const temporary_folder elsewhere;
    const auto d = open(t.path());
    fs::create_directory_symlink(elsewhere.path(), t / "a");
    const auto made = d.make("a", 0700, {});
    ASSERT_TRUE(made);
    ASSERT_TRUE(made->write("token", "secret", 0600, {}));
    EXPECT_EQ(entries(elsewhere.path()), 0u);
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(t / "a")));
    EXPECT_EQ(contents(t / "a/token"), "secret");
}

TEST(Directory, MovesAFileAside) {
    const temporary_folder t;
    put(t / "a", "mine");
    ASSERT_TRUE(open(t.path()).make("a", 0700, {}));
    EXPECT_TRUE(fs::is_directory(t / "a"));
    EXPECT_EQ(entries(t.path()), 2u) << "what was there is kept";
}

TEST(Directory, DoesNotReadThroughALink) {
    const temporary_folder t;
    put(t / "target", "not for you");
    fs::create_symlink(t / "target", t / "a");
    EXPECT_FALSE(open(t.path()).read("a", 100));
}

TEST(Directory, ReadsOnlyRegularFilesOfABoundedSize) {
    const temporary_folder t;
    const auto d = open(t.path());
    put(t / "a", "12345");
    EXPECT_EQ(d.read("a", 5).value(), "12345");
    EXPECT_EQ(d.read("a", 4).error().code, errc::too_large);
    EXPECT_EQ(d.read("absent", 4).error().code, errc::not_found);
    ASSERT_EQ(::mkfifo((t / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(d.read("fifo", 4).error().code, errc::io) << "and it did not wait for a writer";
}

TEST(Directory, ReplacesAFileThroughANewOne) {
    const temporary_folder t;
    const auto d = open(t.path());
    ASSERT_TRUE(d.write("a", "old", 0644, {}));
    const int held = ::open((t / "a").c_str(), O_RDONLY);
    ASSERT_TRUE(d.write("a", "new", 0600, {}));
    char seen[8]{};
    EXPECT_EQ(::read(held, seen, sizeof seen), 3);
    ::close(held);
    EXPECT_STREQ(seen, "old") << "who had it open goes on reading the old one whole";
    EXPECT_EQ(contents(t / "a"), "new");
    EXPECT_EQ(mode_of(t / "a"), 0600u);
    EXPECT_EQ(entries(t.path()), 1u) << "no temporary file is left";
}

TEST(Directory, ReplacesALinkAndNotItsTarget) {
    const temporary_folder t;
    put(t / "target", "untouched");
    fs::create_symlink(t / "target", t / "a");
    ASSERT_TRUE(open(t.path()).write("a", "new", 0600, {}));
    EXPECT_EQ(contents(t / "target"), "untouched");
    EXPECT_EQ(contents(t / "a"), "new");
}

TEST(Directory, MovesAFolderAsideThatHasTheNameOfAFile) {
    const temporary_folder t;
    fs::create_directories(t / "a/full");
    ASSERT_TRUE(open(t.path()).write("a", "new", 0600, {}));
    EXPECT_EQ(contents(t / "a"), "new");
    EXPECT_EQ(entries(t.path()), 2u) << "the folder is still there, and no temporary file";
}

TEST(Directory, TakesTheRightToWriteFromAgents) {
    const temporary_folder t;
    const auto d = open(t.path());
    ::chmod(t.path().c_str(), 0755);
    EXPECT_FALSE(*d.close_to_agents());
    ::chmod(t.path().c_str(), 0777);
    EXPECT_TRUE(*d.close_to_agents());
    EXPECT_EQ(mode_of(t.path()), 0755u);
}

TEST(Directory, KnowsAParentInWhichEverybodyMayRename) {
    const temporary_folder t;
    fs::create_directories(t / "open/workspace");
    EXPECT_EQ(unsafe_parent(t / "open/workspace"), "") << "that of /tmp is sticky";
    ::chmod((t / "open").c_str(), 0777);
    EXPECT_EQ(unsafe_parent(t / "open/workspace"), t / "open");
    ::chmod((t / "open").c_str(), 01777);
    EXPECT_EQ(unsafe_parent(t / "open/workspace"), "");
}

TEST(Directory, LinksOnceAndLeavesWhatIsThere) {
    const temporary_folder t;
    const auto d = open(t.path());
    ASSERT_TRUE(d.link("a", "x/y", {}));
    ASSERT_TRUE(d.link("a", "other", {}));
    EXPECT_EQ(fs::read_symlink(t / "a"), "x/y");
}

TEST(Directory, GivesAWholeTreeToANewOwnerButNotWhatALinkPointsTo) {
    if (!is_root()) GTEST_SKIP() << "only root can give files away";
    const temporary_folder t;
    const temporary_folder elsewhere;
    put(elsewhere / "file", "root's");
    fs::create_directories(t / "a/b");
    put(t / "a/b/file", "x");
    fs::create_symlink(elsewhere / "file", t / "a/b/link");
    fs::create_directory_symlink(elsewhere.path(), t / "a/folder");
    fs::create_hard_link(elsewhere / "file", t / "a/hard");
    ASSERT_TRUE(open(t.path()).make("a", 0700, owner{20001, 20001}));
    EXPECT_EQ(uid_of(t / "a"), 20001u);
    EXPECT_EQ(uid_of(t / "a/b/file"), 20001u);
    EXPECT_EQ(uid_of(t / "a/b/link"), 20001u);
    EXPECT_EQ(uid_of(elsewhere / "file"), 0u);
    EXPECT_EQ(uid_of(elsewhere.path()), 0u);
}

TEST(ClosedFolder, IsTheFirstThatOthersCannotPass) {
    const temporary_folder t;
    fs::create_directories(t / "open/shut/below");
    ::chmod((t / "open/shut").c_str(), 0700);
    EXPECT_EQ(closed_folder(t / "open/shut/below"), t / "open/shut");
    EXPECT_EQ(closed_folder(t / "open"), "");
}

} // namespace
} // namespace clawgate::pod::test
