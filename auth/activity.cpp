#include "auth/activity.hpp"

#include <algorithm>
#include <utility>

namespace clawgate::auth {

void activity::touch(std::string_view id, wall_time now) {
    const std::scoped_lock lock{mutex_};
    std::string key{id};
    if (const auto known = last_.find(key); known != last_.end()) {
        known->second = std::max(known->second, now);
        return;
    }
    // A scan, but only for a session that was not in the full table.
    if (last_.size() >= capacity)
        last_.erase(std::ranges::min_element(last_, {}, [](const auto& entry) { return entry.second; }));
    last_.emplace(std::move(key), now);
}

std::optional<wall_time> activity::last(std::string_view id) const {
    const std::scoped_lock lock{mutex_};
    const auto found = last_.find(std::string{id});
    if (found == last_.end()) return std::nullopt;
    return found->second;
}

std::size_t activity::size() const {
    const std::scoped_lock lock{mutex_};
    return last_.size();
}

} // namespace clawgate::auth
