#include "app/pod_observer.hpp"

#include <utility>

namespace clawgate::app {
namespace {

constexpr std::size_t most_events = 50;

} // namespace

look_outcome pod_observer::look(const std::vector<program_info>& programs,
                                const std::map<std::string, std::uint64_t>& memory, wall_time now) {
    look_outcome out;
    for (const auto& p : programs) {
        auto& s = seen_[p.name];
        if (p.pid != 0 && s.pid != 0 && p.pid != s.pid && !std::exchange(s.restarting, false))
            out.news.push_back({now, p.name, "restarted"});
        if (p.pid != 0) s.pid = p.pid;

        const bool failing = p.state == "BACKOFF" || p.state == "FATAL";
        if (failing && !s.failing) out.news.push_back({now, p.name, "failing"});
        s.failing = failing;

        const auto used = memory.find(p.name);
        const bool over = limit_ != 0 && p.pid != 0 && used != memory.end() && used->second > limit_;
        if (over && s.was_over) {
            out.news.push_back({now, p.name, "out_of_memory", used->second});
            s.restarting = true;
            out.too_large.push_back(p.name);
        }
        s.was_over = over && !s.was_over;
    }
    events_.insert(events_.end(), out.news.begin(), out.news.end());
    while (events_.size() > most_events)
        events_.pop_front();
    return out;
}

} // namespace clawgate::app
