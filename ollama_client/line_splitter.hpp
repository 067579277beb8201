#pragma once
// Bytes in pieces of any size → complete lines. Lines are cut at '\n' only, so a character of several bytes
// that is split between two pieces comes out whole.

#include "core/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace clawgate::ollama {

/// Longest line of a stream: a record with log probabilities, or a folded answer.
inline constexpr std::size_t max_line_bytes = 8ull << 20;

/// feed(), then next() until it says nothing; and again.
class line_splitter {
public:
    explicit line_splitter(std::size_t limit = max_line_bytes)
        : limit_{limit} {}

    /// The next bytes. To be called only after next() has said nothing; `piece` must stay in place until it
    /// says so again.
    void feed(std::string_view piece) noexcept { piece_ = piece; }
    /// The next complete line without its line end ("\n" or "\r\n"); lines of nothing but white space are
    /// passed over. Nothing: more bytes are needed. errc::bad_upstream for a line beyond the limit, from
    /// then on for ever. Valid until the next call; a line that lies in one piece is a view of it.
    [[nodiscard]] result<std::optional<std::string_view>> next();

    /// What came after the last line end, once next() has said nothing. At the end of a stream: a last line
    /// without its end (Ollama ends an answer of one object like that), or a truncated one.
    [[nodiscard]] std::string_view rest() const noexcept;

private:
    std::size_t limit_;
    std::string_view piece_;
    std::string held_;      ///< the beginning of a line that goes on in the next piece
    bool returned_ = false; ///< held_ was given out as a line
    bool broken_ = false;
};

} // namespace clawgate::ollama
