#pragma once
// supervisord, asked over its Unix socket (XML-RPC, http://supervisord.org/api.html).

#include "app/pod_observer.hpp"
#include "core/error.hpp"
#include "core/secret.hpp"
#include "net/asio.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawgate::app {

/// Where supervisord listens and what it asks for. Empty where there is none.
class supervisor_access {
public:
    supervisor_access() = default;
    supervisor_access(std::string socket, secret password)
        : socket_{std::move(socket)}
        , password_{std::move(password)} {}
    [[nodiscard]] bool empty() const noexcept { return socket_.empty(); }
    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    [[nodiscard]] const secret& password() const noexcept { return password_; }

private:
    std::string socket_;
    secret password_;
};

/// Stops the program, waits until it is gone (supervisord kills it in the end), and starts it again. One that
/// does not run is started. errc::unreachable without a supervisord there, errc::not_found when it has
/// no such program, errc::timeout, errc::bad_upstream.
[[nodiscard]] net::awaitable<result<void>> restart_program(net::executor ex, supervisor_access at,
                                                           std::string program);

/// All programs. Errors as above.
[[nodiscard]] net::awaitable<result<std::vector<program_info>>> list_programs(net::executor ex, supervisor_access at);

/// What an answer to getAllProcessInfo says; what is no such answer has no programs. Pure.
[[nodiscard]] std::vector<program_info> programs_in(std::string_view answer);

} // namespace clawgate::app
