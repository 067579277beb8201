#pragma once
// `clawgate backup` and `clawgate restore`: one agent in one file.

#include "core/config.hpp"
#include "core/error.hpp"
#include "pod/archive.hpp"
#include "pod/manifest.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace clawgate::pod {

struct backup_options {
    std::string agent;
    std::string output; ///< empty = <agent>-<time>.tar.zst in the current directory
    bool without_secrets = false;
};

struct restore_options {
    std::string agent;
    std::string file;
    bool force = false; ///< even while the agent runs
};

/// Exit status: 0, 64 (unknown agent, the file exists already), 71 (a file cannot be read or written).
[[nodiscard]] int backup_command(const config& c, const backup_options& options);

/// Exit status: 0, 1 (the agent runs), 64 (unknown agent), 65 (the backup is damaged, or holds what it may
/// not), 66 (there is no such file), 71.
[[nodiscard]] int restore_command(const config& c, const restore_options& options);

/// The parts without a command around them, for tests. Both run as the agent's user.
struct backup_sources {
    std::string agent;
    std::string state; ///< .openclaw
    std::string work;  ///< the working directory; may be absent
    std::string token; ///< the current service token, or empty: it must not be in the backup
    bool without_secrets = false;
    std::function<void(std::uint64_t bytes)> on_progress;
};
/// Writes the backup into `fd` (open for reading and writing, empty), reads it back and checks it. The file
/// itself is left out when it lies in what is copied.
[[nodiscard]] result<manifest> write_backup(int fd, const backup_sources& from);

struct restore_places {
    std::string state; ///< .openclaw: may be absent, its parent not
    std::string work;
    std::function<void(std::uint64_t bytes)> on_progress;
};
struct restore_report {
    manifest list;
    notes aside; ///< paths of what was there before
};
/// Reads and checks everything into new folders beside, and only then puts them in place; what was there
/// keeps its contents under another name. On an error nothing has changed.
[[nodiscard]] result<restore_report> restore_backup(int fd, const restore_places& to);

} // namespace clawgate::pod
