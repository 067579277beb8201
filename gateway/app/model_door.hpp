#pragma once
// What the model API knows between calls: whose turn it is, what the models can do, who used what. Belongs to
// the one worker that serves it, so nothing here is locked.

#include "app/body_budget.hpp"
#include "app/gateway.hpp"
#include "app/long_work.hpp"
#include "app/supervisor_client.hpp"
#include "app/turn_queue.hpp"
#include "net/asio.hpp"
#include "ollama_client/model_keeper.hpp"
#include "ollama_client/model_slots.hpp"
#include "ollama_client/model_watchdog.hpp"
#include "ollama_client/parameters.hpp"
#include "ollama_client/pruning.hpp"
#include "ollama_client/server_call.hpp"
#include "ollama_client/usage.hpp"

#include <functional>
#include <map>
#include <memory>

namespace clawgate::app {

struct worker;

class model_door {
public:
    model_door(gateway& g, worker& home);

    [[nodiscard]] ollama::server_link link();
    /// What /api/show says; asked once a model. `known` is false when the server cannot be asked now.
    /// not_found when it has no such model.
    [[nodiscard]] net::awaitable<result<ollama::model_facts>> facts_of(std::string model);
    /// After a model was pulled, made or deleted.
    void forget_facts() {
        facts_.clear();
        keeper.look_again();
    }
    /// "the model is being downloaded: 42 % …" while it is, otherwise nothing.
    [[nodiscard]] std::string download_under_way(std::string_view model_with_tag) const;
    /// A record, or another part of an answer, has come from the server: it is not stuck.
    void note_record() noexcept { last_record_ = coarse_now(); }
    /// Starts what looks after the models: on the thread of the worker, or before it runs. `supervisor`: the
    /// supervisord that runs the model server as "ollama", or empty.
    void look_after_models(const supervisor_access& supervisor, ollama::watchdog_limits limits);
    /// The name as the server lists it: with its tag.
    [[nodiscard]] static std::string with_tag(std::string_view model);
    /// May this model be called? Others would push the shared ones out of memory.
    [[nodiscard]] bool serves(std::string_view model_with_tag) const {
        return is_chat_model(model_with_tag) || is_embedding_model(model_with_tag);
    }
    [[nodiscard]] bool is_embedding_model(std::string_view model_with_tag) const {
        return model_with_tag == embed_model_;
    }
    /// For chat and generate.
    [[nodiscard]] bool is_chat_model(std::string_view model_with_tag) const {
        return chat_models_.contains(model_with_tag);
    }
    [[nodiscard]] std::string served_models() const; ///< for messages
    [[nodiscard]] ollama::token_calibration& calibration(const std::string& model) {
        return calibrations_[model];
    }

    /// Does `f`, on another thread when it is about so many bytes that it would hold up the loop. As
    /// long_work::run().
    [[nodiscard]] net::awaitable<void> work(std::size_t bytes, std::string caller, std::function<void()> f);

    gateway& shared;
    worker& home;
    net::upstream_pool pool;
    ollama::model_slots slots;
    // Shared, because what still waits at the end goes after this object.
    std::shared_ptr<turn_queue> turns;      ///< chat and generate
    std::shared_ptr<turn_queue> embeddings; ///< a lane of their own: they are short, and another model
    std::shared_ptr<body_budget> bodies = std::make_shared<body_budget>();
    ollama::usage_book usage;
    std::string server_host; ///< for the Host field
    ollama::model_keeper keeper;
    ollama::model_watchdog watchdog;

private:
    [[nodiscard]] ollama::watchdog_hooks watchdog_hooks();
    void learn(const ollama::model_facts& facts);

    steady_time last_record_{};
    std::set<std::string, std::less<>> chat_models_;
    std::string embed_model_;
    std::map<std::string, ollama::model_facts, std::less<>> facts_;
    std::map<std::string, ollama::token_calibration> calibrations_;
    long_work long_work_; ///< last: its thread ends first
};

} // namespace clawgate::app
