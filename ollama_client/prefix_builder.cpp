#include "ollama_client/admission.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace clawgate::ollama {
namespace {

/// Up to this many messages every boundary is kept, then the more sparsely the further on. Which ones depends
/// on the message's number alone: the boundaries of a conversation's next turn must be those of this one.
constexpr std::size_t dense_boundaries = 512;

[[nodiscard]] bool is_kept(std::size_t message) noexcept {
    const std::size_t step = std::bit_floor(std::max<std::size_t>(message / dense_boundaries, 1));
    return message % step == 0;
}

[[nodiscard]] std::uint64_t mix(std::uint64_t hash, std::uint64_t word) noexcept {
    hash =
        (hash ^ word) * 0x9E3779B97F4A7C15ull; // 2^64 divided by the golden ratio: odd, its bits well spread
    return hash ^ (hash >> 32);
}

} // namespace

void prefix_builder::add(std::string_view bytes) {
    // Eight bytes a step: a body of 64 MB must not hold up the thread of the model door. The length goes in
    // too, so that a boundary cannot move without a difference.
    std::uint64_t hash = mix(hash_, bytes.size());
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= sizeof(std::uint64_t); at += sizeof(std::uint64_t), left -= sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, at, sizeof word);
        hash = mix(hash, word);
    }
    std::uint64_t rest = 0;
    if (left > 0) std::memcpy(&rest, at, left);
    hash_ = mix(hash, rest);
    bytes_ += bytes.size();
    if (is_kept(messages_++)) boundaries_.emplace_back(hash_, bytes_);
}

std::vector<prompt_prefix> prefix_builder::take(double tokens_per_byte) {
    std::vector<prompt_prefix> prefixes;
    prefixes.reserve(boundaries_.size());
    for (const auto& [hash, bytes] : boundaries_) {
        constexpr double most = std::numeric_limits<std::uint32_t>::max();
        const double tokens = std::round(static_cast<double>(bytes) * tokens_per_byte);
        prefixes.push_back({hash, static_cast<std::uint32_t>(std::clamp(tokens, 0.0, most))});
    }
    *this = prefix_builder{};
    return prefixes;
}

} // namespace clawgate::ollama
