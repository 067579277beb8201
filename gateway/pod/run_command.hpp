#pragma once
// Runs a program of the system and waits for it. For `prepare`, `plan` and `doctor`, not for the gateway.

#include "core/error.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace clawgate::pod {

struct command_result {
    int status = 0;     ///< exit status, or 128 + the signal that ended it
    std::string output; ///< standard output and error together, the first 64 KB
};

/// `words[0]` is a path, or looked for in the system's folders, whatever PATH says. `input` is its standard input (at most 60 KB: what a pipe
/// holds). errc::not_found when it is not installed, errc::timeout when it had to be killed, errc::io.
[[nodiscard]] result<command_result> run_command(const std::vector<std::string>& words, const std::string& input = {},
                                                 std::chrono::milliseconds limit = std::chrono::seconds{10});

} // namespace clawgate::pod
