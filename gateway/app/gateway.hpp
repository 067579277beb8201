#pragma once
// What all workers share. Immutable after start, except where a member says otherwise.

#include "auth/client_address.hpp"
#include "auth/credentials.hpp"
#include "auth/desk.hpp"
#include "auth/keyed_digest.hpp"
#include "auth/origin.hpp"
#include "core/config.hpp"
#include "routing/agents.hpp"

#include <boost/asio/ssl/context.hpp>

#include <sys/types.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace clawgate::app {

class pod_watch;

enum class door_kind { agent, control, model };

/// One public port: an agent's, the control port, or the model API.
struct door {
    door_kind kind = door_kind::agent;
    auth::door number =
        auth::control_door; ///< whose password it takes: 1–10 an agent's; 0 the control port's
    std::string name;       ///< agent_1 …, "control" or "model"
    std::uint16_t port = 0;
    auth::origin_policy origins;
    const routing::agent* agent = nullptr; ///< null but on an agent's port
    std::string cookie_http;               ///< names of the session cookie
    std::string cookie_https;

    door(const config& c, door_kind k, auth::door n, std::string door_name, std::uint16_t p,
         const routing::agent* a)
        : kind{k}
        , number{n}
        , name{std::move(door_name)}
        , port{p}
        , origins{c, p}
        , agent{a}
        , cookie_http{auth::session_cookie_name(p, false)}
        , cookie_https{auth::session_cookie_name(p, true)} {}
    [[nodiscard]] const std::string& cookie(bool https) const { return https ? cookie_https : cookie_http; }
};

/// Open connections per client address without a lock: a fixed table of counters. Two addresses may share a
/// counter, which only makes the limit a little stricter for them; memory is bounded whoever connects.
class connection_counters {
    using counter = std::atomic<std::uint16_t>;

public:
    /// One counted connection; given back when it goes.
    class slot {
    public:
        slot() = default;
        explicit slot(counter* c) noexcept
            : counter_{c} {}
        slot(slot&& o) noexcept
            : counter_{std::exchange(o.counter_, nullptr)} {}
        slot& operator=(slot&& o) noexcept {
            std::swap(counter_, o.counter_);
            return *this;
        }
        ~slot() {
            if (counter_) counter_->fetch_sub(1, std::memory_order_relaxed);
        }
        [[nodiscard]] explicit operator bool() const noexcept { return counter_ != nullptr; }

    private:
        counter* counter_ = nullptr;
    };

    /// Empty when the client has `limit` connections. `user`: of a program of this machine, where it is known; each
    /// is a client of its own.
    [[nodiscard]] slot acquire(const boost::asio::ip::address& client, unsigned limit,
                               std::optional<uid_t> user = std::nullopt);

private:
    /// Of this process alone: whoever knew which addresses share a counter could use up somebody else's.
    const auth::keyed_digest where_{auth::make_process_key(), "connection counters"};
    std::array<counter, 16384> slots_{};
};

/// WebSockets that are open to the agent before they have shown the password (in their `connect` frame). Few,
/// so a lock is good enough.
class native_slots {
public:
    static constexpr int per_client = 2;
    static constexpr int in_all = 8;

    class slot {
    public:
        slot() = default;
        slot(native_slots* owner, std::string client)
            : owner_{owner}
            , client_{std::move(client)} {}
        slot(slot&& o) noexcept
            : owner_{std::exchange(o.owner_, nullptr)}
            , client_{std::move(o.client_)} {}
        slot& operator=(slot&& o) noexcept {
            release();
            owner_ = std::exchange(o.owner_, nullptr);
            client_ = std::move(o.client_);
            return *this;
        }
        ~slot() { release(); }
        void release() noexcept;
        [[nodiscard]] explicit operator bool() const noexcept { return owner_ != nullptr; }

    private:
        native_slots* owner_ = nullptr;
        std::string client_;
    };

    /// Empty when the client, or everybody together, has too many.
    [[nodiscard]] slot acquire(const boost::asio::ip::address& client);

private:
    std::mutex mutex_;
    std::map<std::string, int> per_client_;
    int all_ = 0;
};

class gateway {
public:
    /// Throws std::runtime_error when stored state cannot be read.
    gateway(config c, std::vector<secret> agent_tokens, secret session_key);

    const config options;
    const auth::network_set trusted;
    std::vector<std::unique_ptr<routing::agent>> agents;
    std::vector<std::unique_ptr<door>> doors; ///< the agents' in order, the control port, the model API
    net::endpoint model_server;               ///< the Ollama behind the model API
    std::vector<net::tcp::endpoint> model_server_addresses; ///< looked up once at the start
    net::backend_rule may_serve_models;                     ///< whose program may be that Ollama
    connection_counters connections;
    connection_counters proxy_connections; ///< of trusted proxies, by their own address
    native_slots native;
    std::atomic<bool> draining{false};
    /// What is known of the pod; null where nothing looks after it. The server's.
    std::atomic<const pod_watch*> pod{nullptr};
    /// The TLS context of new connections; null without TLS. Replaced as a whole on SIGHUP.
    [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> tls() const;
    void set_tls(std::shared_ptr<boost::asio::ssl::context> context);
    const std::string run_id; ///< begins every request id of this run

private:
    std::unique_ptr<auth::desk> desk_;
    std::atomic<bool> has_tls_{false}; // plain listeners never touch the lock
    mutable std::mutex tls_mutex_;     // held for the copy of a pointer, once a TLS connection
    std::shared_ptr<boost::asio::ssl::context> tls_;

public:
    auth::desk& desk;

    /// Ends the desk's threads, which call back into workers: before the workers go.
    void close_desk() { desk_.reset(); }
};

} // namespace clawgate::app
