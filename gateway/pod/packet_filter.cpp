#include "pod/packet_filter.hpp"

#include "core/net_names.hpp"
#include "pod/program_output.hpp"

#include <algorithm>

namespace clawgate::pod {
namespace {

std::string as_text(const port_range& r) {
    if (r.first == r.last) return std::to_string(r.first);
    return std::to_string(r.first) + "-" + std::to_string(r.last);
}

} // namespace

port_range ports_of(const config& c, const agent_options& a) {
    auto last = std::min<std::uint32_t>(65535, a.backend_port + ports_of_an_agent - 1u);
    const auto end_before = [&](std::uint16_t port) {
        if (port > a.backend_port) last = std::min<std::uint32_t>(last, port - 1u);
    };
    for (const auto& other : c.agents) {
        if (is_supervised(other)) end_before(other.backend_port);
        end_before(other.port);
    }
    end_before(c.control_port);
    end_before(c.ollama.port);
    if (const auto server = parse_http_url(c.ollama.url)) end_before(server->port);
    return {a.backend_port, static_cast<std::uint16_t>(last)};
}

std::vector<private_ports> private_ports_of(const config& c, const layout& l) {
    std::vector<private_ports> all;
    if (!l.separate) return all;
    for (const auto& a : c.agents)
        if (is_supervised(a)) all.push_back({ports_of(c, a), *l.agent_user(a)});
    const auto server = parse_http_url(c.ollama.url);
    if (server && is_loopback_host(server->host))
        all.push_back({{server->port, server->port}, *l.ollama_user()});
    return all;
}

std::string filter_table_name(const layout& l) {
    std::string name = "clawgate";
    if (l.workspace == "/workspace") return name;
    for (const char c : l.workspace) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        name += plain ? c : '_';
    }
    return name;
}

std::string filter_rules(const config& c, const layout& l) {
    const auto table = "table inet " + filter_table_name(l);
    // Naming it first makes deleting it right whether it was there or not; nft does all of it or nothing.
    std::string out = table + "\ndelete " + table + "\n" + table + " {\n\tchain output {\n" +
                      "\t\ttype filter hook output priority filter; policy accept;\n";
    const auto gateway = l.gateway_user();
    for (const auto& p : private_ports_of(c, l))
        out += "\t\toif \"lo\" tcp dport " + as_text(p.ports) + " tcp flags & (syn | ack) == syn meta skuid != { 0, " +
               std::to_string(gateway->uid) + ", " + std::to_string(p.whose.uid) +
               " } counter reject with tcp reset\n";
    return out + "\t}\n}\n";
}

result<void> set_packet_filter(const std::string& rules) {
    run_options o;
    o.input = rules;
    o.errors = true;
    const auto ran = run_program({"/usr/sbin/nft", "-f", "-"}, o);
    if (!ran) return ran.error();
    if (ran->status == 0) return {};
    auto words = ran->text.substr(0, ran->text.find('\n'));
    return error{errc::forbidden, fault::gateway, retry::never, words.empty() ? "nft refused" : words};
}

} // namespace clawgate::pod
