#include "app/plan_command.hpp"

#include "app/plan_report.hpp"
#include "core/model_names.hpp"
#include "core/net_names.hpp"
#include "ollama_client/model_memory.hpp"

#include <boost/asio/co_spawn.hpp>

#include <iostream>
#include <optional>

namespace clawgate::app {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_failure = 1;
constexpr int exit_unavailable = 69; // sysexits.h

/// What the model server tells of some models.
class inquiry {
public:
    explicit inquiry(std::vector<std::string> models)
        : models_{std::move(models)} {}

    void run(const config& c) {
        const auto server = parse_http_url(c.ollama.url);
        if (!server) return; // was checked when it was loaded
        auto addresses = net::resolve({server->host, server->port});
        if (!addresses) {
            notes.push_back("the model server was not found: " + addresses.error().detail);
            return;
        }
        const bool v6 = server->host.find(':') != std::string::npos;
        host_ = (v6 ? "[" + server->host + "]" : server->host) + ":" + std::to_string(server->port);
        pool_.emplace(io_.get_executor(), std::move(*addresses));
        std::exception_ptr failed;
        auto ended = [&failed](std::exception_ptr e) { failed = std::move(e); };
        net::asio::co_spawn(io_.get_executor(), all(), std::move(ended));
        io_.run();
        pool_.reset();
        if (failed) std::rethrow_exception(failed);
    }

    std::vector<model_memory> told;
    std::vector<std::string> notes;

private:
    net::awaitable<void> all() {
        for (const auto& model : models_) {
            ollama::server_link link{*pool_, io_.get_executor(), blocks_, host_};
            auto answer = co_await ollama::ask_model_memory(std::move(link), model);
            if (answer) {
                told.push_back(std::move(*answer));
                continue;
            }
            notes.push_back(model + ": " + answer.error().detail);
            if (answer.error().code == errc::unreachable) co_return; // the others are not there either
        }
    }

    std::vector<std::string> models_;
    std::string host_;
    net::block_pool blocks_{net::small_block};
    net::asio::io_context io_{1};
    std::optional<net::upstream_pool> pool_;
};

int status_of(const vram_plan& plan) {
    if (plan.no_gpu) return exit_failure;
    if (!plan.unknown.empty()) return exit_unavailable;
    return plan.fits ? exit_ok : exit_failure;
}

} // namespace

int run_plan_command(const config& c, const plan_options& options) {
    auto plan = plan_vram(c);
    plan_to_show shown{c, plan, options.gpu_origin, {}};
    if (!options.note.empty()) shown.notes.push_back(options.note);
    auto questions = plan.unknown_models;
    const bool usual_embedding = full_model_name(c.embed_model) == "nomic-embed-text:latest";
    if (!usual_embedding && plan.need.embedding > 0) questions.push_back(full_model_name(c.embed_model));
    if (!questions.empty()) {
        inquiry asked{std::move(questions)};
        asked.run(c);
        shown.notes.insert(shown.notes.end(), asked.notes.begin(), asked.notes.end());
        auto changes = std::move(plan.changes);
        plan = plan_vram(c, asked.told);
        plan.changes = std::move(changes);
    }
    std::cout << (options.as_json ? plan_json(shown) : plan_text(shown)) << std::flush;
    return status_of(plan);
}

} // namespace clawgate::app
