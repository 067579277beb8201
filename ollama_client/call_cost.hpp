#pragma once
// What a call is charged in the end, also when it did not come to its end. Pure.

#include "ollama_client/usage.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace clawgate::ollama {

struct call_course {
    std::uint32_t estimated_prompt = 0;   ///< tokens
    bool taken = false;                   ///< the server got the request, or part of it
    std::uint64_t records = 0;            ///< of the answer, the last one not counted: each has a token or more
    std::optional<final_numbers> numbers; ///< of the last record, when it came
    std::chrono::nanoseconds ran{0};      ///< since its dispatch
    double prompt_tokens_a_second = 0;    ///< as earlier calls were evaluated; 0: not known yet
};

struct call_cost {
    /// 0: as estimated.
    std::uint32_t prompt_tokens = 0;
    std::uint32_t answer_tokens = 0;
};
/// Never less than what was generated, whatever the last record says and whether it came at all: otherwise a
/// caller that leaves just before it would be served for nothing. Of a prompt that was given up before the
/// answer began, what can have been evaluated in that time; what never reached the server costs nothing (a
/// token, as 0 means that nothing is known).
[[nodiscard]] call_cost cost_of(const call_course& c) noexcept;

} // namespace clawgate::ollama
