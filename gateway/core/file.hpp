#pragma once
// Whole small files: read them bounded, replace them atomically.

#include "core/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace clawgate {

/// Replaces `path` so that a reader, or a crash at any moment, sees the old file or the new one and nothing
/// between: a temporary name in the same directory (created with `mode`, whatever the umask), fsync, rename,
/// fsync of the directory. The directory must exist. A symbolic link at `path` is replaced, not followed.
/// Errors are errc::io; their detail names the path and the reason and never the contents.
[[nodiscard]] result<void> write_file_atomically(const std::string& path, std::string_view bytes,
                                                 unsigned mode);

/// The whole regular file. errc::not_found when it does not exist, errc::too_large when it is longer than
/// `max_bytes`, errc::io otherwise (a directory or a device too).
[[nodiscard]] result<std::string> read_file(const std::string& path, std::size_t max_bytes);

} // namespace clawgate
