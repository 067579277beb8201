#pragma once
// SQLite databases, copied while somebody writes to them (https://www.sqlite.org/backup.html).

#include "core/error.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace clawgate::pod {

/// Whether the open file begins as SQLite's format says (https://www.sqlite.org/fileformat.html, 1.3).
[[nodiscard]] bool is_database(int fd);

/// The database that the name of a companion file belongs to ("x.db-wal", "-shm", "-journal" → "x.db"), or
/// nothing.
[[nodiscard]] std::string_view database_of_companion(std::string_view name);

struct database_copy {
    bool sound = true; ///< false: SQLite finds the contents damaged; the copy is as damaged
};

/// One consistent state of the database `from` in the new file `to`, without its companions. A writer in WAL
/// mode is not held up; others wait as for any reader. No component of `from` may be a link. errc::timeout
/// when somebody keeps it locked, errc::corrupt when it is no database after all, errc::io.
[[nodiscard]] result<database_copy> copy_database(const std::string& from, const std::string& to);

} // namespace clawgate::pod
