#include "ollama_client/pruning.hpp"

#include <algorithm>

namespace clawgate::ollama {

namespace {

constexpr double smallest = 1.5; // bytes a token: Chinese in escapes is above, and so is base64
constexpr double largest = 8.0;
constexpr double step_factor = 1.1;
constexpr double weight_of_new = 0.1;
/// In a shorter prompt the template's own tokens and the JSON around the text weigh too much.
constexpr std::uint64_t least_tokens = 256;

} // namespace

void token_calibration::learn(std::size_t prompt_bytes, std::uint64_t prompt_tokens) noexcept {
    if (prompt_bytes == 0 || prompt_tokens < least_tokens) return;
    const auto measured =
        std::clamp(static_cast<double>(prompt_bytes) / static_cast<double>(prompt_tokens), smallest, largest);
    if (mean_ == 0) mean_ = step_;
    mean_ += weight_of_new * (measured - mean_);
    // To the mean and not to a fixed grid: going back takes a whole step too, so it does not swing.
    if (mean_ > step_ * step_factor || mean_ < step_ / step_factor) step_ = mean_;
}

double token_calibration::bytes_per_token() const noexcept {
    return step_;
}

} // namespace clawgate::ollama
