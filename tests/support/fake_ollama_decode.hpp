#pragma once
// A request's body as Go's encoding/json would fill Ollama's structures with it: member names match in any
// case (long s and the Kelvin sign included), of duplicates the last one counts, a second "options" adds to
// the first, what follows the object is ignored. A gateway that lets such a body through shows in the tests.

#include "support/fake_ollama_schedule.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace clawgate::support {

struct decoded_request {
    nlohmann::json value = nlohmann::json::object(); ///< with the names as Ollama spells them
    std::string problem;                             ///< in Go's words; empty: none
};
/// `structure` is the Go type's name, for the words: "ChatRequest".
[[nodiscard]] decoded_request decode_request(std::string_view body, std::string_view structure);

/// time.ParseDuration; nothing, and Go's words in `problem`, when it is none.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text,
                                                                     std::string& problem);
/// The member keep_alive: a number of seconds or a duration, negative = for_ever. Nothing when it is absent,
/// null or wrong, with the words in `problem` for the last.
[[nodiscard]] std::optional<std::chrono::nanoseconds> read_keep_alive(const nlohmann::json& value,
                                                                      std::string& problem);

/// Nothing, or what Ollama says of an option of the wrong type.
[[nodiscard]] std::string option_problem(const nlohmann::json& options);
/// `context`: of a request that names no num_ctx; `trained`: more than that no model gets.
[[nodiscard]] runner_settings read_settings(const nlohmann::json& request, std::int64_t context,
                                            std::int64_t trained);

} // namespace clawgate::support
