#pragma once
// supervisord, asked over its Unix socket (XML-RPC, http://supervisord.org/api.html).

#include "app/pod_observer.hpp"
#include "core/error.hpp"
#include "net/asio.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace clawgate::app {

/// Stops the program, waits until it is gone (supervisord kills it in the end), and starts it again. One that
/// does not run is started. errc::unreachable without a supervisord at `socket`, errc::not_found when it has
/// no such program, errc::timeout, errc::bad_upstream.
[[nodiscard]] net::awaitable<result<void>> restart_program(net::executor ex, std::string socket,
                                                           std::string program);

/// All programs. Errors as above.
[[nodiscard]] net::awaitable<result<std::vector<program_info>>> list_programs(net::executor ex, std::string socket);

/// What an answer to getAllProcessInfo says; what is no such answer has no programs. Pure.
[[nodiscard]] std::vector<program_info> programs_in(std::string_view answer);

} // namespace clawgate::app
