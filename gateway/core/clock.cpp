#include "core/clock.hpp"

#include <ctime>

namespace clawgate {

steady_time coarse_now() noexcept {
    timespec ts{};
    // libstdc++'s steady_clock is CLOCK_MONOTONIC; the coarse clock has the same epoch.
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return steady_time{std::chrono::seconds{ts.tv_sec} + std::chrono::nanoseconds{ts.tv_nsec}};
}

std::string iso_time(wall_time when) {
    const auto seconds = wall_clock::to_time_t(when);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[32];
    const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, length};
}

} // namespace clawgate
