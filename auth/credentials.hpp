#pragma once
// What a request shows to be let in, and what is given back to it: Authorization, cookies, the `next` of a
// login. Pure; everything here reads text that a stranger wrote.

#include "core/secret.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::auth {

enum class credential_scheme {
    none,      ///< no Authorization field
    basic,     ///< value: the password; the user name is not looked at
    bearer,    ///< value: the token
    other,     ///< a scheme that is not ours (Digest, Negotiate …)
    malformed, ///< not valid for its scheme
};

struct shown_credential {
    credential_scheme scheme = credential_scheme::none;
    secret value; ///< set for basic and bearer
};

/// One Authorization field's value; empty = none came. RFC 7617 Basic (canonical base64, password after the
/// first colon), Bearer: all that follows the scheme and its spaces, not just RFC 6750's token68, because
/// people send passwords with spaces and punctuation. Neither may hold control characters; bytes need not be
/// UTF-8. Schemes are case-insensitive.
[[nodiscard]] shown_credential parse_authorization(std::string_view field);

/// Does it look like the token that OpenClaw gives a device: 32 random bytes, as canonical base64url?
[[nodiscard]] bool looks_like_a_device_token(const secret& bearer);

/// More cookies of one name than a client has a reason to send; those behind are not looked at.
inline constexpr std::size_t max_cookies_of_a_name = 8;

/// Appends the values of the cookies with exactly this name (RFC 6265 section 4.2) to `out`, in their order,
/// until it holds max_cookies_of_a_name. A value with something that no cookie may hold is passed over. All
/// of them, because another site of the same host can put a cookie of the same name in front of ours.
void append_cookies(std::string_view cookie_header, std::string_view name,
                    std::vector<std::string_view>& out);

/// `__Host-clawgate-<port>` on https, `clawgate-<port>` on plain http: cookies ignore ports, so the name
/// carries it.
[[nodiscard]] std::string session_cookie_name(std::uint16_t port, bool https);

/// The Cookie field without any cookie of ours, whatever its port: an agent must not see them. Empty =
/// nothing left.
[[nodiscard]] std::string strip_cookies(std::string_view cookie_header);

/// Set-Cookie value: Path=/; HttpOnly; SameSite=Lax; on https also Secure (which __Host- requires).
[[nodiscard]] std::string set_cookie_header(std::string_view name, std::string_view value, bool https,
                                            std::chrono::seconds max_age);
/// Set-Cookie value that makes the browser forget the cookie.
[[nodiscard]] std::string clear_cookie_header(std::string_view name, bool https);

/// `next` if it is a path of this origin that a login may lead to, else "/". At most 2048 visible ASCII
/// characters; what a browser could read as another host ("//", backslashes), dot segments, control
/// characters and anything below /_gateway are refused, also where they are percent-encoded, once or several
/// times.
[[nodiscard]] std::string safe_next(std::string_view next);

} // namespace clawgate::auth
