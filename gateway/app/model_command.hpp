#pragma once
// `clawgate model`: what serve does at its start, by hand and with a progress bar.

#include "core/config.hpp"

#include <string>

namespace clawgate::app {

enum class model_command { pull, warm_up };

/// Downloads or loads the model `name`, or every model that the configuration uses when it is empty. Speaks
/// to the model server itself (CLAWGATE_OLLAMA_URL). Prints to the terminal: a bar that is drawn over where
/// standard output is one, otherwise a line at each ten per cent. Exit status: 0, 1 the server refused it or
/// it failed, 69 (EX_UNAVAILABLE) the server does not answer, 130 interrupted by Ctrl-C (what was downloaded
/// is kept; the next pull goes on from there).
int run_model_command(const config& c, model_command what, const std::string& name);

} // namespace clawgate::app
