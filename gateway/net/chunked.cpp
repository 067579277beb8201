#include "net/chunked.hpp"

#include <algorithm>
#include <charconv>

namespace clawgate::net {
namespace {

constexpr std::size_t max_extension_bytes = 256;    // of one chunk; they are dropped anyway
constexpr std::size_t max_trailer_bytes = 8 * 1024; // of the whole section
constexpr int max_size_digits = 15;                 // 60 bits: cannot overflow

error bad(const char* why) {
    return error{errc::bad_request, fault::client, retry::never, why};
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool allowed_in_trailers(const field& f) noexcept {
    // Fields that frame, route, authenticate or say where a message came from must not come late.
    return f.id == field_name::other || f.id == field_name::date;
}

} // namespace

result<std::size_t> chunked_decoder::feed(std::string_view in, std::string_view& data) {
    data = {};
    std::size_t i = 0;
    while (i < in.size() && state_ != state::done) {
        const char c = in[i];
        switch (state_) {
        case state::size:
            if (const int d = hex_digit(c); d >= 0) {
                if (++digits_ > max_size_digits) return bad("a chunk size with too many digits");
                left_ = left_ * 16 + static_cast<unsigned>(d);
            } else if (digits_ == 0) {
                return bad("a chunk without a size");
            } else if (c == '\r') {
                state_ = state::size_lf;
            } else if (c == ';' || c == ' ' || c == '\t') {
                state_ = state::extension;
                extension_bytes_ = 0;
            } else {
                return bad("a chunk size that is not hexadecimal");
            }
            ++i;
            break;
        case state::extension:
            if (c == '\r') {
                state_ = state::size_lf;
            } else if ((static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127) {
                return bad("a control character in a chunk extension");
            } else if (++extension_bytes_ > max_extension_bytes) {
                return bad("a chunk extension over 256 bytes");
            }
            ++i;
            break;
        case state::size_lf:
            if (c != '\n') return bad("a chunk size line that does not end with CRLF");
            state_ = left_ == 0 ? state::trailer : state::data;
            digits_ = 0;
            ++i;
            break;
        case state::data: {
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size() - i));
            data = in.substr(i, n);
            left_ -= n;
            if (left_ == 0) state_ = state::data_cr;
            return i + n; // one piece of body at a time
        }
        case state::data_cr:
            if (c != '\r') return bad("a chunk that is longer than its size");
            state_ = state::data_lf;
            ++i;
            break;
        case state::data_lf:
            if (c != '\n') return bad("a chunk that does not end with CRLF");
            state_ = state::size;
            ++i;
            break;
        case state::trailer:
            if (++trailer_bytes_ > max_trailer_bytes) return bad("a trailer section over 8 KB");
            ++i;
            if (c != '\n') {
                line_.push_back(c);
            } else if (auto r = end_of_trailer_line(); !r) {
                return r.error();
            }
            break;
        case state::done: break;
        }
    }
    return i;
}

result<void> chunked_decoder::end_of_trailer_line() {
    if (line_.empty() || line_.back() != '\r') return bad("a trailer line that does not end with CRLF");
    line_.pop_back();
    if (line_.empty()) {
        state_ = state::done;
        return {};
    }
    const auto f = parse_field_line(line_);
    if (!f) return f.error();
    if (allowed_in_trailers(*f)) trailers_.append(f->name).append(": ").append(f->value).append("\r\n");
    line_.clear();
    return {};
}

std::string_view chunk_head(std::uint64_t bytes, char (&out)[20]) noexcept {
    auto* end = std::to_chars(out, out + 17, bytes, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return {out, static_cast<std::size_t>(end - out)};
}

std::string last_chunk(std::string_view trailers) {
    std::string s{"0\r\n"};
    s.append(trailers).append("\r\n");
    return s;
}

} // namespace clawgate::net
