#pragma once
// When sessions were last seen at work in a tunnel, where no fresh cookie can be sent.

#include "core/clock.hpp"

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace clawgate::auth {

/// Any thread may call everything.
class activity {
public:
    static constexpr std::size_t capacity =
        4096; ///< sessions; the one that is idle the longest is forgotten first

    /// Never moves a session's time back.
    void touch(std::string_view id, wall_time now);
    [[nodiscard]] std::optional<wall_time> last(std::string_view id) const;
    [[nodiscard]] std::size_t size() const;

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::string, wall_time> last_;
};

} // namespace clawgate::auth
