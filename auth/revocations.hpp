#pragma once
// Sessions that were ended before their time, kept until that time and across restarts.

#include "core/clock.hpp"
#include "core/error.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace clawgate::auth {

/// Any thread may call everything.
class revocations {
public:
    /// `path`: the file, or empty = kept in memory only. Throws std::runtime_error when there is a file that
    /// cannot be read: to go on without it would bring ended sessions back.
    explicit revocations(std::string path);

    /// True when it was not in the list before and is a session's id. `expires`: its absolute end.
    bool add(std::string_view id, wall_time expires);

    /// Takes no lock unless the id is in the list (or, rarely, resembles one that is).
    [[nodiscard]] bool contains(std::string_view id) const;

    /// Grows with every add().
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }

    /// Forgets what is past its end and writes the file, if anything was added since the last time. Blocks
    /// for as long as the disk takes.
    result<void> save(wall_time now);

private:
    static constexpr std::size_t filter_bits = 1u << 18;
    [[nodiscard]] static std::size_t bit_of(std::string_view id) noexcept;
    void mark(std::string_view id) noexcept;
    void load();

    std::string path_;
    std::atomic<std::uint64_t> epoch_{0};
    /// One bit of an id's hash: not set = certainly not in the list. Bits are never cleared, since a reader
    /// could then miss another id that shares one.
    std::array<std::atomic<std::uint64_t>, filter_bits / 64> filter_{};
    mutable std::mutex list_mutex_;
    std::unordered_map<std::string, std::int64_t> list_; ///< id → absolute end, seconds since the epoch
    bool changed_ = false;
    std::mutex save_mutex_; ///< one writer of the file at a time; taken before list_mutex_
};

} // namespace clawgate::auth
