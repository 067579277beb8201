#include "net/websocket.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace clawgate::net::websocket {
namespace {

error violation(const char* why) {
    return error{errc::bad_request, fault::client, retry::never, why};
}

bool is_control(opcode op) noexcept {
    return static_cast<unsigned>(op) >= 8;
}

bool is_known(unsigned op) noexcept {
    return op <= 2 || (op >= 8 && op <= 10);
}

std::uint8_t byte_at(std::string_view s, std::size_t i) noexcept {
    return static_cast<std::uint8_t>(s[i]);
}

/// How long the header is, from its first two bytes.
std::size_t header_size(std::uint8_t second) noexcept {
    const unsigned length = second & 0x7f;
    return 2 + (length == 126 ? 2u : length == 127 ? 8u : 0u) + ((second & 0x80) ? 4u : 0u);
}

} // namespace

result<std::optional<frame_header>> parse_frame_header(std::string_view bytes) {
    if (bytes.size() < 2) return std::optional<frame_header>{};
    const auto first = byte_at(bytes, 0);
    const auto second = byte_at(bytes, 1);
    if (first & 0x70) return violation("reserved bits are set, but no extension was agreed on");
    if (!is_known(first & 0x0f)) return violation("an unknown opcode");

    frame_header h;
    h.fin = first & 0x80;
    h.op = static_cast<opcode>(first & 0x0f);
    h.masked = second & 0x80;
    h.header_bytes = header_size(second);
    h.length = second & 0x7f;
    if (is_control(h.op) && (!h.fin || h.length > 125))
        return violation("a fragmented or oversized control frame");
    if (bytes.size() < h.header_bytes) return std::optional<frame_header>{};

    const std::size_t extended = h.length == 126 ? 2 : h.length == 127 ? 8 : 0;
    if (extended) {
        const auto short_form = h.length;
        h.length = 0;
        for (std::size_t i = 0; i < extended; ++i)
            h.length = h.length << 8 | byte_at(bytes, 2 + i);
        if ((short_form == 126 && h.length < 126) ||
            (short_form == 127 && (h.length < 65536 || h.length >> 63)))
            return violation("a frame length that is not in its shortest form");
    }
    if (h.masked) std::memcpy(h.mask.data(), bytes.data() + 2 + extended, 4);
    return std::optional{h};
}

void apply_mask(std::string& payload, const std::array<std::uint8_t, 4>& mask) noexcept {
    for (std::size_t i = 0; i < payload.size(); ++i)
        payload[i] = static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ mask[i & 3]);
}

std::string encode_frame(opcode op, std::string_view payload, const std::array<std::uint8_t, 4>* mask) {
    std::string out;
    out.reserve(payload.size() + 14);
    out.push_back(static_cast<char>(0x80 | static_cast<unsigned>(op)));
    const char mask_bit = mask ? static_cast<char>(0x80) : char{0};
    const auto n = payload.size();
    const auto extended = [&](int bytes) {
        for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
            out.push_back(static_cast<char>(n >> shift & 0xff));
    };
    if (n < 126) {
        out.push_back(static_cast<char>(mask_bit | static_cast<char>(n)));
    } else if (n < 65536) {
        out.push_back(static_cast<char>(mask_bit | 126));
        extended(2);
    } else {
        out.push_back(static_cast<char>(mask_bit | 127));
        extended(8);
    }
    if (!mask) return out.append(payload);
    out.append(reinterpret_cast<const char*>(mask->data()), 4);
    std::string masked{payload};
    apply_mask(masked, *mask);
    return out.append(masked);
}

std::string encode_close(std::uint16_t code, std::string_view reason,
                         const std::array<std::uint8_t, 4>* mask) {
    std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    auto n = std::min<std::size_t>(reason.size(), 123);
    while (n > 0 && n < reason.size() && (static_cast<unsigned char>(reason[n]) & 0xc0) == 0x80)
        --n;
    payload.append(reason.substr(0, n));
    return encode_frame(opcode::close, payload, mask);
}

std::array<std::uint8_t, 4> fresh_mask() {
    std::array<std::uint8_t, 4> mask{};
    if (RAND_bytes(mask.data(), mask.size()) != 1)
        throw std::runtime_error{"the system's random generator failed"};
    return mask;
}

void frame_follower::follow(std::string_view bytes) noexcept {
    while (!bytes.empty() && !lost_) {
        if (left_ > 0) {
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
            if (in_close_) {
                for (std::size_t i = 0; i < n && close_size_ < close_.size(); ++i, ++close_size_)
                    close_[close_size_] =
                        masked_
                            ? static_cast<char>(static_cast<std::uint8_t>(bytes[i]) ^ mask_[close_size_ & 3])
                            : bytes[i];
            }
            left_ -= n;
            bytes.remove_prefix(n);
            continue;
        }
        const std::size_t due = have_ < 2 ? 2 : header_size(static_cast<std::uint8_t>(header_[1]));
        const auto n = std::min<std::size_t>(due - have_, bytes.size());
        std::memcpy(header_.data() + have_, bytes.data(), n);
        have_ = static_cast<std::uint8_t>(have_ + n);
        bytes.remove_prefix(n);
        if (have_ >= 2 && have_ == header_size(static_cast<std::uint8_t>(header_[1]))) finish_header();
    }
}

void frame_follower::finish_header() noexcept {
    const auto h = parse_frame_header({header_.data(), have_});
    have_ = 0;
    if (!h || !*h) {
        lost_ = true;
        return;
    }
    left_ = (*h)->length;
    mask_ = (*h)->mask;
    masked_ = (*h)->masked;
    in_close_ = (*h)->op == opcode::close && !close_seen_;
    if (in_close_) close_seen_ = true;
}

std::uint16_t frame_follower::close_code() const noexcept {
    if (!close_seen_) return 0;
    if (close_size_ < 2) return 1005;
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(close_[0]) << 8 |
                                      static_cast<std::uint8_t>(close_[1]));
}

std::string_view frame_follower::close_reason() const noexcept {
    return close_size_ > 2 ? std::string_view{close_.data() + 2, close_size_ - 2u} : std::string_view{};
}

result<first_message::progress> first_message::feed(std::string_view bytes) {
    progress p;
    while (!p.complete) {
        const auto rest = bytes.substr(p.consumed);
        const auto parsed = parse_frame_header(rest);
        if (!parsed) return parsed.error();
        if (!*parsed) break;
        const auto& h = **parsed;
        if (!h.masked) return violation("a frame from the client that is not masked");
        if (h.length > limit_ || (!is_control(h.op) && message_.size() + h.length > limit_))
            return error{errc::too_large, fault::client, retry::never, "the first message is over 64 KiB"};
        if (rest.size() < h.header_bytes + h.length) break;
        const auto whole = rest.substr(0, h.header_bytes + static_cast<std::size_t>(h.length));
        if (is_control(h.op)) {
            p.pass_on.append(whole);
        } else {
            if ((h.op == opcode::continuation) != started_) return violation("a fragment out of order");
            if (!started_) kind_ = h.op;
            started_ = true;
            std::string payload{whole.substr(h.header_bytes)};
            apply_mask(payload, h.mask);
            message_.append(payload);
            p.complete = h.fin;
        }
        p.consumed += whole.size();
    }
    return p;
}

} // namespace clawgate::net::websocket
