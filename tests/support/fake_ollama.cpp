#include "support/fake_ollama.hpp"

#include "support/fake_ollama_parts.hpp"

#include <array>
#include <ctime>

namespace clawgate::support {

namespace {

constexpr std::string_view json_type{"application/json; charset=utf-8"};
constexpr std::string_view text_type{"text/plain; charset=utf-8"};

/// The host of an Origin, or of a Host header, without its port.
std::string host_of(std::string text) {
    if (const auto scheme = text.find("://"); scheme != std::string::npos) text.erase(0, scheme + 3);
    if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);
    return text.substr(0, text.find(':'));
}

bool is_local_host(const std::string& host) {
    return host == "localhost" || host == "127.0.0.1" || host == "0.0.0.0" || host == "[::1]" ||
           host.empty() || host.ends_with(".localhost") || host.ends_with(".local") ||
           host.ends_with(".internal");
}

/// Ollama's own guard rails on a loopback bind.
bool allowed_in(const message_head& head) {
    const auto origin = head.get("origin");
    if (origin && !is_local_host(host_of(lower(*origin)))) return false;
    return is_local_host(host_of(lower(head.get("host").value_or(""))));
}

awaitable<bool> root(const ollama_ptr&, exchange& e) {
    co_return co_await e.respond(200, text_type, "Ollama is running");
}

struct ollama_route {
    std::string_view path;
    std::string_view methods; ///< space-separated
    ollama_handler* handle;
};

/// No /v1: a gateway has to translate it, and a test that gets there by it shall fail.
constexpr std::array<ollama_route, 14> routes{{
    {"/", "GET HEAD", root},
    {"/api/version", "GET HEAD", serve_version},
    {"/api/tags", "GET HEAD", serve_tags},
    {"/api/ps", "GET", serve_ps},
    {"/api/show", "POST", serve_show},
    {"/api/chat", "POST", serve_chat},
    {"/api/generate", "POST", serve_generate},
    {"/api/embed", "POST", serve_embed},
    {"/api/embeddings", "POST", serve_embeddings},
    {"/api/pull", "POST", serve_pull},
    {"/api/copy", "POST", serve_copy},
    {"/api/delete", "DELETE", serve_delete},
    {"/fake/state", "GET", serve_state},
    {"/fake/fault", "POST", serve_fault},
}};

bool lists_method(std::string_view methods, const std::string& method) {
    const auto at = methods.find(method);
    if (at == std::string_view::npos) return false;
    const auto end = at + method.size();
    return (at == 0 || methods[at - 1] == ' ') && (end == methods.size() || methods[end] == ' ');
}

awaitable<void> serve(ollama_ptr state, exchange& e) {
    if (!allowed_in(e.head)) {
        co_await e.respond(403, "", "");
        co_return;
    }
    for (const auto& r : routes) {
        if (r.path != e.path) continue;
        if (r.path.starts_with("/fake/") && !state->options.control) break;
        const bool known_method = lists_method(r.methods, e.head.method);
        if (known_method) {
            co_await r.handle(state, e);
        } else {
            co_await e.respond(405, text_type, "405 method not allowed");
        }
        co_return;
    }
    co_await e.respond(404, text_type, "404 page not found");
}

} // namespace

// ---- shared with the other parts

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string rfc3339(std::time_t when) {
    std::tm parts{};
    gmtime_r(&when, &parts);
    char text[40];
    const auto n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, n};
}

std::string now_rfc3339() {
    return rfc3339(std::time(nullptr));
}

awaitable<bool> respond_json(exchange& e, int status, const json& value) {
    const auto text = dump(value);
    co_return co_await e.respond(status, json_type, text);
}

awaitable<bool> respond_error(exchange& e, int status, std::string text) {
    const json value{{"error", std::move(text)}};
    co_return co_await respond_json(e, status, value);
}

awaitable<bool> respond_failed(exchange& e) {
    return respond_error(e, 500, std::string{terminated});
}

awaitable<bool> read_json(exchange& e, std::string_view structure, json& into) {
    const bool whole = co_await e.read_body();
    if (!whole) co_return false;
    auto decoded = decode_request(e.body, structure);
    if (!decoded.problem.empty()) {
        co_await respond_error(e, 400, decoded.problem);
        co_return false;
    }
    into = std::move(decoded.value);
    co_return true;
}

awaitable<std::string> known_model(const ollama_ptr& state, exchange& e, const json& request) {
    const auto by_model = string_of(member_of(request, "model"));
    const auto asked = by_model.empty() ? string_of(member_of(request, "name")) : by_model;
    auto model = ollama_state::with_tag(asked);
    if (!asked.empty() && state->models.contains(model)) co_return model;
    const bool names_it = !asked.empty() || e.path == "/api/generate" || e.path.starts_with("/api/embed");
    if (names_it) {
        co_await respond_error(e, 404, "model '" + asked + "' not found");
    } else {
        co_await respond_error(e, 400, "model is required");
    }
    co_return std::string{};
}

// ---- fake_ollama

fake_ollama::fake_ollama(fake_ollama_options options)
    : state_{std::make_shared<ollama_state>(std::move(options))} {
    server_options server;
    server.bind = state_->options.bind;
    server.port = state_->options.port;
    server.idle = std::chrono::milliseconds{0};
    server.keep_alive_header.clear();
    server.max_records = state_->options.max_records;
    server.max_body_copy = 256UL * 1024 * 1024;
    server_ = std::make_unique<http_server>(std::move(server),
                                            [state = state_](exchange& e) { return serve(state, e); });
}

fake_ollama::~fake_ollama() = default;

std::uint16_t fake_ollama::port() const {
    return server_->port();
}

void fake_ollama::stop() {
    server_->stop();
}

ollama_counters fake_ollama::counters() const {
    return state_->counters();
}

bool fake_ollama::wait_for(const std::function<bool(const ollama_counters&)>& done) const {
    return state_->wait_for(done);
}

bool fake_ollama::fault(const std::string& kind, unsigned count) {
    bool known = false;
    server_->run_there([&] { known = state_->set_fault(kind, count); });
    return known;
}

traffic fake_ollama::seen() const {
    return server_->seen();
}

bool fake_ollama::wait_until(const std::function<bool(const traffic&)>& done) const {
    return server_->wait_until(done);
}

void fake_ollama::forget() {
    server_->forget();
}

} // namespace clawgate::support
