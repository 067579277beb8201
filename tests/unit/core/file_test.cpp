#include "core/file.hpp"

#include "temporary_directory.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace {

using namespace clawgate;
namespace fs = std::filesystem;

unsigned mode_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777u : 0;
}

TEST(WriteFile, ReplacesContentsAndModeAndLeavesNothingElse) {
    const temporary_directory dir;
    const auto path = dir.path() + "/f";
    ASSERT_TRUE(write_file_atomically(path, "first, and longer", 0644));
    EXPECT_EQ(mode_of(path), 0644u);
    ASSERT_TRUE(write_file_atomically(path, "second", 0600));
    EXPECT_EQ(*read_file(path, 100), "second");
    EXPECT_EQ(mode_of(path), 0600u);
    EXPECT_EQ(std::distance(fs::directory_iterator{dir.path()}, fs::directory_iterator{}), 1);
}

TEST(WriteFile, SetsTheModeWhateverTheUmask) {
    const temporary_directory dir;
    const auto before = ::umask(0077);
    const auto written = write_file_atomically(dir.path() + "/f", "x", 0644);
    ::umask(before);
    ASSERT_TRUE(written);
    EXPECT_EQ(mode_of(dir.path() + "/f"), 0644u);
}

TEST(WriteFile, ReplacesALinkAndNotItsTarget) {
    const temporary_directory dir;
    ASSERT_TRUE(write_file_atomically(dir.path() + "/target", "untouched", 0600));
    ASSERT_EQ(::symlink("target", (dir.path() + "/link").c_str()), 0);
    ASSERT_TRUE(write_file_atomically(dir.path() + "/link", "new", 0600));
    EXPECT_EQ(*read_file(dir.path() + "/target", 100), "untouched");
    EXPECT_FALSE(fs::is_symlink(dir.path() + "/link"));
}

TEST(WriteFile, ReportsThePathAndNotTheContents) {
    const temporary_directory dir;
    const auto r = write_file_atomically(dir.path() + "/none/f", "hunter2", 0600);
    ASSERT_TRUE(r.has_error());
    EXPECT_EQ(r.error().code, errc::io);
    EXPECT_NE(r.error().detail.find("/none/f"), std::string::npos);
    EXPECT_EQ(r.error().detail.find("hunter2"), std::string::npos);
}

TEST(WriteFile, LeavesNoTemporaryFileBehindAFailure) {
    const temporary_directory dir;
    fs::create_directory(dir.path() + "/f"); // a file cannot be renamed over a directory
    EXPECT_TRUE(write_file_atomically(dir.path() + "/f", "x", 0600).has_error());
    EXPECT_EQ(std::distance(fs::directory_iterator{dir.path()}, fs::directory_iterator{}), 1);
}

TEST(ReadFile, TakesWhatFitsExactly) {
    const temporary_directory dir;
    const auto path = dir.path() + "/f";
    const std::string bytes("a\0b\n", 4);
    ASSERT_TRUE(write_file_atomically(path, bytes, 0600));
    EXPECT_EQ(*read_file(path, 4), bytes);
    EXPECT_EQ(read_file(path, 3).error().code, errc::too_large);
    ASSERT_TRUE(write_file_atomically(path, "", 0600));
    EXPECT_EQ(*read_file(path, 0), "");
}

TEST(ReadFile, ReadsFilesWithoutASize) {
    const auto status = read_file("/proc/self/status", 1 << 16); // st_size is 0 there
    ASSERT_TRUE(status);
    EXPECT_TRUE(status->starts_with("Name:"));
    EXPECT_EQ(read_file("/proc/self/status", 10).error().code, errc::too_large);
}

TEST(ReadFile, TellsWhatIsWrong) {
    const temporary_directory dir;
    EXPECT_EQ(read_file(dir.path() + "/none", 10).error().code, errc::not_found);
    EXPECT_EQ(read_file(dir.path(), 10).error().code, errc::io);
    ASSERT_EQ(::mkfifo((dir.path() + "/fifo").c_str(), 0600), 0);
    EXPECT_EQ(read_file(dir.path() + "/fifo", 10).error().code, errc::io)
        << "and it does not wait for a writer";
}

} // namespace
