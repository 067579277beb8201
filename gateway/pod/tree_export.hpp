#pragma once
// The members of a tree in a form that can be copied while the tree is in use.

#include "pod/tree.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace clawgate::pod {

/// What a copy may be told about, and where tests stop it.
using step_hook = std::function<void(std::string_view step)>;

struct member {
    std::string path;
    node type = node::file; ///< folder, file or link
    unsigned mode = 0;      ///< permission bits
    timespec mtime{};
    std::string target;     ///< of a link
    int fd = -1;            ///< of a file: open at its beginning; valid during the call
    std::uint64_t size = 0; ///< of a file: how much of it counts
    bool database = false;  ///< SQLite's, copied through SQLite
    bool damaged = false;   ///< see manifest_entry
};

struct export_options {
    /// A folder (it must not exist, its parent must) for copies of databases; removed at the end.
    std::string scratch;
    /// True for what does not belong into the copy; for a folder this means everything in it.
    std::function<bool(const tree_entry&)> leave_out;
    /// Called with the path of each database's copy, before it is handed on.
    std::function<result<void>(const std::string& path)> change_database;
    step_hook after_step;
};

/// Hands every member to `take`: folders before their contents; SQLite databases as one consistent copy
/// without their companion files; a file that grows meanwhile as long as it was. What cannot be copied is
/// left out and named in `remarks`: FIFOs, sockets, devices, what cannot be read, a database that stays
/// locked (copied as it is). `root` is the folder's own path.
[[nodiscard]] result<void> export_tree(const std::string& root, const export_options& options,
                                       const std::function<result<void>(const member&)>& take,
                                       notes& remarks);

/// Bytes of all regular files below `root`, for a percentage.
[[nodiscard]] std::uint64_t size_of_tree(const std::string& root);

} // namespace clawgate::pod
