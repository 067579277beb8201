#include "routing/agent_users.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace clawgate::routing {
namespace {

std::map<int, uid_t> owners_of_folders(const config& c) {
    std::map<int, uid_t> users;
    for (const auto& a : c.agents) {
        struct stat about {};
        if (::lstat((c.workspace + "/agents/" + a.name).c_str(), &about) == 0)
            users.emplace(a.number, about.st_uid);
    }
    return users;
}

} // namespace

agent_users::agent_users(const config& c)
    : agent_users{owners_of_folders(c), ::geteuid()} {}

agent_users::agent_users(std::map<int, uid_t> users, uid_t own)
    : users_{std::move(users)}
    , own_{own} {
    for (const auto& [_, uid] : users_)
        all_.insert(uid);
}

net::backend_rule agent_users::rule_for_agent(int number) const {
    const auto found = users_.find(number);
    if (found == users_.end()) return {};
    return [expected = found->second](uid_t uid) { return uid == expected; };
}

net::backend_rule agent_users::rule_for_model_server() const {
    if (all_.empty() || shared_with_gateway()) return {};
    return [agents = all_](uid_t uid) { return !agents.contains(uid); };
}

} // namespace clawgate::routing
