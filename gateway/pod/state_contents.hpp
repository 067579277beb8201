#pragma once
// What of an agent's state is worth keeping, and what of it is secret, as OpenClaw 2026.9.6 writes it (seen
// in its state folder and in the tables that it makes). Pure, apart from remove_secrets().

#include "core/error.hpp"
#include "pod/tree_writer.hpp"

#include <string>
#include <string_view>

namespace clawgate::pod {

/// OpenClaw makes it again by itself (`cache`: the dashboard's files, 50 MB) or it means something only where
/// it was made (`tmp`: lock files with process ids). `path` from the state's root.
[[nodiscard]] bool is_disposable(std::string_view path);

/// The service token's own file: new at every start.
[[nodiscard]] bool is_service_token(std::string_view path);

/// A file or folder that by its name holds credentials, keys, pairings or an environment. `path` from the
/// root of the state or of the working directory.
[[nodiscard]] bool is_secret_file(std::string_view path);

/// openclaw.json without the values of keys that name a token, password, key or the like; errc::corrupt when
/// it is not JSON.
[[nodiscard]] result<std::string> config_without_secrets(std::string_view json);

/// Empties the tables of the database `path` that hold credentials, device identities and pairings, and
/// overwrites what was in them. Databases without such tables stay as they are.
[[nodiscard]] result<void> remove_secrets(const std::string& path);

/// What stands in a backup in place of the service token: as long as one, so that sizes stay.
inline constexpr std::string_view token_mask = "CLAWGATE-SERVICE-TOKEN-NEW-AT-EVERY-START--";

/// `from` with every occurrence of `token` replaced by token_mask (cut or repeated to its length). An empty
/// token changes nothing.
[[nodiscard]] byte_source mask_token(byte_source from, std::string token);

/// Back again: `text` with `token` where the mask stands.
[[nodiscard]] std::string unmask_token(std::string text, std::string_view token);

} // namespace clawgate::pod
