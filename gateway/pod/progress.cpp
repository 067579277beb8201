#include "pod/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace clawgate::pod {

progress::progress(std::string what, std::uint64_t total)
    : what_{std::move(what)}
    , total_{std::max<std::uint64_t>(total, 1)}
    , terminal_{::isatty(STDERR_FILENO) == 1} {}

progress::~progress() {
    if (shown_ >= 0) std::fputs("\r\033[K", stderr);
}

void progress::add(std::uint64_t bytes) {
    done_ += bytes;
    // The total was taken before; what has grown since does not make it more than everything.
    const int percent = static_cast<int>(std::min<std::uint64_t>(99, done_ * 100 / total_));
    if (!terminal_ || percent == shown_) return;
    shown_ = percent;
    std::fprintf(stderr, "\r%s %3d %%", what_.c_str(), percent);
}

} // namespace clawgate::pod
