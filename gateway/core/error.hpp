#pragma once
// The one error type of the program and result<T>, a value or an error. An expected failure is a value;
// exceptions are for start-up and for bugs.

#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace clawgate {

/// What went wrong, in the terms of the gateway (not of the system call that noticed it).
enum class errc {
    bad_request,    ///< the client sent something that is not valid HTTP or not what the handler takes
    too_large,      ///< head, body or message over its limit
    unauthorized,   ///< no credential, or a wrong one
    forbidden,      ///< known caller, but not allowed (origin, rights)
    locked_out,     ///< too many wrong passwords; see retry_after
    not_found,      ///< no such thing
    timeout,        ///< a deadline passed
    closed,         ///< the peer closed before it was due
    unreachable,    ///< the upstream refuses connections or is not there
    bad_upstream,   ///< the upstream answered something that is not valid HTTP
    canceled,       ///< we gave up on purpose (drain, the caller left)
    invalid_config, ///< configuration is wrong
    io,             ///< a system call failed; detail says which and why
    corrupt,        ///< stored state does not verify
};

/// Whose fault it is: decides between 4xx, 5xx and a closed connection, and what the log says.
enum class fault { client, upstream, gateway };

/// Whether the same operation may be tried again.
enum class retry {
    never,
    if_idle_reuse, ///< only when the upstream connection was a reused one and no response byte came
    later,         ///< not now; the peer may recover
};

struct error {
    errc code{errc::io};
    fault whose{fault::gateway};
    retry again{retry::never};
    std::string detail; ///< for people and the log; never holds a secret

    error() = default;
    // A constructor and not an aggregate: g++ 12 destroys aggregate temporaries twice inside co_await.
    explicit error(errc c, fault f = fault::gateway, retry r = retry::never, std::string d = {})
        : code{c}
        , whose{f}
        , again{r}
        , detail{std::move(d)} {}
};

/// `unauthorized`, `too_large` …: the stable machine-readable name, used as "code" in error answers.
std::string_view to_string(errc c) noexcept;
std::string_view to_string(fault f) noexcept;

template <class T>
using result = boost::system::result<T, error>;

/// Called by result<T>::value() on an error; a bug if it happens outside start-up.
[[noreturn]] void throw_exception_from_error(const error& e, const boost::source_location& where);

} // namespace clawgate
