#pragma once
// Keys and service tokens on disk.

#include "core/error.hpp"
#include "core/secret.hpp"

#include <string>

namespace clawgate::auth {

/// 32 random bytes, base64url: an agent's service token.
[[nodiscard]] secret make_service_token();

/// Reads a secret from a file of mode 0600 (trailing newline dropped); errc::not_found, errc::io, or
/// errc::forbidden when group or others may read it.
[[nodiscard]] result<secret> read_secret_file(const std::string& path);

/// Writes to a temporary name with `mode`, fsyncs, renames, fsyncs the directory.
[[nodiscard]] result<void> write_secret_file(const std::string& path, const secret& value,
                                             unsigned mode = 0600);

/// The session key under `state_dir` (32 bytes, file session.key), made on the first call.
[[nodiscard]] result<secret> load_or_make_session_key(const std::string& state_dir);

/// Where the gateway keeps its copy of agent n's token: <workspace>/.clawgate/tokens/<name>.
[[nodiscard]] std::string gateway_token_path(const std::string& workspace, const std::string& agent_name);
/// Where the agent finds its own: <workspace>/agents/<name>/.openclaw/token.
[[nodiscard]] std::string agent_token_path(const std::string& workspace, const std::string& agent_name);

} // namespace clawgate::auth
