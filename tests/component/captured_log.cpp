#include "component/captured_log.hpp"

#include "component/gateway_fixture.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <stdexcept>

#include <sys/mman.h>
#include <unistd.h>

namespace clawgate::test {

captured_log::captured_log()
    : file_{::memfd_create("captured log", MFD_CLOEXEC)}
    , stdout_{::dup(STDOUT_FILENO)} {
    quiet_log(); // first: the fixture would do it later, and end the capture
    std::fflush(stdout);
    log::flush();
    if (file_ < 0 || stdout_ < 0 || ::dup2(file_, STDOUT_FILENO) < 0)
        throw std::runtime_error{"cannot capture the log"};
    log::init(log_level::info, log_format::json);
}

captured_log::~captured_log() {
    log::flush();
    log::init(log_level::error, log_format::text); // as the fixture leaves it
    ::dup2(stdout_, STDOUT_FILENO);
    ::close(stdout_);
    ::close(file_);
}

std::string captured_log::text() const {
    log::flush();
    std::string out;
    char piece[4096];
    for (;;) {
        const auto n = ::pread(file_, piece, sizeof piece, static_cast<off_t>(out.size()));
        if (n <= 0) return out;
        out.append(piece, static_cast<std::size_t>(n));
    }
}

std::string captured_log::line_with(std::initializer_list<std::string_view> parts) const {
    std::string found;
    static_cast<void>(eventually([&] {
        std::istringstream lines{text()};
        for (std::string line; std::getline(lines, line);)
            if (std::ranges::all_of(parts, [&](auto part) { return line.find(part) != line.npos; })) {
                found = line;
                return true;
            }
        return false;
    }));
    return found;
}

} // namespace clawgate::test
