#pragma once
// `clawgate plan`: the arithmetic of GPU memory, before anything is rented or started.

#include "core/config.hpp"

#include <string>

namespace clawgate::app {

struct plan_options {
    bool as_json = false;
    std::string gpu_origin; ///< where CLAWGATE_GPU comes from, when the user did not set it
    std::string note;       ///< why the GPU is not known, or nothing
};

/// Prints the plan for the configuration, which has it applied already. Models that are not known it asks the
/// model server about (CLAWGATE_OLLAMA_URL); nothing is changed. Exit status: 0 it fits, 1 it does not, 69
/// (EX_UNAVAILABLE) it cannot be said, because the GPU or the size of a model is not known.
int run_plan_command(const config& c, const plan_options& options);

} // namespace clawgate::app
