#pragma once
// supervisord, asked over its Unix socket (XML-RPC, http://supervisord.org/api.html).

#include "core/error.hpp"
#include "net/asio.hpp"

#include <string>

namespace clawgate::app {

/// Stops the program, waits until it is gone (supervisord kills it in the end), and starts it again. One that
/// does not run is started. errc::unreachable without a supervisord at `socket`, errc::not_found when it has
/// no such program, errc::timeout, errc::bad_upstream.
[[nodiscard]] net::awaitable<result<void>> restart_program(net::executor ex, std::string socket,
                                                           std::string program);

} // namespace clawgate::app
