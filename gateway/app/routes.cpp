#include "app/routes.hpp"

#include "app/handlers/handlers.hpp"
#include "app/handlers/model.hpp"

#include <array>
#include <charconv>

namespace clawgate::app {
namespace {

using net::verb;
using enum served_on;
using enum error_shape;

constexpr route page(std::string_view path, verb method, served_on where, need credential,
                     net::awaitable<void> (*handle)(worker&, exchange&), bool takes_form = false) {
    return {path, method, where, credential, ours, takes_form, handle, nullptr};
}

constexpr route call(std::string_view path, verb method, need credential, error_shape errors,
                     net::awaitable<proxy_result> (*stream)(client_side&, exchange&, std::size_t)) {
    return {path, method, model, credential, errors, false, nullptr, stream};
}

constexpr std::array table{
    page("/_gateway/login", verb::get, every_door, need::nothing, show_login),
    page("/_gateway/login", verb::post, every_door, need::nothing, do_login, true),
    page("/_gateway/logout", verb::post, every_door, need::nothing, do_logout, true),
    page("/_gateway/ticket", verb::get, agents, need::nothing, redeem_ticket),
    page("/_gateway/healthz", verb::get, every_door, need::nothing, show_health),
    page("/_gateway/readyz", verb::get, every_door, need::nothing, show_readiness),
    page("/ping", verb::get, every_door, need::nothing, answer_ping),
    page("/", verb::get, control, need::session, show_fleet),
    page("/api/v1/status", verb::get, control, need::user, show_status),
    page("/_gateway/open/#", verb::post, control, need::session, open_agent, true),

    // The model API. What Ollama would do for a caller as it is …
    page("/_gateway/healthz", verb::get, model, need::nothing, show_health),
    page("/", verb::get, model, need::nothing,
         say_running), // clients ask it before they ask for a credential
    call("/api/version", verb::get, need::caller, ollama, ask_model_server),
    call("/api/tags", verb::get, need::caller, ollama, ask_model_server),
    call("/api/ps", verb::get, need::caller, ollama, ask_model_server),
    call("/api/show", verb::post, need::caller, ollama, ask_model_server),
    // … what takes its turn at the shared model, with the shared parameters …
    call("/api/chat", verb::post, need::caller, ollama, chat),
    call("/api/generate", verb::post, need::caller, ollama, generate),
    call("/api/embed", verb::post, need::caller, ollama, embed),
    call("/api/embeddings", verb::post, need::caller, ollama, embed_one),
    call("/v1/chat/completions", verb::post, need::caller, openai, chat_completions),
    call("/v1/completions", verb::post, need::caller, openai, completions),
    call("/v1/embeddings", verb::post, need::caller, openai, openai_embeddings),
    call("/v1/models", verb::get, need::caller, openai, list_models),
    call("/v1/models/*", verb::get, need::caller, openai, describe_model),
    call("/v1/messages", verb::post, need::caller, anthropic, messages),
    call("/v1/responses", verb::post, need::caller, openai, not_translated),
    // … and what changes the models that everybody shares.
    call("/api/pull", verb::post, need::person, ollama, change_models),
    call("/api/create", verb::post, need::person, ollama, change_models),
    call("/api/copy", verb::post, need::person, ollama, change_models),
    call("/api/push", verb::post, need::person, ollama, change_models),
    call("/api/delete", verb::del, need::person, ollama, change_models),
    call("/api/blobs/*", verb::get, need::person, ollama, change_models), // HEAD asks whether it is there
    call("/api/blobs/*", verb::post, need::person, ollama, change_models),
};

bool is_here(served_on where, const door& at, bool model_api) noexcept {
    switch (where) {
    case model: return model_api;
    case every_door: return !model_api;
    case agents: return at.kind == door_kind::agent;
    case control: return at.kind == door_kind::control && !model_api;
    }
    return false;
}

/// Does `path` match `pattern`?
bool matches(std::string_view pattern, std::string_view path, route_match& m) {
    const bool number = pattern.ends_with('#');
    if (!number && !pattern.ends_with('*')) return pattern == path;
    pattern.remove_suffix(1);
    if (!path.starts_with(pattern) || path.size() == pattern.size()) return false;
    path.remove_prefix(pattern.size());
    if (!number) {
        m.rest = path;
        return true;
    }
    const auto [end, ec] = std::from_chars(path.data(), path.data() + path.size(), m.number);
    return ec == std::errc{} && end == path.data() + path.size() && path.size() <= 3 && path[0] != '-';
}

} // namespace

bool is_reserved(std::string_view path) noexcept {
    return path == "/_gateway" || path.starts_with("/_gateway/");
}

std::size_t model_prefix(const door& at, std::string_view path) noexcept {
    constexpr std::string_view prefix = "/ollama";
    return at.kind == door_kind::control && path.starts_with("/ollama/") ? prefix.size() : 0;
}

route_match match_route(const door& at, std::string_view path, std::size_t prefix, net::verb method) {
    route_match m;
    const bool model_api = at.kind == door_kind::model || prefix > 0;
    path.remove_prefix(prefix);
    if (method == verb::head) method = verb::get;
    for (const auto& r : table) {
        if (!is_here(r.where, at, model_api) || !matches(r.path, path, m)) continue;
        if (r.method == method) {
            m.found = &r;
            m.wrong_method = false;
            return m;
        }
        m.wrong_method = true;
    }
    return m;
}

} // namespace clawgate::app
