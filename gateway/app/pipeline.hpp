#pragma once
// The decisions about a request, in order. Each phase looks at the exchange and either lets it go on, answers
// it, or needs a verdict of the desk first. No I/O happens here.

#include "app/exchange.hpp"

#include <span>

namespace clawgate::app {

enum class step {
    next,
    answer,   ///< exchange::answer is set
    ask_desk, ///< exchange::asked is set: put the verdict into exchange::judged and run the same phase again
};

struct phase {
    std::string_view name;
    step (*run)(exchange&);
};

[[nodiscard]] std::span<const phase> pipeline();

/// Runs the phases from `first` on. `first` is moved to the phase that did not let the exchange go on.
[[nodiscard]] step run_pipeline(exchange& x, std::size_t& first);

/// For phases: ends the pipeline with this answer.
[[nodiscard]] step respond(exchange& x, reply r);

[[nodiscard]] reply locked_out(std::chrono::seconds retry_after);
/// Of a password that was not compared, because too many are being hashed.
[[nodiscard]] reply too_busy(std::chrono::seconds retry_after);
[[nodiscard]] reply origin_refused(const exchange& x, std::string_view origin);

/// Is a form post of ours not a forged one? Looks at Origin and Sec-Fetch-Site.
[[nodiscard]] bool is_same_origin_post(const exchange& x);

} // namespace clawgate::app
