#include "ollama_client/object_edits.hpp"

#include <algorithm>

namespace clawgate::ollama {
namespace {

auto find_key(std::span<const json_member> members, std::string_view key) {
    return std::find_if(members.begin(), members.end(), [key](const json_member& m) { return m.key == key; });
}

} // namespace

void object_edits::set(std::string_view key, std::string_view value) {
    if (const auto found = find_key(members_, key); found != members_.end()) {
        if (found->value != value) changes_.push_back({&*found, std::string{value}});
        return;
    }
    if (!added_.empty()) added_ += ',';
    added_ += quote_json(key);
    added_ += ':';
    added_ += value;
}

void object_edits::remove(std::string_view key) {
    if (const auto found = find_key(members_, key); found != members_.end())
        removed_[static_cast<std::size_t>(found - members_.begin())] = true;
}

void object_edits::apply(edited_text& to) const {
    bool kept = false; // a member before this one stays
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const auto& m = members_[i];
        if (!removed_[i])
            kept = true;
        else if (kept) // the comma before it goes with it …
            to.replace(members_[i - 1].end, m.end, {});
        else // … or the one behind it, where nothing is left before
            to.replace(m.begin, i + 1 < members_.size() ? members_[i + 1].begin : m.end, {});
    }
    for (const auto& c : changes_)
        to.replace(c.member->end - c.member->value.size(), c.member->end, c.value);
    if (!added_.empty()) to.insert(open_ + 1, kept ? added_ + ',' : added_);
}

} // namespace clawgate::ollama
