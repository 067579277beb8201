#include "ollama_client/pull_progress.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace clawgate::ollama {
namespace {

constexpr auto speed_window = std::chrono::seconds{10};
constexpr auto sample_distance = std::chrono::milliseconds{250};
constexpr std::size_t most_layers = 1024; // models have about ten
constexpr std::size_t longest_text = 300;
constexpr std::uint64_t largest_layer = std::uint64_t{1} << 50; // sums stay far from overflow

std::string text_of(const nlohmann::json& line, const char* key) {
    const auto found = line.find(key);
    if (found == line.end() || !found->is_string()) return {};
    auto text = found->get<std::string>();
    if (text.size() <= longest_text) return text;
    auto end = longest_text;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end; // not inside a character
    return text.substr(0, end) + "…";
}

std::uint64_t bytes_of(const nlohmann::json& line, const char* key) {
    const auto found = line.find(key);
    if (found == line.end() || !found->is_number_unsigned()) return 0;
    return std::min(found->get<std::uint64_t>(), largest_layer);
}

} // namespace

void pull_progress::take(std::string_view text, steady_time now) {
    const auto line = nlohmann::json::parse(text, nullptr, false);
    if (!line.is_object()) return;
    if (auto failure = text_of(line, "error"); !failure.empty()) error_ = std::move(failure);
    if (auto status = text_of(line, "status"); !status.empty() && status != status_) {
        status_ = std::move(status);
        last_advance_ = now;
    }
    succeeded_ = succeeded_ || status_ == "success";

    const auto digest = text_of(line, "digest");
    finishing_ = digest.empty() && !layers_.empty();
    if (digest.empty()) return;
    auto known = layers_.find(digest);
    const bool is_new = known == layers_.end();
    if (is_new) {
        if (layers_.size() >= most_layers) return;
        known = layers_.emplace(digest, layer{}).first;
    }
    auto& l = known->second;
    const auto before = l;
    l.total = bytes_of(line, "total");
    l.completed = std::min(bytes_of(line, "completed"), l.total);
    if (is_new) l.found = l.completed;
    l.found = std::min(l.found, l.completed); // a part that is fetched once more
    total_ += l.total - before.total;         // unsigned arithmetic: also when it shrinks
    completed_ += l.completed - before.completed;
    received_ += (l.completed - l.found) - (before.completed - before.found);
    if (is_new || l.completed != before.completed) last_advance_ = now;
    remember(now);
}

void pull_progress::remember(steady_time now) {
    while (samples_.size() > 1 && now - samples_[1].when >= speed_window)
        samples_.pop_front();
    if (samples_.empty() || now - samples_.back().when >= sample_distance)
        samples_.push_back({now, received_});
}

std::optional<int> pull_progress::percent() const noexcept {
    if (succeeded_) return 100;
    if (total_ == 0) return std::nullopt;
    return static_cast<int>(completed_ * 100 / total_);
}

double pull_progress::bytes_per_second(steady_time now) const noexcept {
    // The oldest sample within the window, or the one before it, so that a stall brings the speed to zero.
    if (samples_.empty() || now <= samples_.front().when) return 0;
    const std::chrono::duration<double> d = now - samples_.front().when;
    if (received_ <= samples_.front().received || d < sample_distance) return 0;
    return static_cast<double>(received_ - samples_.front().received) / d.count();
}

std::optional<std::chrono::seconds> pull_progress::time_left(steady_time now) const noexcept {
    const auto speed = bytes_per_second(now);
    if (speed < 1 || total_ == 0) return std::nullopt;
    const auto seconds = static_cast<double>(total_ - completed_) / speed;
    constexpr double longest = 99.0 * 24 * 3600;
    return std::chrono::seconds{static_cast<std::int64_t>(std::min(seconds, longest))};
}

std::string shown_bytes(double bytes) {
    static constexpr std::array<const char*, 5> units{"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    for (; bytes >= 999.95 && unit + 1 < units.size(); ++unit)
        bytes /= 1000;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text.data();
}

std::string shown_duration(std::chrono::seconds d) {
    const auto s = d.count();
    if (s >= 3600) return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
    if (s >= 60) return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
    return std::to_string(s) + " s";
}

std::string describe(const pull_progress& p, steady_time now) {
    const auto percent = p.percent();
    if (!percent || p.finishing()) return p.status();
    auto text = std::to_string(*percent) + " %, " + shown_bytes(static_cast<double>(p.completed())) + " of " +
                shown_bytes(static_cast<double>(p.total()));
    if (const auto speed = p.bytes_per_second(now); speed >= 1) text += ", " + shown_bytes(speed) + "/s";
    if (const auto left = p.time_left(now)) text += ", " + shown_duration(*left) + " left";
    return text;
}

} // namespace clawgate::ollama
