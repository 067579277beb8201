#include "app/model_door.hpp"

#include "app/supervisor_client.hpp"
#include "app/worker.hpp"
#include "core/model_names.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>

namespace clawgate::app {
namespace {

using json = nlohmann::json;

ollama::admission_limits limits_of(const config& c) {
    ollama::admission_limits l;
    l.slots = static_cast<unsigned>(c.ollama.num_parallel);
    l.max_queued = static_cast<std::size_t>(c.ollama.max_queue);
    return l;
}

/// Ollama runs an embedding model with one slot; the second call fills the gap between two answers.
ollama::admission_limits embedding_limits(const config& c) {
    auto l = limits_of(c);
    l.slots = 2;
    return l;
}

ollama::model_facts facts_from(const json& show, std::string model) {
    ollama::model_facts f;
    f.name = std::move(model);
    f.known = true;
    for (const auto& c : show.value("capabilities", json::array())) {
        f.thinking = f.thinking || c == "thinking";
        f.tools = f.tools || c == "tools";
        f.vision = f.vision || c == "vision";
        f.embedding = f.embedding || c == "embedding";
    }
    const auto info = show.value("model_info", json::object());
    for (const auto& [key, value] : info.items())
        if (key.ends_with(".context_length") && value.is_number_integer())
            f.context_length = value.get<int>();
    return f;
}

} // namespace

result<ollama::call_id> turn_queue::join(ollama::call_request r, turn_taker& who) {
    auto id = admission_.enqueue(std::move(r), steady_clock::now());
    if (!id) return id;
    waiting_.emplace(*id, &who);
    serve();
    return id;
}

void turn_queue::leave(ollama::call_id id) {
    waiting_.erase(id);
    admission_.cancel(id);
    serve();
}

void turn_queue::end_granted(const error& why) {
    for (const auto& [id, who] : granted_)
        who->ended_by(why);
}

void turn_queue::done(ollama::call_id id, std::uint32_t prompt_tokens, std::uint32_t answer_tokens) {
    granted_.erase(id);
    admission_.finish(id, prompt_tokens, answer_tokens, steady_clock::now());
    serve();
}

std::optional<ollama::queue_place> turn_queue::place_of(ollama::call_id id) const {
    return admission_.place_of(id, steady_clock::now());
}

void turn_queue::serve() {
    while (const auto id = admission_.next(steady_clock::now())) {
        const auto found = waiting_.find(*id);
        if (found == waiting_.end()) continue;
        auto* who = found->second;
        waiting_.erase(found);
        granted_.emplace(*id, who);
        who->granted();
    }
    const auto again = admission_.next_decision();
    if (!again) return;
    later_.expires_at(*again);
    later_.async_wait([this](net::error_code ec) {
        if (!ec) serve();
    });
}

model_door::model_door(gateway& g, worker& w)
    : shared{g}
    , home{w}
    , pool{w.io.get_executor(), g.model_server_addresses, g.may_serve_models}
    , turns{limits_of(g.options), w.io.get_executor()}
    , embeddings{embedding_limits(g.options), w.io.get_executor()}
    , server_host{(g.model_server.host.find(':') == std::string::npos ? g.model_server.host
                                                                      : "[" + g.model_server.host + "]") +
                  ":" + std::to_string(g.model_server.port)}
    , keeper{link(), ollama::keeper_options_for(g.options)}
    , watchdog{link(), keeper, {}, watchdog_hooks()}
    , embed_model_{with_tag(g.options.embed_model)} {
    models_.insert(with_tag(g.options.model));
    models_.insert(embed_model_);
    for (const auto& a : g.options.agents)
        models_.insert(with_tag(a.model));
}

ollama::server_link model_door::link() {
    return {pool, home.io.get_executor(), home.pools.small, server_host};
}

std::string model_door::with_tag(std::string_view model) {
    return full_model_name(model);
}

ollama::watchdog_hooks model_door::watchdog_hooks() {
    ollama::watchdog_hooks hooks;
    hooks.activity = [this] {
        ollama::door_activity a;
        a.dispatched = turns.state().active() + embeddings.state().active();
        a.slots = static_cast<unsigned>(shared.options.ollama.num_parallel);
        a.last_record = last_record_;
        return a;
    };
    hooks.end_calls = [this](const error& why) {
        turns.end_granted(why);
        embeddings.end_granted(why);
    };
    return hooks;
}

void model_door::look_after_models(const supervisor_access& supervisor, ollama::watchdog_limits limits) {
    const auto ex = home.io.get_executor();
    watchdog.set_limits(limits);
    if (!supervisor.empty())
        watchdog.set_restart([ex, supervisor] { return restart_program(ex, supervisor, "ollama"); });
    net::asio::co_spawn(ex, keeper.run(), net::asio::detached);
    net::asio::co_spawn(ex, watchdog.run(), net::asio::detached);
}

std::string model_door::download_under_way(std::string_view model_with_tag) const {
    const auto* m = keeper.status().find(model_with_tag);
    if (!m || m->phase != ollama::model_phase::pulling) return {};
    const auto progress = m->progress ? ollama::describe(*m->progress, steady_clock::now()) : std::string{};
    return "model '" + m->name + "' is being downloaded: " + (progress.empty() ? "starting" : progress);
}

std::string model_door::served_models() const {
    std::string all;
    for (const auto& m : models_)
        all.append(all.empty() ? "" : ", ").append(m);
    return all;
}

net::awaitable<result<ollama::model_facts>> model_door::facts_of(std::string model) {
    if (const auto found = facts_.find(model); found != facts_.end()) co_return found->second;
    ollama::model_facts unknown;
    unknown.name = model;
    auto question = json{{"model", model}}.dump();
    auto answer = co_await ollama::ask_server(link(), "POST", "/api/show", std::move(question),
                                              std::chrono::seconds{10});
    if (!answer) co_return unknown;
    if (answer->status == 404)
        co_return error{errc::not_found, fault::upstream, retry::later, "model '" + model + "' not found"};
    const auto show = json::parse(answer->body, nullptr, false);
    if (answer->status != 200 || !show.is_object()) co_return unknown;
    auto facts = facts_from(show, model);
    facts_[model] = facts;
    co_return facts;
}

} // namespace clawgate::app
