#pragma once
// Where a message body ends, and how it is framed again. No I/O: bytes in, pieces of body out.

#include "net/buffer.hpp"
#include "net/chunked.hpp"
#include "net/head_guard.hpp"

namespace clawgate::net {

/// Follows one incoming body.
class body_decoder {
public:
    /// `limit`: most bytes of body that are taken; more is errc::too_large.
    void start(body_kind kind, std::uint64_t content_length, std::uint64_t limit = UINT64_MAX);

    /// Takes the body bytes at the front of `in` and adds views of them to `pieces`, until `in` is used up,
    /// the body ends or `pieces` is full. Returns how many bytes of `in` were used; they may be dropped once
    /// the views are.
    [[nodiscard]] result<std::size_t> take(std::string_view in, gather& pieces);

    /// The peer closed. Ends a body that ends so; otherwise errc::closed (the body is truncated).
    [[nodiscard]] result<void> end_of_input();

    /// False before start(): a body of which nothing is known has not been read.
    [[nodiscard]] bool done() const noexcept { return done_; }
    /// How much to read next, at most `space`, so that hardly anything behind this body is read with it.
    [[nodiscard]] std::size_t want(std::size_t space) const noexcept;
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] const std::string& trailers() const noexcept { return chunks_.trailers(); }

private:
    body_kind kind_ = body_kind::none;
    std::uint64_t left_ = 0;
    std::uint64_t limit_ = 0;
    std::uint64_t bytes_ = 0;
    bool done_ = false;
    chunked_decoder chunks_;
};

/// Frames pieces of an outgoing body. Views put into `out` are good until the next call.
class body_encoder {
public:
    /// body_kind::length and until_close pass bytes as they are; chunked frames them; none drops them.
    void start(body_kind kind) noexcept { kind_ = kind; }
    void add(gather& out, const gather& pieces);
    void finish(gather& out, std::string_view trailers);

private:
    body_kind kind_ = body_kind::none;
    char head_[20];
    std::string last_;
};

} // namespace clawgate::net
