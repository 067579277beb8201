#pragma once
// What `clawgate plan` prints. Pure.

#include "core/vram_plan.hpp"

#include <string>
#include <vector>

namespace clawgate::app {

struct plan_to_show {
    const config& options; ///< with the plan applied
    const vram_plan& plan;
    std::string gpu_origin;         ///< where the cards come from; empty = as the plan says
    std::vector<std::string> notes; ///< why something is not known
};

/// For people: the cards, the preset and why, the sum line by line, the values in effect, what was changed
/// and why, and whether it fits.
[[nodiscard]] std::string plan_text(const plan_to_show& p);

/// The same as one JSON object. `fits` is null where it is not known.
[[nodiscard]] std::string plan_json(const plan_to_show& p);

} // namespace clawgate::app
