#include "core/clock.hpp"

#include <ctime>

namespace clawgate {

steady_time coarse_now() noexcept {
    timespec ts{};
    // libstdc++'s steady_clock is CLOCK_MONOTONIC; the coarse clock has the same epoch.
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return steady_time{std::chrono::seconds{ts.tv_sec} + std::chrono::nanoseconds{ts.tv_nsec}};
}

} // namespace clawgate
