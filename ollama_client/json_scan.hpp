#pragma once
// A validating walk over JSON text (RFC 8259), in place and without a tree: for request.cpp. Nesting is
// followed without recursion.

#include "core/error.hpp"
#include "ollama_client/request.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace clawgate::ollama {

/// Functions that return bool say whether what they skipped is valid; after a false, failure() says what is
/// wrong and nothing else may be called.
class json_scanner {
public:
    /// `depth`: how many arrays and objects already stand around `text`.
    explicit json_scanner(std::string_view text, unsigned depth = 0) noexcept
        : begin_{text.data()}
        , at_{text.data()}
        , end_{text.data() + text.size()}
        , outer_{depth} {}

    [[nodiscard]] std::size_t position() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
    [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }
    /// The next character, or 0 at the end.
    [[nodiscard]] char peek() const noexcept { return at_ == end_ ? '\0' : *at_; }

    void skip_space() noexcept;
    /// Skips `c` if it is next.
    [[nodiscard]] bool take(char c) noexcept;
    /// One value, whatever it is, without white space around it. What kind it is can be told before, by
    /// kind_at().
    [[nodiscard]] bool skip_value();
    [[nodiscard]] bool skip_string();

    /// errc::bad_request with what is wrong at the present position: "invalid JSON at byte 12: …".
    [[nodiscard]] bool fail(std::string_view what);
    [[nodiscard]] error failure() const;

private:
    [[nodiscard]] bool skip_scalar();
    [[nodiscard]] bool skip_literal(std::string_view word);
    [[nodiscard]] bool skip_number();
    [[nodiscard]] bool skip_unicode_escape();
    [[nodiscard]] bool skip_key_and_colon();
    [[nodiscard]] bool skip_hex4() noexcept;

    const char* begin_;
    const char* at_;
    const char* end_;
    unsigned outer_;
    std::string what_;
};

/// Of the value that begins with `c`, in valid JSON.
[[nodiscard]] json_kind kind_at(char c) noexcept;

/// The first place in [at, end) that is a quote, a backslash, a control character or a byte above 0x7f: where
/// a string needs a closer look. `end` when there is none.
[[nodiscard]] const char* find_special(const char* at, const char* end) noexcept;

} // namespace clawgate::ollama
