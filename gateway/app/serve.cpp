#include "app/serve.hpp"

#include "app/server.hpp"
#include "auth/tokens.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/pod_facts.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <iostream>

namespace clawgate::app {
namespace {

constexpr int exit_no_input = 66; // sysexits.h
constexpr int exit_os_error = 71;

std::string state_dir(const config& c) {
    return c.workspace + "/.clawgate";
}

/// The gateway's own copies of the agents' tokens; all that are missing are named at once.
result<std::vector<secret>> read_tokens(const config& c) {
    std::vector<secret> tokens;
    std::string missing;
    for (const auto& a : c.agents) {
        const auto path = auth::gateway_token_path(c.workspace, a.name);
        auto token = auth::read_secret_file(path);
        if (token)
            tokens.push_back(std::move(*token));
        else
            missing.append("\n  ").append(path).append(": ").append(token.error().detail);
    }
    if (!missing.empty()) return error{errc::not_found, fault::gateway, retry::never, std::move(missing)};
    return tokens;
}

/// Nothing is known of a pod that `clawgate prepare` did not make.
pod_facts facts_in(const std::string& run_dir) {
    if (run_dir.empty()) return {};
    const auto text = read_file(pod_facts_path(run_dir), 1u << 20);
    const auto facts = text ? pod_facts_from_json(*text) : result<pod_facts>{text.error()};
    if (facts) return *facts;
    log::event(log_level::warn, "nothing is known of the pod: no program of it can be restarted",
               {{"why", std::string_view{facts.error().detail}}});
    return {};
}

supervisor_access supervisor_in(const std::string& run_dir) {
    if (run_dir.empty()) return {};
    auto password = auth::read_secret_file(supervisor_password_path(run_dir));
    if (password) return {supervisor_socket_path(run_dir), std::move(*password)};
    log::event(log_level::warn, "supervisord cannot be asked: its password cannot be read",
               {{"why", std::string_view{password.error().detail}}});
    return {};
}

std::string_view what_is_at(door_kind k) {
    switch (k) {
    case door_kind::agent: return "dashboard";
    case door_kind::control: return "control page";
    case door_kind::model: return "model API";
    }
    return "-";
}

void announce(const gateway& g) {
    for (const auto& d : g.doors)
        log::event(
            log_level::info, what_is_at(d->kind),
            {{"agent", d->name}, {"port", std::int64_t{d->port}}, {"address", d->origins.canonical() + "/"}});
    if (g.options.demo)
        log::event(log_level::warn, "DEMO: the model behind the agents is canned; its answers mean nothing");
}

/// Blocks until SIGTERM or SIGINT; SIGHUP renews the certificate meanwhile.
void wait_for_the_end(server& s) {
    boost::asio::io_context io{1};
    boost::asio::signal_set signals{io, SIGTERM, SIGINT, SIGHUP};
    std::function<void()> next = [&] {
        signals.async_wait([&](boost::system::error_code ec, int number) {
            if (ec || number != SIGHUP) return;
            if (!s.state().options.tls_cert.empty()) {
                if (const auto r = s.reload_tls(); r)
                    log::event(log_level::info, "certificate and key were read anew");
                else
                    log::event(log_level::error, "the certificate was not renewed; the old one stays",
                               {{"error", r.error().detail}});
            }
            next();
        });
    };
    next();
    io.run();
}

} // namespace

int serve(const config& c, const std::string& run_dir) {
    log::init(c.level, c.format);
    const auto pod = facts_in(run_dir);
    auto tokens = read_tokens(c);
    if (!tokens) {
        std::cerr << "clawgate: an agent's service token cannot be read:" << tokens.error().detail
                  << "\nRun `clawgate prepare` first; it makes the workspace and the tokens.\n";
        return exit_no_input;
    }
    auto key = auth::load_or_make_session_key(state_dir(c));
    if (!key) {
        std::cerr << "clawgate: the session key under " << state_dir(c)
                  << " cannot be used: " << key.error().detail << "\n";
        return exit_os_error;
    }
    server s{c, std::move(*tokens), std::move(*key)};
    if (const auto r = s.start(); !r) {
        std::cerr << "clawgate: cannot start: " << r.error().detail << "\n";
        return exit_os_error;
    }
    announce(s.state());
    const auto supervisor = supervisor_in(run_dir);
    s.look_after_pod(pod, supervisor);
    s.look_after_models(pod.supervises_ollama ? supervisor : supervisor_access{});
    wait_for_the_end(s);
    log::event(log_level::info, "stopping: finishing what is under way",
               {{"seconds", std::int64_t{c.drain.count()}}});
    s.stop(c.drain);
    log::event(log_level::info, "stopped");
    log::flush();
    return 0;
}

} // namespace clawgate::app
