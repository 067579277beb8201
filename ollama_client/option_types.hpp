#pragma once
// The members of "options": their types, and who decides about them.

#include "core/error.hpp"
#include "ollama_client/request.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace clawgate::ollama {

enum class option_type { integer, decimal, boolean, strings };

struct option_rule {
    std::string_view name;
    option_type type;
    bool runner = false; ///< a change reloads the model: the door sets it or removes it
};
/// The options that Ollama knows.
[[nodiscard]] std::span<const option_rule> option_rules() noexcept;

/// Spelling and types, in Ollama's words (`option "num_ctx" must be of type integer`); numbers must fit what
/// Ollama stores them in: 32 bits, or a finite float. Unknown options pass, null passes.
[[nodiscard]] result<void> check_options(std::span<const json_member> options);

/// The value of a JSON number; nothing when a double cannot hold it (too large, or too small).
[[nodiscard]] std::optional<double> finite_number(std::string_view text) noexcept;

} // namespace clawgate::ollama
