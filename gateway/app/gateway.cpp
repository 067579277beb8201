#include "app/gateway.hpp"

#include "core/net_names.hpp"

namespace clawgate::app {

connection_counters::slot connection_counters::acquire(const boost::asio::ip::address& client,
                                                       unsigned limit, std::optional<uid_t> user) {
    auto key = auth::limiter_key(client);
    if (user) key.append(" user ").append(std::to_string(*user));
    const auto hash = auth::digest_hash{}(where_({key}));
    auto& count = slots_[hash % slots_.size()];
    slot taken{&count};
    if (count.fetch_add(1, std::memory_order_relaxed) >= limit) return {};
    return taken;
}

native_slots::slot native_slots::acquire(const boost::asio::ip::address& client) {
    auto key = auth::limiter_key(client);
    const std::lock_guard lock{mutex_};
    if (all_ >= in_all || per_client_[key] >= per_client) return {};
    ++all_;
    ++per_client_[key];
    return {this, std::move(key)};
}

void native_slots::slot::release() noexcept {
    if (!owner_) return;
    const std::lock_guard lock{owner_->mutex_};
    --owner_->all_;
    if (const auto i = owner_->per_client_.find(client_); i != owner_->per_client_.end() && --i->second == 0)
        owner_->per_client_.erase(i);
    owner_ = nullptr;
}

std::shared_ptr<boost::asio::ssl::context> gateway::tls() const {
    if (!has_tls_.load(std::memory_order_relaxed)) return nullptr;
    const std::lock_guard lock{tls_mutex_};
    return tls_;
}

void gateway::set_tls(std::shared_ptr<boost::asio::ssl::context> context) {
    const std::lock_guard lock{tls_mutex_};
    tls_ = std::move(context);
    has_tls_.store(tls_ != nullptr, std::memory_order_relaxed);
}

gateway::gateway(config c, std::vector<secret> agent_tokens, secret session_key)
    : options{std::move(c)}
    , trusted{options.trusted_proxies}
    , run_id{random_token(4)}
    , desk_{std::make_unique<auth::desk>(options, std::move(session_key),
                                         options.workspace.empty() ? std::string{}
                                                                   : options.workspace + "/.clawgate")}
    , desk{*desk_} {
    for (std::size_t i = 0; i < options.agents.size(); ++i) {
        const auto& a = options.agents[i];
        auto& made = *agents.emplace_back(std::make_unique<routing::agent>());
        made.options = &a;
        made.backend = {a.backend_host, a.backend_port};
        made.token = std::move(agent_tokens.at(i));
        doors.push_back(std::make_unique<door>(options, door_kind::agent, a.number, a.name, a.port, &made));
    }
    doors.push_back(std::make_unique<door>(options, door_kind::control, auth::control_door, "control",
                                           options.control_port, nullptr));
    doors.push_back(std::make_unique<door>(options, door_kind::model, auth::control_door, "model",
                                           options.ollama.port, nullptr));
    const auto server = parse_http_url(options.ollama.url);
    if (server) model_server = {server->host, server->port};
}

} // namespace clawgate::app
