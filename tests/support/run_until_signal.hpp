#pragma once
// For the fakes' main functions.

#include <signal.h>

#include <string>

namespace clawgate::support {

/// Blocks SIGTERM and SIGINT in the calling thread (and those it starts later), to wait for one of them.
class signal_waiter {
public:
    signal_waiter();
    void wait() const;

private:
    sigset_t signals_{};
};

/// Throws std::runtime_error when the file cannot be read.
[[nodiscard]] std::string first_line_of(const std::string& path);

} // namespace clawgate::support
