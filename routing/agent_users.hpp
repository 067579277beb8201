#pragma once
// The Unix users that agents run as: the owners of their folders in the workspace, as `clawgate prepare` gave them.
// While a backend is down another program of this machine could take its port; by its user it is told apart.

#include "core/config.hpp"
#include "net/upstream_pool.hpp"

#include <map>
#include <set>

namespace clawgate::routing {

class agent_users {
public:
    /// Looks at the folders; an agent that has none is on another machine.
    explicit agent_users(const config& c);
    /// For tests: by the agent's number. `own` is the gateway's user.
    agent_users(std::map<int, uid_t> users, uid_t own);

    /// Some agent runs as the gateway's own user, where owners cannot be kept apart.
    [[nodiscard]] bool shared_with_gateway() const noexcept { return all_.contains(own_); }
    /// Who may be the backend of this agent: its own user. Empty (anybody) when that is not known.
    [[nodiscard]] net::backend_rule rule_for_agent(int number) const;
    /// Who may be the model server: root, the gateway's own user, whoever else, but no agent. Empty when agents cannot
    /// be told from others.
    [[nodiscard]] net::backend_rule rule_for_model_server() const;

private:
    std::map<int, uid_t> users_;
    std::set<uid_t> all_;
    uid_t own_;
};

} // namespace clawgate::routing
