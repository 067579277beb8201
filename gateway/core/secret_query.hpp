#pragma once
// Which parts of a request's target are secrets, by the names that they go by. Pure.

#include <string>
#include <string_view>

namespace clawgate {

/// Does the name of a parameter say that its value is one (access_token, PASSWORD, to%6ben)? Rather one too
/// many than one too few: for what must not be shown.
[[nodiscard]] bool names_a_secret(std::string_view raw_name);

/// Does a parameter's value hold such a pair, as next=%2Fchat%3Ftoken%3D… does: an address with a query of its
/// own, encoded up to three times?
[[nodiscard]] bool holds_a_secret(std::string_view raw_value);

/// `target` without the parameters of its query that are secrets, for an address that is written into another
/// one. What only sounds like one (sessionKey: the dashboard finds its conversation by it) stays.
[[nodiscard]] std::string without_secrets(std::string_view target);

} // namespace clawgate
