#pragma once
// Time as the program uses it. Deciding code never reads a clock: it is given a time_point, so that tests
// need no waiting.

#include <chrono>
#include <string>

namespace clawgate {

/// For deadlines and durations: never jumps.
using steady_clock = std::chrono::steady_clock;
using steady_time = steady_clock::time_point;

/// For what is stored or shown: sessions, logs.
using wall_clock = std::chrono::system_clock;
using wall_time = wall_clock::time_point;

/// Steady time at the kernel tick's resolution (1–4 ms), at a fraction of the cost; for deadlines.
[[nodiscard]] steady_time coarse_now() noexcept;

/// "2026-11-25T03:04:05Z" (RFC 3339, whole seconds).
[[nodiscard]] std::string iso_time(wall_time when);

} // namespace clawgate
