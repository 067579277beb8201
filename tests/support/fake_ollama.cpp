#include "support/fake_ollama.hpp"

#include "support/fake_ollama_parts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
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

json model_details(const std::string& model) {
    const bool embedding = ollama_state::is_embedding(model);
    return {{"parent_model", ""},
            {"format", "gguf"},
            {"family", embedding ? "nomic-bert" : "glm4moelite"},
            {"families", {embedding ? "nomic-bert" : "glm4moelite"}},
            {"parameter_size", embedding ? "137M" : "29.9B"},
            {"quantization_level", embedding ? "F16" : "Q4_K_M"}};
}

json model_entry(const std::string& model) {
    return {{"name", model},
            {"model", model},
            {"modified_at", "2026-01-01T00:00:00Z"},
            {"size", ollama_state::is_embedding(model) ? 274'302'450 : 19'019'270'000},
            {"digest", sha256_hex(model)},
            {"details", model_details(model)}};
}

awaitable<bool> root(const ollama_ptr&, exchange& e) {
    co_return co_await e.respond(200, text_type, "Ollama is running");
}

awaitable<bool> version(const ollama_ptr&, exchange& e) {
    const json body{{"version", "0.33.0-fake"}};
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> tags(const ollama_ptr& state, exchange& e) {
    json body{{"models", json::array()}};
    for (const auto& m : state->models)
        body["models"].push_back(model_entry(m));
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> ps(const ollama_ptr& state, exchange& e) {
    json body{{"models", json::array()}};
    for (const auto& [model, options] : state->loaded) {
        auto entry = model_entry(model);
        const auto context = json::parse(options).value("num_ctx", state->options.context_length);
        entry["size_vram"] = entry["size"];
        entry["expires_at"] = "2318-01-01T00:00:00Z";
        entry["context_length"] = context;
        body["models"].push_back(std::move(entry));
    }
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> show(const ollama_ptr& state, exchange& e) {
    json request;
    if (!co_await read_json(e, request)) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    const bool embedding = ollama_state::is_embedding(model);
    const std::string architecture = embedding ? "nomic-bert" : "glm4moelite";
    json body{{"modelfile", "# demo model"},
              {"template", "{{ .Prompt }}"},
              {"details", model_details(model)},
              {"modified_at", "2026-01-01T00:00:00Z"}};
    body["model_info"] = {
        {"general.architecture", architecture},
        {architecture + ".context_length", embedding ? 2048 : state->options.context_length},
        {architecture + ".embedding_length", embedding ? 768 : 2048}};
    body["capabilities"] = json::array({embedding ? "embedding" : "completion"});
    if (ollama_state::has_tools_and_thinking(model)) {
        body["capabilities"].push_back("tools");
        body["capabilities"].push_back("thinking");
    }
    co_return co_await respond_json(e, 200, body);
}

/// The same text gives the same unit vector; texts that share words lie closer.
json vector_of(const std::string& text) {
    std::vector<double> v(768, 0.0);
    v[0] = 1e-3; // an empty text has a direction too
    std::size_t start = 0;
    while (start < text.size()) {
        const auto end = std::min(text.find(' ', start), text.size());
        const auto digest = unhex(sha256_hex(lower(text.substr(start, end - start)))).value();
        for (std::size_t i = 0; i + 1 < digest.size(); i += 2) {
            const auto slot =
                (static_cast<unsigned char>(digest[i]) * 256U + static_cast<unsigned char>(digest[i + 1])) %
                768;
            v[slot] += (digest[i] & 1) != 0 ? 1.0 : -1.0;
        }
        start = end + 1;
    }
    double sum = 0;
    for (const double x : v)
        sum += x * x;
    for (double& x : v)
        x /= std::sqrt(sum);
    return v;
}

awaitable<bool> embed(const ollama_ptr& state, exchange& e) {
    json request;
    if (!co_await read_json(e, request)) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    const auto& input = member_of(request, "input");
    const auto list = input.is_array() ? input : json::array({input});
    json body{{"model", model}, {"embeddings", json::array()}, {"total_duration", 1'000'000}};
    std::size_t bytes = 0;
    for (const auto& text : list) {
        if (!text.is_string()) co_return co_await respond_error(e, 400, "invalid input type");
        bytes += text.get<std::string>().size();
        body["embeddings"].push_back(vector_of(text.get<std::string>()));
    }
    body["load_duration"] = 100'000;
    body["prompt_eval_count"] = std::max<std::size_t>(1, bytes / 4);
    state->loaded.try_emplace(model, "{}");
    co_return co_await respond_json(e, 200, body);
}

awaitable<bool> embeddings(const ollama_ptr& state, exchange& e) {
    json request;
    if (!co_await read_json(e, request)) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    const auto& prompt = member_of(request, "prompt");
    const json body{{"embedding", vector_of(prompt.is_string() ? prompt.get<std::string>() : "")}};
    co_return co_await respond_json(e, 200, body);
}

std::vector<json> pull_lines(const std::string& model) {
    const auto digest = sha256_hex(model);
    constexpr std::int64_t total = 1'000'000'000;
    std::vector<json> lines{json{{"status", "pulling manifest"}}};
    for (int tenth = 0; tenth <= 10; ++tenth) {
        json line{
            {"status", "pulling " + digest.substr(0, 12)}, {"digest", "sha256:" + digest}, {"total", total}};
        if (tenth > 0) line["completed"] = total / 10 * tenth;
        lines.push_back(std::move(line));
    }
    for (const auto* status : {"verifying sha256 digest", "writing manifest", "success"}) {
        lines.push_back(json{{"status", status}});
    }
    return lines;
}

/// A name with "missing" in it is one the registry does not know.
awaitable<bool> pull(const ollama_ptr& state, exchange& e) {
    json request;
    if (!co_await read_json(e, request)) co_return false;
    const auto& name = member_of(request, member_of(request, "model").is_string() ? "model" : "name");
    if (!name.is_string()) co_return co_await respond_error(e, 400, "invalid model name");
    const auto model = ollama_state::with_tag(name.get<std::string>());
    const bool unknown = model.find("missing") != std::string::npos;
    std::vector<json> lines;
    if (unknown) {
        lines = {json{{"status", "pulling manifest"}},
                 json{{"error", "pull model manifest: file does not exist"}}};
    } else {
        lines = pull_lines(model);
    }
    const auto& stream = member_of(request, "stream");
    if (stream.is_boolean() && !stream.get<bool>()) {
        if (!unknown) state->models.insert(model);
        co_return co_await respond_json(e, unknown ? 500 : 200, lines.back());
    }
    if (!co_await e.send_head(200, "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n")) {
        co_return false;
    }
    for (const auto& line : lines) {
        const auto text = dump(line) + "\n";
        if (!co_await e.send_chunk(text)) co_return false;
        if (state->options.pull_pace.count() > 0 && !co_await e.pause(state->options.pull_pace))
            co_return false;
    }
    if (!unknown) state->models.insert(model);
    co_return co_await e.send("0\r\n\r\n");
}

awaitable<bool> remove(const ollama_ptr& state, exchange& e) {
    json request;
    if (!co_await read_json(e, request)) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    state->models.erase(model);
    state->loaded.erase(model);
    co_return co_await e.respond(200, "", "");
}

awaitable<bool> v1_models(const ollama_ptr& state, exchange& e) {
    json body{{"object", "list"}, {"data", json::array()}};
    for (const auto& m : state->models) {
        body["data"].push_back(
            {{"id", m}, {"object", "model"}, {"created", 1'767'225'600}, {"owned_by", "library"}});
    }
    co_return co_await respond_json(e, 200, body);
}

struct ollama_route {
    std::string_view path;
    std::string_view methods; ///< space-separated
    awaitable<bool> (*handle)(const ollama_ptr&, exchange&);
};

constexpr std::array<ollama_route, 12> routes{{
    {"/", "GET HEAD", root},
    {"/api/version", "GET HEAD", version},
    {"/api/tags", "GET HEAD", tags},
    {"/api/ps", "GET", ps},
    {"/api/show", "POST", show},
    {"/api/chat", "POST", serve_chat},
    {"/api/generate", "POST", serve_generate},
    {"/api/embed", "POST", embed},
    {"/api/embeddings", "POST", embeddings},
    {"/api/pull", "POST", pull},
    {"/api/delete", "DELETE", remove},
    {"/v1/models", "GET", v1_models},
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

// ---- shared with the other part

std::string ollama_state::with_tag(const std::string& name) {
    return name.find(':') == std::string::npos ? name + ":latest" : name;
}

bool ollama_state::is_embedding(const std::string& model) {
    return model.find("embed") != std::string::npos;
}

bool ollama_state::has_tools_and_thinking(const std::string& model) {
    return !is_embedding(model) && model.find("plain") == std::string::npos;
}

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string now_rfc3339() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[40];
    const auto n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, n};
}

awaitable<bool> respond_json(exchange& e, int status, const json& value) {
    const auto text = dump(value);
    co_return co_await e.respond(status, json_type, text);
}

awaitable<bool> respond_error(exchange& e, int status, std::string text) {
    const json value{{"error", std::move(text)}};
    co_return co_await respond_json(e, status, value);
}

awaitable<bool> read_json(exchange& e, json& into) {
    const bool whole = co_await e.read_body();
    if (!whole) co_return false;
    if (e.body.empty()) {
        co_await respond_error(e, 400, "missing request body");
        co_return false;
    }
    into = json::parse(e.body, nullptr, false);
    if (into.is_object()) co_return true;
    co_await respond_error(e, 400, "invalid character in request body");
    co_return false;
}

awaitable<std::string> known_model(const ollama_ptr& state, exchange& e, const json& request) {
    const auto& by_model = member_of(request, "model");
    const auto& name = by_model.is_string() ? by_model : member_of(request, "name");
    const auto asked = name.is_string() ? name.get<std::string>() : std::string{};
    if (asked.empty()) {
        co_await respond_error(e, 400, "model is required");
        co_return std::string{};
    }
    auto model = ollama_state::with_tag(asked);
    if (state->models.contains(model)) co_return model;
    co_await respond_error(e, 404, "model '" + asked + "' not found");
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

std::uint64_t fake_ollama::loads() const {
    return state_->loads;
}

std::uint64_t fake_ollama::running() const {
    return state_->running;
}

std::uint64_t fake_ollama::peak() const {
    return state_->peak;
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
