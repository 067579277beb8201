#pragma once
// The chunked transfer coding (RFC 9112 section 7.1), read strictly and written anew: chunk extensions are
// dropped and chunk borders are ours, so nothing that could be read in two ways is passed on. State machines
// without I/O.

#include "core/error.hpp"
#include "net/head_guard.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace clawgate::net {

class chunked_decoder {
public:
    /// Looks at `in` and returns how many bytes it consumed. `data` is the part of them that is body (a view
    /// into `in`, possibly empty). Call again with the rest while progress is made; stop when done(). Errors
    /// are errc::bad_request with the reason, and final.
    [[nodiscard]] result<std::size_t> feed(std::string_view in, std::string_view& data);

    [[nodiscard]] bool done() const noexcept { return state_ == state::done; }
    /// Bytes of body still due in the current chunk; a hint for how much to read.
    [[nodiscard]] std::uint64_t chunk_left() const noexcept { return left_; }
    /// After done(): the trailer section's field lines, each with CRLF, without the final empty line.
    /// Framing, routing and forwarding fields were dropped (RFC 9110 section 6.5.1).
    [[nodiscard]] const std::string& trailers() const noexcept { return trailers_; }

private:
    enum class state { size, extension, size_lf, data, data_cr, data_lf, trailer, done };
    result<void> end_of_trailer_line();

    state state_ = state::size;
    std::uint64_t left_ = 0;
    int digits_ = 0;
    std::size_t extension_bytes_ = 0;
    std::string line_;
    std::size_t trailer_bytes_ = 0;
    std::string trailers_;
};

/// "1f4\r\n" for a piece of that many bytes (never 0: that would end the body, facts/boost.md 2), in `out`.
std::string_view chunk_head(std::uint64_t bytes, char (&out)[20]) noexcept;

/// The last chunk with `trailers` (as chunked_decoder::trailers() gives them).
[[nodiscard]] std::string last_chunk(std::string_view trailers);

} // namespace clawgate::net
