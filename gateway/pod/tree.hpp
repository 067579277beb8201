#pragma once
// Directory trees that an agent owns and may have filled with anything. Names are looked up one by one and
// links are never followed; FIFOs, sockets and devices are seen and never opened.

#include "core/error.hpp"
#include "pod/descriptor.hpp"

#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::pod {

enum class node { folder, file, link, other };

struct tree_entry {
    std::string path; ///< from the root of the tree, '/' between names
    std::string name;
    node type = node::other;
    struct stat st {};
    std::string target; ///< of a link
    int parent = -1;    ///< descriptor of the folder that it lies in; valid during the call
};

/// What people should know about a tree that was copied: "x is a FIFO and was left out".
using notes = std::vector<std::string>;

/// Calls `visit` for everything below the folder `root`: names in order, a folder before its contents. False
/// for a folder leaves its contents out. What cannot be read, and folders nested deeper than 128, come back
/// as notes; an error of `visit` ends the walk.
[[nodiscard]] result<void> walk(int root, const std::function<result<bool>(const tree_entry&)>& visit,
                                notes& remarks);

/// The folder `name` in `parent`; a link is refused. errc::not_found, errc::io.
[[nodiscard]] result<descriptor> open_folder(int parent, const std::string& name);
/// A folder by its path, whose last component must not be a link.
[[nodiscard]] result<descriptor> open_folder(const std::string& path);

/// Whether there is anything of that name, a dangling link included.
[[nodiscard]] bool exists(int parent, const std::string& name);

/// Removes `name` and everything below it; nothing when it is not there.
[[nodiscard]] result<void> remove_tree(int parent, const std::string& name);

/// Renames it to `name.aside-<random>`.
[[nodiscard]] result<void> move_away(int parent, const std::string& name);

/// Makes the name free: what cannot be removed, such as folders in folders without end, is moved away. For names that
/// an agent may have taken, which must not keep the pod from starting.
[[nodiscard]] result<void> clear_name(int parent, const std::string& name);

/// rename(2) inside `parent`, on disk when it returns.
[[nodiscard]] result<void> rename_in(int parent, const std::string& from, const std::string& to);

/// The error of the last system call, as `cannot <doing> <what>: <reason>`.
[[nodiscard]] error system_error(std::string_view doing, std::string_view what);

} // namespace clawgate::pod
