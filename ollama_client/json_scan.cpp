#include "ollama_client/json_scan.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace clawgate::ollama {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_special(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\';
}

#if !defined(__SSE2__)
// Eight bytes at once: the high bit of every byte of the result that is special. Exact only as a whole
// (borrows may set bits above the first one), which is all that is asked.
std::uint64_t special_bytes(std::uint64_t v) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    const auto zero_in = [](std::uint64_t x) { return (x - ones) & ~x; };
    const auto control = (v - ones * 0x20) & ~v;
    return (control | zero_in(v ^ (ones * '"')) | zero_in(v ^ (ones * '\\')) | v) & highs;
}
#endif

bool continues(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// Behind the character of two to four bytes at `at`; null when it is none (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF).
const char* skip_multibyte(const char* at, const char* end) noexcept {
    const auto left = end - at;
    const auto lead = static_cast<unsigned char>(at[0]);
    if (lead < 0xe0) return lead >= 0xc2 && left >= 2 && continues(at[1]) ? at + 2 : nullptr;
    if (lead < 0xf0) {
        if (left < 3 || !continues(at[1]) || !continues(at[2])) return nullptr;
        const auto second = static_cast<unsigned char>(at[1]);
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0)) return nullptr;
        return at + 3;
    }
    if (lead > 0xf4 || left < 4 || !continues(at[1]) || !continues(at[2]) || !continues(at[3]))
        return nullptr;
    const auto second = static_cast<unsigned char>(at[1]);
    if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) return nullptr;
    return at + 4;
}

bool is_short_escape(char c) noexcept {
    switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return true;
    default: return false;
    }
}

} // namespace

const char* find_special(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
    const auto quote = _mm_set1_epi8('"');
    const auto backslash = _mm_set1_epi8('\\');
    const auto space = _mm_set1_epi8(0x20);
    for (; end - at >= 16; at += 16) {
        const auto v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        // Compared as signed numbers, bytes above 0x7f are below the space too.
        const auto hits = _mm_or_si128(_mm_cmplt_epi8(v, space),
                                       _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));
        if (const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hits)); mask != 0)
            return at + std::countr_zero(mask);
    }
#else
    for (; end - at >= 8; at += 8) {
        std::uint64_t v;
        std::memcpy(&v, at, sizeof v);
        if (special_bytes(v) != 0) break;
    }
#endif
    while (at != end && !is_special(*at))
        ++at;
    return at;
}

json_kind kind_at(char c) noexcept {
    switch (c) {
    case '{': return json_kind::object;
    case '[': return json_kind::array;
    case '"': return json_kind::string;
    case 't':
    case 'f': return json_kind::boolean;
    case 'n': return json_kind::null;
    default: return json_kind::number;
    }
}

bool json_scanner::fail(std::string_view what) {
    what_ = "invalid JSON at byte " + std::to_string(position()) + ": ";
    what_ += what;
    return false;
}

error json_scanner::failure() const {
    return error{errc::bad_request, fault::client, retry::never, what_};
}

void json_scanner::skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
        ++at_;
}

bool json_scanner::take(char c) noexcept {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
}

bool json_scanner::skip_value() {
    static_assert(max_json_depth <= 64);
    std::uint64_t objects = 0; // bit n: level n is an object, otherwise an array
    unsigned depth = 0;
    for (;;) {
        bool complete = false; // a value ends here
        if (const char c = peek(); c == '{' || c == '[') {
            if (outer_ + depth == max_json_depth)
                return fail("nested more than " + std::to_string(max_json_depth) + " levels deep");
            const auto bit = std::uint64_t{1} << depth;
            objects = c == '{' ? objects | bit : objects & ~bit;
            ++depth;
            ++at_;
            skip_space();
            if (take(c == '{' ? '}' : ']')) {
                --depth;
                complete = true;
            } else if (c == '{' && !skip_key_and_colon()) {
                return false;
            }
        } else {
            if (!skip_scalar()) return false;
            complete = true;
        }
        while (complete) {
            if (depth == 0) return true;
            const bool in_object = ((objects >> (depth - 1)) & 1) != 0;
            skip_space();
            if (take(',')) {
                skip_space();
                if (in_object && !skip_key_and_colon()) return false;
                complete = false;
            } else if (take(in_object ? '}' : ']')) {
                --depth;
            } else {
                return fail(in_object ? "expected ',' or '}'" : "expected ',' or ']'");
            }
        }
    }
}

bool json_scanner::skip_key_and_colon() {
    if (peek() != '"') return fail("expected a key in double quotes");
    if (!skip_string()) return false;
    skip_space();
    if (!take(':')) return fail("expected ':'");
    skip_space();
    return true;
}

bool json_scanner::skip_scalar() {
    switch (peek()) {
    case '"': return skip_string();
    case 't': return skip_literal("true");
    case 'f': return skip_literal("false");
    case 'n': return skip_literal("null");
    default: return skip_number();
    }
}

bool json_scanner::skip_literal(std::string_view word) {
    if (!std::string_view{at_, static_cast<std::size_t>(end_ - at_)}.starts_with(word))
        return fail("expected a value");
    at_ += word.size();
    return true;
}

bool json_scanner::skip_number() {
    const auto digits = [this] {
        const char* const first = at_;
        while (at_ != end_ && is_digit(*at_))
            ++at_;
        return at_ != first;
    };
    const bool negative = take('-');
    if (!take('0') && !digits()) return fail(negative ? "a number without digits" : "expected a value");
    if (at_ != end_ && is_digit(*at_)) return fail("a number with a leading zero");
    if (take('.') && !digits()) return fail("a number without digits behind its point");
    if (take('e') || take('E')) {
        if (!take('+')) (void)take('-');
        if (!digits()) return fail("a number without digits in its exponent");
    }
    return true;
}

bool json_scanner::skip_string() {
    const char* at = at_ + 1; // a local copy, which stays in a register
    const auto wrong = [&](std::string_view what) {
        at_ = at;
        return fail(what);
    };
    for (;;) {
        at = find_special(at, end_);
        if (at == end_) return wrong("a string without its end");
        const char c = *at;
        if (c == '"') {
            at_ = at + 1;
            return true;
        }
        if (c == '\\') {
            if (end_ - at >= 2 && is_short_escape(at[1])) {
                at += 2;
                continue;
            }
            at_ = at;
            if (!skip_unicode_escape()) return false;
            at = at_;
        } else if (static_cast<unsigned char>(c) >= 0x80) {
            // Texts that are not English mostly go on in such characters.
            do {
                const auto* const behind = skip_multibyte(at, end_);
                if (behind == nullptr) return wrong("not UTF-8");
                at = behind;
            } while (at != end_ && static_cast<unsigned char>(*at) >= 0x80);
        } else {
            return wrong("a control character in a string");
        }
    }
}

bool json_scanner::skip_unicode_escape() {
    const char* const start = at_;
    const auto wrong = [&](std::string_view what) {
        at_ = start;
        return fail(what);
    };
    ++at_;
    if (!take('u')) return wrong(at_end() ? "a string without its end" : "an unknown escape");
    // Halves of surrogate pairs are valid syntax: surrogates.hpp.
    return skip_hex4() || wrong("\\u without four hexadecimal digits");
}

bool json_scanner::skip_hex4() noexcept {
    if (end_ - at_ < 4) return false;
    for (const char* const stop = at_ + 4; at_ != stop; ++at_) {
        const char lower = static_cast<char>(*at_ | 0x20);
        if (!is_digit(*at_) && (lower < 'a' || lower > 'f')) return false;
    }
    return true;
}

} // namespace clawgate::ollama
