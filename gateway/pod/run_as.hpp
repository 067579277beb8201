#pragma once
// Work on an agent's files as the agent's own user: whatever it put there can then show or change nothing
// that is not its own.

#include "core/error.hpp"
#include "pod/layout.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace clawgate::pod {

/// Calls `body` in a child process with that uid and gid, without privileges, and returns its answer. After
/// `limit` the child is killed: errc::timeout. Without a user, or when this process is not root or is that
/// user already, `body` is called right here, and without a limit. No other thread may hold a lock that
/// `body` needs, for instance of SQLite: it would never be released in the child.
[[nodiscard]] result<std::string> run_as(std::optional<owner> whose, std::chrono::seconds limit,
                                         const std::function<result<std::string>()>& body);

/// Whose work on `folder` should be done: its owner, when this process is root and that is somebody else.
[[nodiscard]] std::optional<owner> owner_of(const std::string& folder);

} // namespace clawgate::pod
