#include "auth/revocations.hpp"

#include "core/encoding.hpp"
#include "core/file.hpp"

#include <charconv>
#include <functional>
#include <stdexcept>
#include <utility>

namespace clawgate::auth {
namespace {

constexpr std::string_view header = "clawgate revoked sessions 1\n";
constexpr std::size_t max_file = 64u << 20;
constexpr std::size_t id_bytes = 16;

std::int64_t seconds(wall_time t) {
    return std::chrono::ceil<std::chrono::seconds>(t.time_since_epoch()).count();
}

bool is_session_id(std::string_view id) {
    const auto raw = base64url_decode(id);
    return raw && raw->size() == id_bytes;
}

} // namespace

revocations::revocations(std::string path)
    : path_{std::move(path)} {
    if (!path_.empty()) load();
}

void revocations::load() {
    const auto text = read_file(path_, max_file);
    if (!text) {
        if (text.error().code == errc::not_found) return;
        throw std::runtime_error{"the list of ended sessions cannot be read: " + text.error().detail};
    }
    const auto corrupt = [this] {
        return std::runtime_error{path_ +
                                  ": not a list of ended sessions; to start without it, remove it together "
                                  "with session.key (ends all sessions)"};
    };
    std::string_view rest = *text;
    if (!rest.starts_with(header)) throw corrupt();
    rest.remove_prefix(header.size());
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        const auto space = line.find(' ');
        if (end == std::string_view::npos || space == std::string_view::npos) throw corrupt();
        const auto id = line.substr(0, space);
        const auto number = line.substr(space + 1);
        std::int64_t expires = 0;
        const auto [last, ec] = std::from_chars(number.data(), number.data() + number.size(), expires);
        if (ec != std::errc{} || last != number.data() + number.size() || !is_session_id(id)) throw corrupt();
        list_.emplace(id, expires);
        mark(id);
        rest.remove_prefix(end + 1);
    }
}

std::size_t revocations::bit_of(std::string_view id) noexcept {
    return std::hash<std::string_view>{}(id) % filter_bits;
}

void revocations::mark(std::string_view id) noexcept {
    const auto bit = bit_of(id);
    filter_[bit / 64].fetch_or(std::uint64_t{1} << bit % 64, std::memory_order_release);
}

bool revocations::add(std::string_view id, wall_time expires) {
    if (!is_session_id(id)) return false; // it could not be read back
    {
        const std::scoped_lock lock{list_mutex_};
        if (!list_.emplace(id, seconds(expires)).second) return false;
        changed_ = true;
        mark(id);
    }
    epoch_.fetch_add(1, std::memory_order_release); // after the list: who sees it sees the entry
    return true;
}

bool revocations::contains(std::string_view id) const {
    const auto bit = bit_of(id);
    if ((filter_[bit / 64].load(std::memory_order_acquire) & std::uint64_t{1} << bit % 64) == 0) return false;
    const std::scoped_lock lock{list_mutex_};
    return list_.contains(std::string{id});
}

result<void> revocations::save(wall_time now) {
    if (path_.empty()) return {};
    const std::scoped_lock one_writer{save_mutex_};
    std::string text{header};
    {
        const std::scoped_lock lock{list_mutex_};
        if (!changed_) return {};
        changed_ = false;
        std::erase_if(list_, [now = seconds(now)](const auto& e) { return e.second < now; });
        for (const auto& [id, expires] : list_) {
            text += id;
            text += ' ';
            text += std::to_string(expires);
            text += '\n';
        }
    }
    auto written = write_file_atomically(path_, text, 0600);
    if (!written) {
        const std::scoped_lock lock{list_mutex_};
        changed_ = true; // the next save tries again
    }
    return written;
}

} // namespace clawgate::auth
