#include "app/tunnel_session.hpp"

#include "app/desk_await.hpp"
#include "core/log.hpp"

namespace clawgate::app {
namespace {

class tunnel_session final : public net::tunnel_hooks {
public:
    tunnel_session(client_side& client, exchange& x)
        : home_{client.home}
        , at_{x.at}
        , who_{x.who}
        , session_{x.session.who}
        , cookie_{x.sessions.cookie}
        , epoch_{x.sessions.epoch} // of the verdict: a logout since then is noticed at the first tick
        , client_{x.client}
        , target_{x.head.target}
        , main_socket_{routing::is_main_socket(x.path)} // however it is spelled: the agent normalises too
        , native_{std::move(x.native)}
        , counted_{std::move(client.counted)}
        , counted_behind_proxy_{std::move(x.counted)}
        , request_id_{x.request_id} {
        ++home_.tunnels;
    }
    ~tunnel_session() override { --home_.tunnels; }

    bool gated() const override { return main_socket_; }
    std::chrono::seconds gate_limit() const override {
        // OpenClaw itself gives up after 15 s; a stranger gets less.
        const auto& limits = home_.shared.options.phases;
        return who_ == caller::connect ? limits.stranger_message : limits.first_message;
    }
    std::chrono::seconds write_limit() const override { return home_.shared.options.phases.tunnel_write; }

    net::awaitable<net::gate_decision> first_message(std::string message, net::websocket::opcode) override {
        net::gate_decision decision;
        if (who_ == caller::connect && !co_await password_is_right(message, decision)) co_return decision;
        auto rewritten = routing::with_connect_password(message, at_.agent->token);
        decision.pass = true;
        // What is not JSON goes on as it came: the agent refuses it in its own words.
        decision.message = rewritten ? std::move(*rewritten) : std::move(message);
        co_return decision;
    }

    void on_tick(net::tunnel& t, steady_time now, bool active) override {
        if (who_ == caller::cookie) watch_session(t, now, active);
        if (home_.shared.draining.load(std::memory_order_relaxed))
            t.close(net::websocket::service_restart, "the gateway is restarting");
    }

    void finished(const net::tunnel_summary& s) override {
        const auto client = client_.to_string();
        log::access_record r;
        r.kind = "tunnel";
        r.agent = at_.name;
        r.client = client;
        r.caller = to_string(who_);
        r.method = "GET";
        r.target = target_;
        r.status = 101;
        r.bytes_in = s.bytes_in;
        r.bytes_out = s.bytes_out;
        r.total = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began_);
        r.request_id = request_id_;
        r.close_code = s.close_code;
        r.close_reason = s.close_reason;
        log::access(r);
        if (s.close_code == net::websocket::policy_violation && !s.closed_by_gateway)
            log::event(log_level::warn, "the agent refused a WebSocket",
                       {{"agent", at_.name},
                        {"close_code", std::int64_t{s.close_code}},
                        {"reason", s.close_reason},
                        {"id", request_id_}});
    }

private:
    net::awaitable<bool> password_is_right(const std::string& message, net::gate_decision& decision) {
        auto password = routing::connect_password(message);
        if (!password) {
            decision.close_reason =
                "unauthorized: the first message must be a connect request with params.auth.password";
            co_return false;
        }
        auth::candidate c;
        c.where = at_.number;
        c.client = client_;
        c.password = std::move(*password);
        auto verdict = home_.shared.desk.verify_now(c);
        if (!verdict) verdict = co_await ask_desk(home_.shared.desk, std::move(c), home_.io.get_executor());
        if (verdict->what == auth::outcome::accepted) {
            native_.release(); // it is somebody now: the places are for strangers
            co_return true;
        }
        if (verdict->what == auth::outcome::busy) {
            decision.close_code = net::websocket::try_again_later;
            decision.close_reason = "too many passwords are being checked at the moment, try again";
            co_return false;
        }
        decision.close_reason = verdict->what == auth::outcome::locked
                                    ? "unauthorized: too many wrong passwords, try again later"
                                    : "unauthorized: the password is wrong";
        co_return false;
    }

    void watch_session(net::tunnel& t, steady_time now, bool active) {
        const auto wall = wall_clock::now();
        if (active && now - touched_ >= std::chrono::minutes{1}) {
            home_.shared.desk.touch(session_, wall);
            touched_ = now;
        }
        const auto epoch = home_.shared.desk.revocation_epoch();
        const bool look_again = std::exchange(epoch_, epoch) != epoch;
        if (wall < session_.expires && !look_again) return;
        if (home_.shared.desk.examine(cookie_, at_.number, wall).ok()) return;
        t.close(net::websocket::session_ended, "the session has ended: log in again");
    }

    worker& home_;
    const door& at_;
    caller who_;
    auth::session session_;
    std::string cookie_;
    std::uint64_t epoch_;
    boost::asio::ip::address client_;
    std::string target_;
    bool main_socket_;
    native_slots::slot native_;
    connection_counters::slot counted_;
    connection_counters::slot counted_behind_proxy_;
    std::string request_id_;
    steady_time began_ = steady_clock::now();
    steady_time touched_{};
};

} // namespace

std::unique_ptr<net::tunnel_hooks> make_tunnel_session(client_side& client, exchange& x) {
    return std::make_unique<tunnel_session>(client, x);
}

} // namespace clawgate::app
