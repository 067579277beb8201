#pragma once
// Reading JSON whose shape is not known, without exceptions.

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace clawgate::support {

/// The member, or null.
[[nodiscard]] const nlohmann::json& member_of(const nlohmann::json& object, const char* name);
/// Empty when it is not a string.
[[nodiscard]] std::string string_of(const nlohmann::json& value);
[[nodiscard]] std::uint64_t number_of(const nlohmann::json& value, std::uint64_t otherwise);

} // namespace clawgate::support
