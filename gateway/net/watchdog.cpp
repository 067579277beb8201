#include "net/watchdog.hpp"

namespace clawgate::net {

void watchdog::start(std::function<void(steady_time)> every_tick) {
    every_tick_ = std::move(every_tick);
    arm();
}

void watchdog::arm() {
    timer_.expires_after(std::chrono::seconds{1});
    timer_.async_wait([this](error_code ec) {
        if (ec) return;
        arm(); // first: an exception below must not end all deadlines
        const auto now = coarse_now();
        every_tick_(now);
        for_each([now](watched& w) { w.on_tick(now); });
    });
}

void watchdog::for_each(const std::function<void(watched&)>& f) {
    for (auto i = list_.begin(); i != list_.end();) {
        auto& w = *i;
        ++i; // before the call: it may unlink w
        f(w);
    }
}

} // namespace clawgate::net
