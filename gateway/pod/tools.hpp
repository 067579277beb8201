#pragma once
// Where the programs that a pod runs are found.

#include "core/error.hpp"
#include "pod/prepare.hpp"

#include <string>
#include <string_view>

namespace clawgate::pod {

/// `given` with every empty path filled in: this executable, `node` on `path` (the value of PATH), and
/// openclaw.mjs from the `openclaw` command there or from the folder that npm made beside it. Links are
/// resolved. errc::not_found, with what to do, when one is missing. `ollama` stays as it is.
[[nodiscard]] result<prepare_options> find_tools(prepare_options given, std::string_view path,
                                                 bool agents_are_supervised);

} // namespace clawgate::pod
