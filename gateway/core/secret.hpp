#pragma once
// A value that must not leak: it has no stream operator and no formatter, compares in constant time and wipes
// its memory. Whoever needs the bytes says so with reveal().

#include <string>
#include <string_view>

namespace clawgate {

class secret {
public:
    secret() = default;
    explicit secret(std::string value);
    secret(const secret&);
    secret(secret&&) noexcept;
    secret& operator=(const secret&);
    secret& operator=(secret&&) noexcept;
    ~secret();

    [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

    /// The bytes. For the place that must send, hash or store them, and for nothing else.
    [[nodiscard]] std::string_view reveal() const noexcept { return value_; }

    /// Constant time in the contents; only the length of either side may show.
    [[nodiscard]] bool equals(std::string_view other) const noexcept;
    friend bool operator==(const secret& a, const secret& b) noexcept { return a.equals(b.value_); }

    /// What may be printed in place of it: "(set)" or "(not set)".
    [[nodiscard]] std::string_view masked() const noexcept { return empty() ? "(not set)" : "(set)"; }

private:
    std::string value_;
};

/// Overwrites and empties a string that held a secret before it had its own type (a form's body, say).
void wipe(std::string& text) noexcept;

/// Constant-time comparison of two byte strings (their lengths are not hidden).
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b) noexcept;

/// `bytes` random bytes from OpenSSL's generator, as unpadded base64url text.
[[nodiscard]] std::string random_token(std::size_t bytes);

} // namespace clawgate
