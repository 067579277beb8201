#pragma once
// A password from a person or a pipe, and the hash that may be stored in its place. For the command line.

#include "core/error.hpp"
#include "core/secret.hpp"

#include <string>

namespace clawgate {

/// The first line of `fd`, without its line break. A terminal is asked, twice, without echo.
/// errc::bad_request when nothing came, the two differ, or it is not allowed as a password.
[[nodiscard]] result<secret> read_password(int fd);

/// argon2id (RFC 9106) in PHC form, with libsodium's interactive limits: 64 MiB, two passes. Takes some 0.1
/// s. errc::io when the memory is not there. sodium_init() was called.
[[nodiscard]] result<std::string> hash_password(const secret& password);

} // namespace clawgate
