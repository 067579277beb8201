#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clawgate::app {

/// Value of the first field `name` in an application/x-www-form-urlencoded body; nothing when it is absent or
/// badly encoded.
[[nodiscard]] std::optional<std::string> form_value(std::string_view form, std::string_view name);

} // namespace clawgate::app
