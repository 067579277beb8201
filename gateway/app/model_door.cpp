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

constexpr std::size_t long_body = 1u << 20; // what is shorter is understood in a few milliseconds

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
    if (const auto a = info.find("general.architecture"); a != info.end() && a->is_string())
        f.architecture = a->get<std::string>();
    return f;
}

} // namespace

model_door::model_door(gateway& g, worker& w)
    : shared{g}
    , home{w}
    , pool{w.io.get_executor(), g.model_server_addresses, g.may_serve_models}
    , slots{static_cast<unsigned>(g.options.ollama.num_parallel)}
    , turns{std::make_shared<turn_queue>(limits_of(g.options), slots, w.io.get_executor())}
    , embeddings{std::make_shared<turn_queue>(embedding_limits(g.options), slots, w.io.get_executor())}
    , server_host{(g.model_server.host.find(':') == std::string::npos ? g.model_server.host
                                                                      : "[" + g.model_server.host + "]") +
                  ":" + std::to_string(g.model_server.port)}
    , keeper{link(), ollama::keeper_options_for(g.options)}
    , watchdog{link(), keeper, {}, watchdog_hooks()}
    , embed_model_{with_tag(g.options.embed_model)}
    , long_work_{w.io.get_executor()} {
    chat_models_.insert(with_tag(g.options.model));
    for (const auto& a : g.options.agents)
        chat_models_.insert(with_tag(a.model));
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
        auto a = turns->activity();
        a.dispatched += embeddings->state().active();
        a.last_record = last_record_;
        return a;
    };
    hooks.end_calls = [this](const error& why) {
        turns->end_granted(why);
        embeddings->end_granted(why);
    };
    return hooks;
}

void model_door::look_after_models(const supervisor_access& supervisor, ollama::watchdog_limits limits) {
    const auto ex = home.io.get_executor();
    watchdog.set_limits(limits);
    if (!supervisor.empty()) {
        slots.server_is_ours();
        watchdog.set_restart([ex, supervisor] { return restart_program(ex, supervisor, "ollama"); });
    }
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
    auto models = chat_models_;
    models.insert(embed_model_);
    for (const auto& m : models)
        all.append(all.empty() ? "" : ", ").append(m);
    return all;
}

/// There are as many slots as the models have together, but never more than OLLAMA_NUM_PARALLEL.
void model_door::learn(const ollama::model_facts& facts) {
    slots.learn(facts);
    unsigned all = 0;
    for (const auto& m : chat_models_)
        all += slots.of(m);
    turns->set_slots(std::min(all, static_cast<unsigned>(shared.options.ollama.num_parallel)));
}

net::awaitable<void> model_door::work(std::size_t bytes, std::string caller, std::function<void()> f) {
    if (bytes < long_body)
        f();
    else
        co_await long_work_.run(std::move(caller), std::move(f));
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
    learn(facts);
    co_return facts;
}

} // namespace clawgate::app
