#pragma once
// Logging for people (text) or machines (JSON, one object a line), on standard output through spdlog. A
// secret cannot be logged: there is no conversion. Any thread may call everything here.

#include "core/config.hpp"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace clawgate::log {

/// Once at start; again to change level or format at run time. Before it, warnings and errors go to stderr.
void init(log_level level, log_format format);
/// Writes out what is buffered (lines of level info and below may be held up to one second).
void flush() noexcept;

[[nodiscard]] bool enabled(log_level level) noexcept;

struct field {
    std::string_view name;
    std::variant<std::string_view, std::int64_t, double, bool> value;
};

/// One event: a sentence and named values. Control characters in values are escaped, so no line can be
/// forged.
void event(log_level level, std::string_view message, std::initializer_list<field> fields = {});

/// The one line that every request and every tunnel leaves.
struct access_record {
    std::string_view kind = "http"; ///< "http" or "tunnel"
    std::string_view agent;         ///< agent_1 …, or "control"
    std::string_view client;        ///< address that the limits count
    std::string_view
        caller; ///< how it was authenticated: "cookie", "basic", "bearer", "agent", "connect", "-"
    std::string_view method;
    std::string_view target; ///< as received; the query's secrets are masked here, by access()
    int status = 0;
    std::uint64_t bytes_in = 0;  ///< body bytes from the client (tunnel: all bytes)
    std::uint64_t bytes_out = 0; ///< body bytes to the client (tunnel: all bytes)
    std::chrono::microseconds total{};
    std::chrono::microseconds connect{-1};    ///< to get an upstream connection; -1 = not asked
    std::chrono::microseconds first_byte{-1}; ///< from dispatch to the upstream's response head; -1 = none
    bool reused = false;                      ///< the upstream connection came from the pool
    std::string_view request_id;
    int close_code = 0;            ///< tunnel: WebSocket close code sent by the agent or by us; 0 = none seen
    std::string_view close_reason; ///< tunnel: its text
    std::string_view error;        ///< errc name and detail when something failed
};
void access(const access_record& r);

/// `/x?a=1&token=abc#…` → `/x?a=1&token=***`: values of keys that contain token, password, passwd, secret,
/// key, auth, ticket or signature (case-insensitive, percent-decoded) are replaced.
[[nodiscard]] std::string mask_target(std::string_view target);

} // namespace clawgate::log
