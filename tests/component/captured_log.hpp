#pragma once
// What the gateway writes to its log, for tests of what it says there.

#include "core/log.hpp"

#include <string>

namespace clawgate::test {

/// Takes standard output over for as long as it lives; every line is JSON then.
class captured_log {
public:
    captured_log();
    ~captured_log();
    captured_log(const captured_log&) = delete;
    captured_log& operator=(const captured_log&) = delete;

    /// Everything so far.
    [[nodiscard]] std::string text() const;
    /// The first line that holds all of `parts`, for which it waits up to ten seconds; empty when none comes.
    [[nodiscard]] std::string line_with(std::initializer_list<std::string_view> parts) const;

private:
    int file_;
    int stdout_;
};

} // namespace clawgate::test
