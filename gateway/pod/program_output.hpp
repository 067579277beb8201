#pragma once
// Short programs that are asked something.

#include "core/error.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace clawgate::pod {

struct program_output {
    int status = 0;   ///< exit status; 128 + the signal that ended it
    std::string text; ///< its standard output
};

/// How programs are run: tests put their own in its place.
using program_runner = std::function<result<program_output>(const std::vector<std::string>& argv)>;

struct run_options {
    std::chrono::milliseconds limit = std::chrono::seconds{15};
    std::string input;   ///< its standard input
    bool errors = false; ///< its standard error is part of the text; otherwise it is dropped
};

/// Runs the program (found on PATH). errc::not_found when there is no such program, errc::timeout (then it is
/// killed), errc::too_large above 1 MiB, errc::io.
[[nodiscard]] result<program_output> run_program(const std::vector<std::string>& argv,
                                                 const run_options& options = {});

} // namespace clawgate::pod
