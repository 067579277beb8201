#pragma once
// Writes a new directory tree, member by member, and checks it afterwards. Until finish() there is no link in
// it, so that no path of a member can lead elsewhere.

#include "pod/manifest.hpp"
#include "pod/tree.hpp"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace clawgate::pod {

/// Like read(2): bytes put into the buffer, 0 at the end, or an error.
using byte_source = std::function<result<std::size_t>(char* buffer, std::size_t size)>;

class tree_writer {
public:
    /// The folder `name` in `parent`, which must not exist yet. errc::io.
    [[nodiscard]] static result<tree_writer> make(int parent, const std::string& name);

    /// What a member is like; its path was checked (check_member_path). Folders that it lies in and that were
    /// not announced are made. errc::io when something of that name exists already.
    [[nodiscard]] result<void> add_folder(const std::string& path, unsigned mode, timespec mtime);
    [[nodiscard]] result<void> add_link(const std::string& path, const std::string& target);
    /// At most `size` bytes of `from`. Returns the entry, with the checksum of what was read; runs of zeros
    /// become holes. On disk when it returns.
    [[nodiscard]] result<manifest_entry> add_file(const std::string& path, unsigned mode, timespec mtime,
                                                  std::uint64_t size, const byte_source& from);

    /// Makes the links, then gives the folders their modes and times, the innermost first, on disk.
    [[nodiscard]] result<void> finish();

    [[nodiscard]] int fd() const noexcept { return root_.get(); }

private:
    explicit tree_writer(descriptor root)
        : root_{std::move(root)} {}
    [[nodiscard]] result<void> make_parents(const std::string& path);

    struct folder {
        std::string path;
        unsigned mode;
        timespec mtime;
    };
    struct link {
        std::string path;
        std::string target;
    };
    descriptor root_;
    std::vector<folder> folders_;
    std::vector<link> links_;
};

/// Reads from an open file.
[[nodiscard]] byte_source read_from(int fd);

/// Reads everything back and compares it with the list: type, size, checksum, target. errc::corrupt names the
/// first member that differs; errc::not_found one that is missing. The system's memory of a file is dropped
/// before, so that the disk is asked where it can be.
[[nodiscard]] result<void> verify_tree(int root, const std::vector<manifest_entry>& entries);

} // namespace clawgate::pod
