#pragma once
// What the model API knows between calls: whose turn it is, what the models can do, who used what. Belongs to
// the one worker that serves it, so nothing here is locked.

#include "app/gateway.hpp"
#include "app/supervisor_client.hpp"
#include "net/asio.hpp"
#include "ollama_client/admission.hpp"
#include "ollama_client/model_keeper.hpp"
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

/// Somebody who waits for a turn.
class turn_taker {
public:
    virtual ~turn_taker() = default;
    /// Called from turn_queue's own calls, on the same thread; must not call back into it.
    virtual void granted() = 0;
    /// The call that was granted is to end with this error, at once; likewise.
    virtual void ended_by(const error& why) = 0;
};

/// An admission with those who wait for it.
class turn_queue {
public:
    turn_queue(ollama::admission_limits limits, net::executor ex)
        : admission_{limits}
        , later_{ex} {}

    /// `who` is told when it may go; until leave() or done() it must stay.
    [[nodiscard]] result<ollama::call_id> join(ollama::call_request r, turn_taker& who);
    void leave(ollama::call_id id);
    void done(ollama::call_id id, std::uint32_t prompt_tokens, std::uint32_t answer_tokens);
    /// Tells every call that was granted and is not done.
    void end_granted(const error& why);
    [[nodiscard]] std::optional<ollama::queue_place> place_of(ollama::call_id id) const;
    [[nodiscard]] const ollama::admission& state() const noexcept { return admission_; }

private:
    void serve();

    ollama::admission admission_;
    std::map<ollama::call_id, turn_taker*> waiting_;
    std::map<ollama::call_id, turn_taker*> granted_;
    net::timer later_; ///< when a slot that was held for somebody is given to another
};

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
        return models_.contains(model_with_tag);
    }
    [[nodiscard]] bool is_embedding_model(std::string_view model_with_tag) const {
        return model_with_tag == embed_model_;
    }
    [[nodiscard]] std::string served_models() const; ///< for messages
    [[nodiscard]] ollama::token_calibration& calibration(const std::string& model) {
        return calibrations_[model];
    }

    gateway& shared;
    worker& home;
    net::upstream_pool pool;
    turn_queue turns;      ///< chat and generate
    turn_queue embeddings; ///< a lane of their own: they are short, and another model
    ollama::usage_book usage;
    /// Of requests that are being read or wait. Shared, because what still waits at the end goes after this
    /// object.
    std::shared_ptr<std::size_t> body_bytes = std::make_shared<std::size_t>(0);
    std::string server_host; ///< for the Host field
    ollama::model_keeper keeper;
    ollama::model_watchdog watchdog;

private:
    [[nodiscard]] ollama::watchdog_hooks watchdog_hooks();

    steady_time last_record_{};
    std::set<std::string, std::less<>> models_;
    std::string embed_model_;
    std::map<std::string, ollama::model_facts, std::less<>> facts_;
    std::map<std::string, ollama::token_calibration> calibrations_;
};

} // namespace clawgate::app
