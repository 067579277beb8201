#pragma once

#include <string>
#include <vector>

namespace clawgate::pod {

/// exec(3): this process becomes the program, which is looked for in PATH. Returns 71 (EX_OSERR), with the reason on
/// standard error behind `who`, only when that fails. SIGPIPE, which this program ignores, is as usual again.
[[nodiscard]] int become_program(const std::string& who, const std::vector<std::string>& program);

} // namespace clawgate::pod
