#pragma once

#include "auth/desk.hpp"
#include "net/asio.hpp"

namespace clawgate::app {

/// desk::verify() for a coroutine: the worker's thread goes on with other connections meanwhile.
[[nodiscard]] net::awaitable<auth::verdict> ask_desk(auth::desk& d, auth::candidate c, net::executor ex);

} // namespace clawgate::app
