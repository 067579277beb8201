#include "net/body.hpp"

#include <algorithm>

namespace clawgate::net {

void body_decoder::start(body_kind kind, std::uint64_t content_length, std::uint64_t limit) {
    kind_ = kind;
    left_ = content_length;
    limit_ = limit;
    bytes_ = 0;
    done_ = kind == body_kind::none || (kind == body_kind::length && content_length == 0);
    chunks_ = {};
}

result<std::size_t> body_decoder::take(std::string_view in, gather& pieces) {
    std::size_t used = 0;
    while (!done_ && used < in.size() && !pieces.full()) {
        const auto rest = in.substr(used);
        std::string_view data = rest;
        if (kind_ == body_kind::length) {
            data = rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
            left_ -= data.size();
            used += data.size();
            done_ = left_ == 0;
        } else if (kind_ == body_kind::chunked) {
            const auto n = chunks_.feed(rest, data);
            if (!n) return n.error();
            used += *n;
            done_ = chunks_.done();
        } else {
            used += data.size();
        }
        bytes_ += data.size();
        if (bytes_ > limit_)
            return error{errc::too_large, fault::client, retry::never, "the body is over its limit"};
        pieces.add(data);
    }
    return used;
}

result<void> body_decoder::end_of_input() {
    if (kind_ == body_kind::until_close) done_ = true;
    if (!done_) return error{errc::closed, fault::upstream, retry::never, "closed in the middle of a body"};
    return {};
}

std::size_t body_decoder::want(std::size_t space) const noexcept {
    if (kind_ == body_kind::length) return static_cast<std::size_t>(std::min<std::uint64_t>(left_, space));
    if (kind_ == body_kind::chunked)
        return static_cast<std::size_t>(
            std::min<std::uint64_t>(space, std::max<std::uint64_t>(chunks_.chunk_left(), small_block)));
    return space;
}

void body_encoder::add(gather& out, const gather& pieces) {
    if (kind_ == body_kind::none || pieces.empty()) return;
    if (kind_ == body_kind::chunked) out.add(chunk_head(pieces.bytes(), head_));
    for (const auto& p : pieces)
        out.add({static_cast<const char*>(p.data()), p.size()});
    if (kind_ == body_kind::chunked) out.add("\r\n");
}

void body_encoder::finish(gather& out, std::string_view trailers) {
    if (kind_ != body_kind::chunked) return;
    last_ = last_chunk(trailers);
    out.add(last_);
}

} // namespace clawgate::net
