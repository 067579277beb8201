#include "app/body_budget.hpp"

namespace clawgate::app {

bool body_budget::resize(const std::string& caller, std::size_t from, std::size_t to) {
    auto mine = by_caller_.try_emplace(caller, 0).first;
    const auto own = mine->second - from + to;
    const auto all = held_ - from + to;
    const bool modest = own <= most_ / 64;
    const bool fits = own <= most_ / 4 && all <= (modest ? most_ : most_ - most_ / 4);
    const bool granted = to <= from || fits;
    if (granted) {
        mine->second = own;
        held_ = all;
    }
    if (mine->second == 0) by_caller_.erase(mine);
    return granted;
}

} // namespace clawgate::app
