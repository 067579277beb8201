#include "core/processes.hpp"

#include "temporary_directory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

namespace clawgate {
namespace {

process_entry process(pid_t pid, pid_t parent, uid_t uid, std::uint64_t bytes) {
    process_entry p;
    p.pid = pid;
    p.parent = parent;
    p.uid = uid;
    p.private_bytes = bytes;
    return p;
}

TEST(Processes, AreFoundWithTheirUserAndMemory) {
    std::vector<char> filled(64u << 20, 'x');
    const auto all = read_processes();
    const auto me = std::find_if(all.begin(), all.end(), [](const auto& p) { return p.pid == ::getpid(); });
    ASSERT_NE(me, all.end());
    EXPECT_EQ(me->uid, ::geteuid());
    EXPECT_EQ(me->parent, ::getppid());
    EXPECT_GE(me->private_bytes, filled.size());
}

TEST(Processes, AProgramsNameMayHoldAnything) {
    const temporary_directory t;
    const auto folder = t.path() + "/77";
    std::filesystem::create_directory(folder);
    std::ofstream{folder + "/stat"} << "77 (a) S 1 (b c) R 42 1 1\n";
    std::ofstream{folder + "/statm"} << "900 300 100 1 0 1 0\n";
    std::filesystem::create_directory(t.path() + "/self");
    const auto all = read_processes(t.path());
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].pid, 77);
    EXPECT_EQ(all[0].parent, 42);
    EXPECT_EQ(all[0].private_bytes, 200u * static_cast<unsigned>(::sysconf(_SC_PAGESIZE)));
}

TEST(Processes, AreSummedByUserAndByTree) {
    const std::vector all{process(5, 4, 1001, 16), process(2, 1, 1001, 1), process(3, 2, 1001, 2),
                          process(4, 3, 1002, 4), process(9, 1, 1002, 8)};
    EXPECT_EQ(memory_of_user(all, 1001), 19u);
    EXPECT_EQ(memory_of_tree(all, 2), 23u) << "children are found in whatever order they are listed";
    EXPECT_EQ(memory_of_tree(all, 77), 0u);
}

} // namespace
} // namespace clawgate
