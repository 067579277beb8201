#pragma once
// Session cookies: base64url(payload) "." base64url(HMAC-SHA256(payload)). The payload is binary and of fixed
// length, and both decoders are canonical, so that a session has exactly one spelling.

#include "auth/desk.hpp"

#include "core/secret.hpp"

#include <sodium.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace clawgate::auth {

/// Which password a session was opened with; see password::mark().
using password_mark = std::array<unsigned char, 16>;

struct sealed_session {
    session what;
    password_mark mark{};
};

class session_codec {
public:
    /// `key`: 32 bytes, for this purpose alone.
    explicit session_codec(const secret& key);
    ~session_codec();
    session_codec(const session_codec&) = delete;
    session_codec& operator=(const session_codec&) = delete;

    /// Nothing when the id or the door is not one that a session can have. Times are kept to the second.
    [[nodiscard]] std::optional<std::string> encode(const session& s, const password_mark& mark) const;

    /// Nothing for everything that encode() did not make with this key. Any thread.
    [[nodiscard]] std::optional<sealed_session> decode(std::string_view cookie) const;

private:
    [[nodiscard]] std::array<unsigned char, crypto_auth_hmacsha256_BYTES>
    sign(std::string_view payload) const;

    /// Key already absorbed; copied for each call, which is cheaper than hashing the key again.
    crypto_auth_hmacsha256_state keyed_;
};

} // namespace clawgate::auth
