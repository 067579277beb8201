#include "support/run_until_signal.hpp"

#include <fstream>
#include <stdexcept>

namespace clawgate::support {

signal_waiter::signal_waiter() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

void signal_waiter::wait() const {
    int which = 0;
    sigwait(&signals_, &which);
}

std::string first_line_of(const std::string& path) {
    std::ifstream file{path};
    std::string line;
    if (!std::getline(file, line)) throw std::runtime_error{"cannot read " + path};
    return line;
}

} // namespace clawgate::support
