#pragma once
// The lines of /api/pull → how far the download is. Pure: the time is passed in.

#include "core/clock.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace clawgate::ollama {

class pull_progress {
public:
    /// The next line of the stream. What is no JSON object counts as silence.
    void take(std::string_view line, steady_time now);

    [[nodiscard]] const std::string& status() const noexcept { return status_; } ///< in Ollama's words
    [[nodiscard]] bool succeeded() const noexcept { return succeeded_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; } ///< empty without one
    /// Nothing but checking and filing is left; of a large model that takes minutes without a line.
    [[nodiscard]] bool finishing() const noexcept { return finishing_; }

    /// Bytes of all layers that were named so far; what was there before this pull is in both.
    [[nodiscard]] std::uint64_t completed() const noexcept { return completed_; }
    [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t received() const noexcept { return received_; } ///< in this pull
    /// 0–100, rounded down; nothing before the first layer.
    [[nodiscard]] std::optional<int> percent() const noexcept;
    /// Over the last ten seconds; 0 while it cannot be said.
    [[nodiscard]] double bytes_per_second(steady_time now) const noexcept;
    [[nodiscard]] std::optional<std::chrono::seconds> time_left(steady_time now) const noexcept;
    /// When something last changed: a byte came or a step began. Ollama repeats its lines while nothing
    /// comes. Before the first line, the clock's beginning.
    [[nodiscard]] steady_time last_advance() const noexcept { return last_advance_; }

private:
    struct layer {
        std::uint64_t total = 0;
        std::uint64_t completed = 0;
        std::uint64_t found = 0; ///< there already when the layer was first named
    };
    struct sample {
        steady_time when;
        std::uint64_t received;
    };
    void remember(steady_time now);

    std::string status_;
    std::string error_;
    bool succeeded_ = false;
    bool finishing_ = false;
    std::map<std::string, layer, std::less<>> layers_; ///< by digest
    std::uint64_t completed_ = 0;
    std::uint64_t total_ = 0;
    std::uint64_t received_ = 0;
    std::deque<sample> samples_; ///< of the last seconds, oldest first
    steady_time last_advance_{};
};

/// "1.2 GB": decimal, as Ollama's own client shows it.
[[nodiscard]] std::string shown_bytes(double bytes);
/// "1 h 5 min", "3 min 20 s", "12 s".
[[nodiscard]] std::string shown_duration(std::chrono::seconds d);
/// "42 %, 8.0 GB of 19.0 GB, 85.0 MB/s, 2 min 9 s left", with what is known of it; otherwise the status.
[[nodiscard]] std::string describe(const pull_progress& p, steady_time now);

} // namespace clawgate::ollama
