#pragma once
// What a snapshot or a backup holds, with a checksum for every file. Pure.

#include "core/error.hpp"
#include "pod/tree.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::pod {

struct manifest_entry {
    std::string path;
    node type = node::file;
    unsigned mode = 0600;   ///< permission bits only
    std::int64_t mtime = 0; ///< seconds
    std::uint64_t size = 0; ///< of a file
    std::string sha256;     ///< of a file, 64 hexadecimal digits
    std::string target;     ///< of a link
    bool damaged = false;   ///< a SQLite database that does not pass its own check; copied as it was
    friend bool operator==(const manifest_entry&, const manifest_entry&) = default;
};

struct manifest {
    static constexpr int version = 1;
    std::string kind; ///< "snapshot" or "backup"
    std::string id;   ///< random
    std::string agent;
    std::string created; ///< RFC 3339, UTC
    bool without_secrets = false;
    std::vector<manifest_entry> entries; ///< folders before their contents
    notes remarks;

    [[nodiscard]] std::uint64_t bytes() const; ///< of all files
    [[nodiscard]] std::size_t files() const;
    [[nodiscard]] bool has_damage() const;
};

[[nodiscard]] std::string to_json(const manifest& m);

/// errc::corrupt with the reason: not JSON, another kind or version, a path that check_member_path refuses, a
/// checksum that is none.
[[nodiscard]] result<manifest> parse_manifest(std::string_view json, std::string_view kind);

/// Nothing (an empty string) when `path` names something below a tree's root: relative, no empty, "." or ".."
/// component, no NUL, at most 4096 bytes. Otherwise what is wrong with it.
[[nodiscard]] std::string check_member_path(std::string_view path);

/// The same for a link at `path` that points to `target`: relative, any ".." at its beginning, and never
/// above the first component of `path` (the tree's top folder).
[[nodiscard]] std::string check_link_target(std::string_view path, std::string_view target);

/// `text` as people may see it: control characters and what is not ASCII as \xNN, shortened.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace clawgate::pod
