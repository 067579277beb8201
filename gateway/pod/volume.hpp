#pragma once
// What the workspace's file system can do, as found by volume_probe, and what follows from it. Pure.

#include "core/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::pod {

/// The mount that a path lies on, as /proc/self/mountinfo names it (proc(5)).
struct mount_point {
    std::string path;
    std::string type;   ///< ext4, overlay, fuse.mfs …
    std::string source; ///< for people: a device, a server
};

/// The innermost mount that holds `path` (absolute, without links), or nothing. Of several mounts on one
/// place the last one counts, as for the kernel.
[[nodiscard]] std::optional<mount_point> find_mount(std::string_view mountinfo, std::string_view path);

/// Types whose locks and shared memory are decided by a server or a program: network file systems and FUSE.
/// The types of FUSE that serve a local disk do not count.
[[nodiscard]] bool is_network_type(std::string_view type);
/// tmpfs and the like.
[[nodiscard]] bool is_memory_type(std::string_view type);

enum class answer { yes, no, untested };

struct finding {
    answer works = answer::untested;
    std::string why; ///< for no and untested; for people
    [[nodiscard]] bool failed() const { return works == answer::no; }
};

struct volume_facts {
    std::string path;
    mount_point mount;      ///< empty strings when it could not be found
    bool on_root = false;   ///< the same file system as /
    bool container = false; ///< / is lost with the container

    finding owners;        ///< a file can be given to another user, and is then his
    finding modes;         ///< chmod takes
    finding file_locks;    ///< flock(2) excludes
    finding record_locks;  ///< fcntl(2) excludes another process: what SQLite locks with
    finding shared_memory; ///< mmap(MAP_SHARED) is one memory for all processes: SQLite's WAL index
    finding sync;          ///< fsync(2) succeeds
    finding rename;        ///< a file is replaced without a moment in which it is missing or mixed
    finding links;         ///< symbolic links

    std::uint64_t free_bytes = 0; ///< for this user
    std::uint64_t total_bytes = 0;
};

/// One thing that a person should know.
struct volume_note {
    /// For which the control page has a sentence: "not_mounted" (lost with the container), "in_memory" (lost with the
    /// machine), "no_owners", "unsafe_state" (databases lie there all the same), "local_state", "low_space".
    std::string word;
    std::string text; ///< what it means and what to do
};

struct volume_verdict {
    bool persistent = true;         ///< survives the container
    bool owners = true;             ///< untested counts as yes
    bool sqlite_safe = true;        ///< a database may be used there by several processes
    std::string unsafe_why;         ///< when it is not
    bool local_state = false;       ///< the agents' state belongs on local disk, with snapshots
    bool free_is_believable = true; ///< network volumes often report the whole cluster
    std::vector<volume_note> notes;
};

[[nodiscard]] volume_verdict judge(const volume_facts& f, state_place wanted);

/// One line for the start-up log: type, source, what works, free space.
[[nodiscard]] std::string describe(const volume_facts& f);

/// 1.5 GB, 320 MB …
[[nodiscard]] std::string spell_bytes(std::uint64_t bytes);

} // namespace clawgate::pod
