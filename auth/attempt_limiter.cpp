#include "auth/attempt_limiter.hpp"

#include "auth/client_address.hpp"

#include <algorithm>
#include <iterator>

namespace clawgate::auth {

attempt_table::attempt_table(const limits& l)
    : limits_{l} {}

void attempt_table::erase(entries& from, entries::iterator which) {
    entries_.erase(which->key); // before the entry: the map's key is a view of it
    from.erase(which);
}

/// Drops what counts no longer, so that memory follows the attackers of the last minutes only.
void attempt_table::expire(steady_time now) {
    while (!locked_.empty() && *locked_.front().locked_until <= now)
        erase(locked_, locked_.begin());
    while (!counting_.empty() && counting_.front().last + limits_.window <= now)
        erase(counting_, counting_.begin());
}

bool attempt_table::make_room() {
    if (entries_.size() < limits_.capacity) return true;
    if (counting_.empty()) return false;
    erase(counting_, counting_.begin());
    return true;
}

std::optional<steady_time> attempt_table::locked_until(std::string_view key, steady_time now) {
    expire(now);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    return found->second->locked_until;
}

bool attempt_table::count(std::string_view key, const digest& wrong, steady_time now) {
    expire(now);
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        if (!make_room()) return false;
        counting_.push_back(entry{std::string{key}, {}, std::nullopt, now});
        const auto made = std::prev(counting_.end());
        found = entries_.emplace(made->key, made).first;
    } else if (found->second->locked_until) {
        return true;
    } else {
        counting_.splice(counting_.end(), counting_, found->second);
    }
    entry& e = *found->second;
    e.last = now;
    std::erase_if(e.attempts, [&](const attempt& a) { return a.last + limits_.window <= now; });
    const auto same = std::ranges::find(e.attempts, wrong, &attempt::wrong);
    if (same != e.attempts.end())
        same->last = now;
    else
        e.attempts.push_back({wrong, now});
    if (e.attempts.size() >= limits_.distinct) {
        e.attempts = {};
        e.locked_until = now + limits_.lockout;
        latest_lock_ = std::max(latest_lock_, *e.locked_until);
        locked_.splice(locked_.end(), counting_, found->second);
    }
    return true;
}

void attempt_table::reset(std::string_view key) {
    const auto found = entries_.find(key);
    if (found != entries_.end() && !found->second->locked_until) erase(counting_, found->second);
}

attempt_limiter::attempt_limiter(const limits& l)
    : limits_{l}
    , clients_{l.client}
    , lanes_{l.lane} {}

bool attempt_limiter::has_lane(std::string_view lane, steady_time now) {
    return !lane.empty() && !lanes_.locked_until(lane, now);
}

std::optional<std::chrono::seconds> attempt_limiter::locked(std::string_view client, std::string_view lane,
                                                            steady_time now) {
    auto end = clients_.locked_until(client, now);
    if (ceiling_locked_until_ > now && !has_lane(lane, now))
        end = std::max(end.value_or(ceiling_locked_until_), ceiling_locked_until_);
    if (!end) return std::nullopt;
    return std::chrono::ceil<std::chrono::seconds>(*end - now);
}

void attempt_limiter::count_wrong(std::string_view client, std::string_view lane, const digest& wrong,
                                  steady_time now) {
    clients_.count(client, wrong, now);
    if (has_lane(lane, now) && lanes_.count(lane, wrong, now)) return;
    if (client == local_key) return;
    count_under_ceiling(client, wrong, now);
}

void attempt_limiter::count_under_ceiling(std::string_view client, const digest& wrong, steady_time now) {
    if (ceiling_locked_until_ > now) return;
    std::erase_if(guesses_, [&](const guess& g) { return g.last + limits_.ceiling_window <= now; });
    const auto same = std::ranges::find_if(
        guesses_, [&](const guess& g) { return g.wrong == wrong && g.client == client; });
    if (same != guesses_.end()) {
        same->last = now;
        return;
    }
    guesses_.push_back({std::string{client}, wrong, now});
    if (guesses_.size() >= limits_.ceiling) {
        guesses_.clear();
        ceiling_locked_until_ = now + limits_.ceiling_lockout;
    }
}

void attempt_limiter::count_right(std::string_view client, std::string_view lane) {
    clients_.reset(client);
    if (!lane.empty()) lanes_.reset(lane);
}

steady_time attempt_limiter::latest_lock() const noexcept {
    return std::max({clients_.latest_lock(), lanes_.latest_lock(), ceiling_locked_until_});
}

} // namespace clawgate::auth
