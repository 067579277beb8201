#include "core/pod_facts.hpp"

#include <nlohmann/json.hpp>

namespace clawgate {

std::string to_json(const pod_facts& f) {
    auto notices = nlohmann::json::array();
    for (const auto& n : f.notices)
        notices.push_back({{"key", n.key}, {"detail", n.detail}});
    const nlohmann::json j = {{"prepared_by", f.prepared_by},
                              {"separate_users", f.separate_users},
                              {"packet_filter", f.packet_filter},
                              {"landlock", f.landlock},
                              {"supervises_ollama", f.supervises_ollama},
                              {"state_is_local", f.state_is_local},
                              {"local_state", f.local_state},
                              {"clawgate", f.clawgate},
                              {"node", f.node},
                              {"openclaw", f.openclaw},
                              {"supervised_agents", f.supervised_agents},
                              {"notices", std::move(notices)}};
    return j.dump(2) + "\n";
}

result<pod_facts> pod_facts_from_json(std::string_view text) {
    try {
        const auto j = nlohmann::json::parse(text);
        pod_facts f;
        j.at("prepared_by").get_to(f.prepared_by);
        j.at("separate_users").get_to(f.separate_users);
        j.at("packet_filter").get_to(f.packet_filter);
        j.at("landlock").get_to(f.landlock);
        j.at("supervises_ollama").get_to(f.supervises_ollama);
        j.at("state_is_local").get_to(f.state_is_local);
        j.at("local_state").get_to(f.local_state);
        j.at("clawgate").get_to(f.clawgate);
        j.at("node").get_to(f.node);
        j.at("openclaw").get_to(f.openclaw);
        j.at("supervised_agents").get_to(f.supervised_agents);
        for (const auto& n : j.at("notices"))
            f.notices.push_back({n.at("key").get<std::string>(), n.at("detail").get<std::string>()});
        return f;
    } catch (const nlohmann::json::exception& e) {
        return error{errc::corrupt, fault::gateway, retry::never,
                     std::string{"the facts of the pod cannot be read: "} + e.what()};
    }
}

bool weakens_isolation(const pod_notice& n) {
    return n.key == "one_user_for_all" || n.key == "ports_open" || n.key == "workspace_open";
}

} // namespace clawgate
