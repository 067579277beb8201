#pragma once
// A gateway in front of a fake Ollama.

#include "component/gateway_fixture.hpp"
#include "support/fake_ollama.hpp"

namespace clawgate::test {

using support::fake_ollama;
using support::fake_ollama_options;

struct model_options {
    int agents = 1;
    environment variables;
    fake_ollama_options server;
    std::function<void(config&)> adjust;
};

class model_under_test {
public:
    explicit model_under_test(model_options o = {})
        : server_{std::make_unique<fake_ollama>(o.server)}
        , gateway_{gateway_options_of(o)} {}

    fake_ollama& server() { return *server_; }
    gateway_under_test& gateway() { return gateway_; }
    std::uint16_t port() const { return gateway_.model_port(); }
    raw_client client() const { return raw_client{port()}; }
    /// The Authorization of agent `n`.
    static header agent(int n = 1) { return {"Authorization", "Bearer token-of-agent-" + std::to_string(n)}; }

    response ask(std::string_view method, std::string_view target, std::vector<header> headers = {},
                 std::string_view body = {}) const {
        return client().request(method, target, headers, body);
    }
    /// One call of agent 1.
    response post(std::string_view target, const json& body) const {
        return ask("POST", target, {agent()}, body.dump());
    }

    /// The body of the n-th request of this path that the server got.
    json sent(std::string_view path, std::size_t n = 0) const {
        for (const auto& r : server_->seen().requests)
            if (r.head.target == path && n-- == 0) return json::parse(r.body);
        return nullptr;
    }

private:
    gateway_options gateway_options_of(const model_options& o) const {
        gateway_options g;
        g.agents = o.agents;
        g.variables = o.variables;
        g.with_agents = false;
        g.adjust = [&o, port = server_->port()](config& c) {
            c.ollama.url = "http://127.0.0.1:" + std::to_string(port);
            c.warmup_enabled =
                c.is_given("OPENCLAW_WARMUP_ENABLED") && c.warmup_enabled; // most tests look at single calls
            if (o.adjust) o.adjust(c);
        };
        return g;
    }

    std::unique_ptr<fake_ollama> server_;
    gateway_under_test gateway_;
};

/// One question, as a chat.
[[nodiscard]] inline json question(std::string_view text, bool stream = true) {
    return {{"model", "glm-4.7-flash:latest"},
            {"stream", stream},
            {"messages", json::array({json{{"role", "user"}, {"content", text}}})}};
}

/// The records of an NDJSON body.
[[nodiscard]] inline std::vector<json> records(std::string_view body) {
    std::vector<json> out;
    for (std::size_t at = 0; at < body.size();) {
        const auto end = body.find('\n', at);
        if (end == body.npos)
            throw std::runtime_error{"a line without its end: " + std::string{body.substr(at)}};
        out.push_back(json::parse(body.substr(at, end - at)));
        at = end + 1;
    }
    return out;
}

} // namespace clawgate::test
