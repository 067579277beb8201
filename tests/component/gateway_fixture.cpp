#include "component/gateway_fixture.hpp"

#include "core/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdlib>
#include <random>

namespace clawgate::test {

std::uint16_t free_port() {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor a{io, {boost::asio::ip::address_v4::loopback(), 0}};
    return a.local_endpoint().port();
}

void quiet_log() {
    // CLAWGATE_TEST_LOG=1 shows what the gateway would log.
    static const bool once = [] {
        log::init(std::getenv("CLAWGATE_TEST_LOG") ? log_level::debug : log_level::error, log_format::text);
        return true;
    }();
    static_cast<void>(once);
}

temporary_directory::temporary_directory() {
    auto name = (std::filesystem::temp_directory_path() / "clawgate-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error{"no temporary directory"};
    path = name;
}

temporary_directory::~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

gateway_under_test::gateway_under_test(gateway_options o)
    : count_{o.agents} {
    quiet_log();
    std::filesystem::create_directories(directory_.path / ".clawgate");
    std::vector<secret> tokens;
    std::vector<std::uint16_t> backends;
    for (int n = 1; n <= o.agents; ++n) {
        const auto token = "token-of-agent-" + std::to_string(n);
        tokens.emplace_back(token);
        if (!o.with_agents) {
            backends.push_back(free_port());
            continue;
        }
        auto a = o.agent;
        a.secret = token;
        backends.push_back(agents_.emplace_back(std::make_unique<fake_agent>(a))->port());
    }

    environment env{{"OPENCLAW_WEB_PASSWORD", password},
                    {"OPENCLAW_NUM_AGENTS", std::to_string(o.agents)},
                    {"CLAWGATE_WORKSPACE", directory_.path.string()},
                    {"CLAWGATE_BIND", "127.0.0.1"},
                    {"CLAWGATE_WORKERS", "2"}};
    for (const auto& [name, value] : o.variables)
        env[name] = value;
    auto loaded = parse_config(env);
    if (!loaded.problems.empty()) throw std::runtime_error{describe(loaded.problems)};
    auto& c = loaded.value;
    // A port that was free a moment ago may be another test's by now.
    for (int attempt = 1;; ++attempt) {
        auto chosen = c;
        for (std::size_t i = 0; i < chosen.agents.size(); ++i) {
            chosen.agents[i].port = free_port();
            chosen.agents[i].backend_host = "127.0.0.1";
            chosen.agents[i].backend_port = backends[i];
        }
        chosen.control_port = free_port();
        if (!c.is_given("OLLAMA_HOST")) chosen.ollama.host = "127.0.0.1";
        if (!c.is_given("OLLAMA_PORT")) chosen.ollama.port = free_port();
        if (o.adjust) o.adjust(chosen);
        std::vector<secret> copies = tokens;
        server_ = std::make_unique<app::server>(chosen, std::move(copies), secret{std::string(32, 'k')});
        const auto started = server_->start();
        if (started) return;
        if (attempt == 5 || started.error().detail.find("in use") == std::string::npos)
            throw std::runtime_error{started.error().detail};
    }
}

gateway_under_test::~gateway_under_test() {
    server_.reset();
    log::flush();
}

response gateway_under_test::ask(std::string_view method, std::string_view target,
                                 std::vector<header> headers, std::string_view body) const {
    raw_client c{port()};
    return c.request(method, target, headers, body);
}

response gateway_under_test::ask_in(std::string_view method, std::string_view target,
                                    std::vector<header> headers, std::string_view body) const {
    headers.push_back(basic());
    return ask(method, target, std::move(headers), body);
}

std::string gateway_under_test::log_in(std::uint16_t p, std::string_view with) const {
    raw_client c{p};
    const auto r = c.request("POST", "/_gateway/login",
                             {{"Content-Type", "application/x-www-form-urlencoded"},
                              {"Origin", "http://localhost:" + std::to_string(p)}},
                             "password=" + percent_encode(with) + "&next=%2Foverview");
    return cookie_of(r);
}

bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (std::chrono::steady_clock::now() < end)
        if (holds()) return true;
    return holds();
}

header basic(std::string_view with) {
    return {"Authorization", "Basic " + base64_encode("anybody:" + std::string{with})};
}

std::string connect_message(const json& auth) {
    json m{{"type", "req"},
           {"id", "1"},
           {"method", "connect"},
           {"params",
            {{"minProtocol", 4},
             {"maxProtocol", 4},
             {"client", {{"id", "openclaw-control-ui"}, {"mode", "webchat"}}},
             {"device", {{"id", "d"}, {"signature", "fake:"}}}}}};
    if (!auth.is_null()) m["params"]["auth"] = auth;
    return m.dump();
}

std::string native_connect_message(const json& auth) {
    json m{
        {"type", "req"},
        {"id", "1"},
        {"method", "connect"},
        {"params", {{"minProtocol", 4}, {"maxProtocol", 4}, {"client", {{"id", "cli"}, {"mode", "cli"}}}}}};
    if (!auth.is_null()) m["params"]["auth"] = auth;
    return m.dump();
}

std::string cookie_of(const response& r) {
    const auto line = r.get("Set-Cookie");
    return line.substr(0, line.find(';'));
}

std::string error_code_of(const response& r) {
    const auto body = json::parse(r.body, nullptr, false);
    return body.is_discarded() ? "not JSON: " + r.body : body.value("/error/code"_json_pointer, "no code");
}

} // namespace clawgate::test
