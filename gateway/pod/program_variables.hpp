#pragma once
// Environments of supervised programs.

#include "core/options.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawgate::pod {

using variables = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view system_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Adds those of the named variables that `process` has. Values with white space or control characters are left out:
/// supervisord's file format would cut them.
void pass_on(variables& to, const environment& process, std::initializer_list<std::string_view> names);

/// "/a/b" of "/a/b/c".
[[nodiscard]] std::string folder_of(const std::string& path);

} // namespace clawgate::pod
