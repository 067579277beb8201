#pragma once
// A whole gateway in this process, in front of fake agents, on ports that the system chose.

#include "app/server.hpp"
#include "core/encoding.hpp"
#include "core/options.hpp"
#include "support/fake_agent.hpp"
#include "support/raw_client.hpp"
#include "support/ws_client.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <functional>
#include <memory>

namespace clawgate::test {

using json = nlohmann::json;
using support::fake_agent;
using support::fake_agent_options;
using support::header;
using support::raw_client;
using support::response;
using support::ws_client;

inline constexpr auto password = "correct horse";

/// Only errors are logged from now on, unless CLAWGATE_TEST_LOG is set. Once a process.
void quiet_log();

/// A free port of the loopback interface.
[[nodiscard]] std::uint16_t free_port();

struct temporary_directory {
    temporary_directory();
    ~temporary_directory();
    std::filesystem::path path;
};

struct gateway_options {
    int agents = 1;
    environment variables;               ///< on top of the fixture's
    fake_agent_options agent;            ///< of every fake agent
    std::function<void(config&)> adjust; ///< last word on the configuration
    bool with_agents = true;             ///< false: nothing listens behind the gateway
};

/// Started when it is constructed, stopped when it goes.
class gateway_under_test {
public:
    explicit gateway_under_test(gateway_options o = {});
    ~gateway_under_test();

    fake_agent& agent(int n = 1) { return *agents_.at(static_cast<std::size_t>(n - 1)); }
    std::uint16_t port(int n = 1) const { return server_->port(static_cast<std::size_t>(n - 1)); }
    std::uint16_t control_port() const { return server_->port(static_cast<std::size_t>(count_)); }
    std::uint16_t model_port() const { return server_->port(static_cast<std::size_t>(count_) + 1); }
    app::server& server() { return *server_; }
    const std::filesystem::path& workspace() const { return directory_.path; }

    std::string origin(int n = 1) const { return "http://localhost:" + std::to_string(port(n)); }
    raw_client client(int n = 1) const { return raw_client{port(n)}; }
    /// One request on a connection of its own.
    response ask(std::string_view method, std::string_view target, std::vector<header> headers = {},
                 std::string_view body = {}) const;
    /// The same with the password as Basic.
    response ask_in(std::string_view method, std::string_view target, std::vector<header> headers = {},
                    std::string_view body = {}) const;
    /// Logs in; the cookie as "name=value". `p`: the port of a door.
    std::string log_in(std::uint16_t p, std::string_view with = password) const;
    std::string log_in() const { return log_in(port()); }

private:
    temporary_directory directory_;
    std::vector<std::unique_ptr<fake_agent>> agents_;
    std::unique_ptr<app::server> server_;
    int count_;
};

/// Asks again and again until it holds, for ten seconds: for what follows an event that a test can see.
[[nodiscard]] bool eventually(const std::function<bool()>& holds);

[[nodiscard]] header basic(std::string_view with = password);
/// A dashboard's connect request, with this params.auth (null: none).
[[nodiscard]] std::string connect_message(const json& auth);
/// That of a native client: another client id, no device.
[[nodiscard]] std::string native_connect_message(const json& auth);
/// The value of a cookie in Set-Cookie as "name=value", or nothing.
[[nodiscard]] std::string cookie_of(const response& r);
[[nodiscard]] std::string error_code_of(const response& r);

} // namespace clawgate::test
