#include "auth/verified_cache.hpp"

#include <iterator>

namespace clawgate::auth {

verified_cache::verified_cache(std::size_t capacity, std::chrono::seconds lifetime)
    : capacity_{capacity}
    , lifetime_{lifetime} {}

bool verified_cache::holds(table& t, const digest& what, steady_time now) {
    while (!t.answers.empty() && t.answers.front().expires <= now) {
        t.index.erase(t.answers.front().what);
        t.answers.pop_front();
    }
    return t.index.contains(what);
}

std::optional<bool> verified_cache::find(const digest& what, steady_time now) {
    if (holds(right_, what, now)) return true;
    if (holds(wrong_, what, now)) return false;
    return std::nullopt;
}

void verified_cache::remember(const digest& what, bool right, steady_time now) {
    table& t = right ? right_ : wrong_;
    if (holds(t, what, now)) return;
    if (t.answers.size() >= capacity_) {
        t.index.erase(t.answers.front().what);
        t.answers.pop_front();
    }
    t.answers.push_back({what, now + lifetime_});
    t.index.emplace(what, std::prev(t.answers.end()));
}

} // namespace clawgate::auth
