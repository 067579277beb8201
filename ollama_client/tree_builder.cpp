#include "ollama_client/tree_builder.hpp"

#include <algorithm>

namespace clawgate::ollama {

namespace {

const std::string* repeated_key(const ordered_json::object_t& object) {
    std::vector<const std::string*> keys;
    keys.reserve(object.size());
    for (const auto& member : object)
        keys.push_back(&member.first);
    std::sort(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a < *b; });
    const auto same =
        std::adjacent_find(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a == *b; });
    return same == keys.end() ? nullptr : *same;
}

} // namespace

bool tree_builder::fail(std::string why) {
    if (failure_.empty()) failure_ = std::move(why);
    return false;
}

ordered_json* tree_builder::put(ordered_json value) {
    if (values_ == 0) {
        (void)fail("has too many values");
        return nullptr;
    }
    --values_;
    if (open_.empty()) {
        root_ = std::move(value);
        return &root_;
    }
    auto& parent = *open_.back();
    if (parent.is_array()) {
        parent.push_back(std::move(value));
        return &parent.back();
    }
    auto& slot = parent.get_ref<ordered_json::object_t&>().back().second; // key() made it
    slot = std::move(value);
    return &slot;
}

bool tree_builder::open(ordered_json empty) {
    if (open_.size() >= max_depth_) return fail("is nested too deeply");
    auto* const at = put(std::move(empty));
    if (at == nullptr) return false;
    open_.push_back(at);
    return true;
}

bool tree_builder::key(string_t& name) {
    // As into a vector, which it is: the map's own insertion searches all members for the key.
    open_.back()->get_ref<ordered_json::object_t&>().emplace_back(std::move(name), nullptr);
    return true;
}

bool tree_builder::end_object() {
    const auto* const twice = repeated_key(open_.back()->get_ref<const ordered_json::object_t&>());
    if (twice != nullptr) return fail("has the key " + shown(*twice) + " twice in an object");
    open_.pop_back();
    return true;
}

bool tree_builder::end_array() {
    open_.pop_back();
    return true;
}

} // namespace clawgate::ollama
