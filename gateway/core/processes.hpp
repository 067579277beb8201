#pragma once
// The processes of this machine and what memory they take, from /proc (proc(5)).

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace clawgate {

struct process_entry {
    pid_t pid = 0;
    pid_t parent = 0;
    uid_t uid = 0;
    /// Resident and not shared with others: what would be free without it. What comes from files is not counted.
    std::uint64_t private_bytes = 0;
};

/// All that can be seen; a process that ends meanwhile is left out. Takes milliseconds, so not for an event loop.
/// `root` is for tests.
[[nodiscard]] std::vector<process_entry> read_processes(const std::string& root = "/proc");

/// Of every process of a user.
[[nodiscard]] std::uint64_t memory_of_user(const std::vector<process_entry>& all, uid_t uid);
/// Of a process and all that it started; what has left its parent is not found.
[[nodiscard]] std::uint64_t memory_of_tree(const std::vector<process_entry>& all, pid_t root);

} // namespace clawgate
