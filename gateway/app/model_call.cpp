#include "app/model_call.hpp"

#include "app/body_reader.hpp"
#include "app/call_client.hpp"
#include "app/model_answer.hpp"
#include "app/model_door.hpp"
#include "app/model_request.hpp"
#include "app/model_turn.hpp"
#include "core/log.hpp"

namespace clawgate::app {
namespace {

constexpr std::size_t least_body_rate = 64 * 1024; // bytes a second, after the first minute

/// One call: its body is read and understood, its model chosen, its turn waited for, its answer given, and what it
/// used is written down. Each step has a file of its own; here is their order.
class model_call {
public:
    model_call(client_side& side, exchange& x, std::size_t head_bytes, const model_interface& how)
        : side_{side}
        , x_{x}
        , door_{*side.home.model}
        , how_{how}
        , head_bytes_{head_bytes}
        , flow_{agent() ? agent()->name : "person " + x.client.to_string()}
        , held_{door_.bodies, flow_} {}

    net::awaitable<proxy_result> run();

private:
    net::awaitable<bool> read_body();
    net::awaitable<bool> understand_body();
    net::awaitable<bool> choose_model();
    net::awaitable<bool> prepare();
    net::awaitable<void> take_turn(call_client& client, model_turn& turn, model_answer& answer);
    net::awaitable<bool> wait_for_turn(call_client& client, model_turn& turn);
    [[nodiscard]] ollama::call_request turn_request();
    void account(const call_client& client, const model_answer& answer);
    void log_usage(const ollama::final_numbers& n) const;

    bool fail(const error& e, std::string_view hint = {}) {
        r_.answer = refusal(e, hint);
        r_.error = std::string{to_string(e.code)} + ": " + e.detail;
        return false;
    }
    bool fail_for_room() {
        return fail(error{errc::locked_out, fault::client, retry::later,
                          "server busy, please try again.  maximum pending requests exceeded"},
                    "Too many bytes of requests are waiting; try again later");
    }
    [[nodiscard]] const agent_options* agent() const { return x_.as_agent ? x_.as_agent->options : nullptr; }
    [[nodiscard]] std::string caller_name() const { return agent() ? agent()->name : "person"; }
    [[nodiscard]] const behaviour_options& behaviour() const {
        return agent() ? agent()->behaviour : door_.shared.options.behaviour;
    }

    client_side& side_;
    exchange& x_;
    model_door& door_;
    model_interface how_;
    std::size_t head_bytes_;
    std::string flow_; ///< who is treated as one
    held_bytes held_;
    std::string body_;
    model_request request_;
    std::string model_; ///< with its tag
    ollama::model_facts facts_;
    steady_time asked_{};
    steady_time dispatched_{};
    proxy_result r_;
};

net::awaitable<bool> model_call::read_body() {
    if (x_.head.fields.has(net::field_name::content_encoding)) {
        r_.answer = json_error(415, "unsupported_encoding", "a body with Content-Encoding is not read here",
                               "Send it as it is.");
        co_return false;
    }
    body_limits limits;
    limits.most = ollama::max_body_bytes;
    limits.deadline = waiting_for::client_bytes;
    limits.least_rate = least_body_rate;
    limits.may_hold = [this](std::size_t bytes) { return held_.resize(bytes); };
    auto read = co_await read_whole_body(side_, x_.head, head_bytes_, limits);
    side_.forgive();
    r_.body_unread = read.state != body_state::complete;
    r_.bytes_in = read.bytes.size();
    if (read.state == body_state::gone) r_.status = 499;
    if (read.state == body_state::refused) r_.answer = std::move(read.refusal);
    if (read.state != body_state::complete) co_return false;
    r_.consumed = side_.in.size() - head_bytes_;
    r_.leftover = std::move(read.behind);
    body_ = std::move(read.bytes);
    co_return true;
}

net::awaitable<bool> model_call::understand_body() {
    result<void> understood;
    std::function<void()> work = [&] { understood = request_.understand(std::move(body_), how_, x_.request_id); };
    co_await door_.work(body_.size(), flow_, std::move(work));
    if (!understood) co_return fail(understood.error());
    if (!held_.resize(request_.memory())) co_return fail_for_room();
    co_return true;
}

net::awaitable<bool> model_call::choose_model() {
    const auto& options = door_.shared.options;
    const bool embeds = is_embedding(request_.kind);
    const auto usual = embeds ? options.embed_model : agent() ? agent()->model : options.model;
    model_ = model_door::with_tag(request_.asked_model.empty() ? usual : request_.asked_model);
    const auto refuse = [&](errc code, std::string detail, const std::string& hint) {
        return fail(error{code, fault::client, retry::never, std::move(detail)}, hint);
    };
    if (!door_.serves(model_))
        co_return refuse(errc::not_found, "model '" + request_.asked_model + "' not found",
                         "This pod serves " + door_.served_models() +
                             "; another one would push them out of memory (OPENCLAW_MODEL sets it)");
    if (embeds && !door_.is_embedding_model(model_))
        co_return refuse(errc::bad_request, "\"" + model_ + "\" is not the embedding model",
                         "Use " + options.embed_model + " (CLAWGATE_EMBED_MODEL)");
    if (!embeds && !door_.is_chat_model(model_))
        co_return refuse(errc::bad_request, "\"" + model_ + "\" is for embeddings only",
                         "This pod serves " + door_.served_models());
    auto facts = co_await door_.facts_of(model_);
    if (const auto waits = facts ? std::string{} : door_.download_under_way(model_); !waits.empty())
        co_return fail(error{errc::unreachable, fault::upstream, retry::later, waits},
                       "It can be used as soon as it is there");
    if (!facts)
        co_return fail(facts.error(), "It is downloaded at the start when OPENCLAW_MODEL_AUTO_PULL is true");
    facts_ = std::move(*facts);
    co_return true;
}

net::awaitable<bool> model_call::prepare() {
    const auto policy = ollama::policy_for(door_.shared.options, agent(), facts_);
    auto pruning = ollama::pruning_for(behaviour());
    pruning.bytes_per_token = door_.calibration(model_).bytes_per_token();
    result<void> ready;
    std::function<void()> work = [&] { ready = request_.prepare(policy, pruning); };
    co_await door_.work(request_.memory(), flow_, std::move(work));
    if (!ready) co_return fail(ready.error());
    if (!held_.resize(request_.memory())) co_return fail_for_room();
    co_return true;
}

ollama::call_request model_call::turn_request() {
    ollama::call_request t;
    const bool person = !agent();
    t.flow = flow_;
    t.rank = person ? ollama::priority::person : ollama::priority::agent;
    for (const auto& f : x_.head.fields) { // lowers a call's own class, never raises it
        if (!net::equal_ignoring_case(f.name, "Clawgate-Priority")) continue;
        if (net::equal_ignoring_case(f.value, "background")) t.rank = ollama::priority::background;
        if (net::equal_ignoring_case(f.value, "agent")) t.rank = std::max(t.rank, ollama::priority::agent);
    }
    t.max_concurrent = static_cast<unsigned>(person ? door_.shared.options.ollama.num_parallel
                                                    : behaviour().max_concurrent);
    t.model = model_;
    if (!is_embedding(request_.kind)) t.model_slots = door_.slots.of(model_);
    t.bytes = request_.edits.size();
    t.prompt_tokens = request_.prompt_tokens;
    t.answer_tokens = is_embedding(request_.kind)
                          ? 1
                          : door_.usage.of(caller_name(), model_).mean_answer_tokens();
    t.prefixes = std::move(request_.prefixes);
    return t;
}

net::awaitable<bool> model_call::wait_for_turn(call_client& client, model_turn& turn) {
    asked_ = steady_clock::now();
    auto joined = turn.join(turn_request(), behaviour().timeout);
    if (!joined) co_return fail(joined.error(), "The queue is full (OLLAMA_MAX_QUEUE)");
    bool taken = true;
    while (!turn.has_come() && !client.over() && taken) {
        const auto due = client.next_sign_of_life(*request_.writer);
        if (steady_clock::now() < due)
            co_await client.sleep_until(due);
        else
            taken = co_await client.sign_of_life(*request_.writer);
    }
    if (turn.has_come() && !client.over() && taken) co_return true;
    turn.done(ollama::cost_of({})); // nothing of it reached the server
    r_.status = 499;
    co_return false;
}

net::awaitable<void> model_call::take_turn(call_client& client, model_turn& turn, model_answer& answer) {
    const bool my_turn = co_await wait_for_turn(client, turn);
    if (!my_turn) co_return;
    dispatched_ = steady_clock::now();
    co_await answer.run(behaviour().timeout);
    auto course = answer.course();
    course.prompt_tokens_a_second = door_.usage.of(caller_name(), model_).prompt_tokens_a_second();
    turn.done(ollama::cost_of(course)); // the server is free for the next one
    static_cast<void>(held_.resize(0));
    co_await answer.finish(r_);
}

void model_call::account(const call_client& client, const model_answer& answer) {
    auto& used = door_.usage.of(caller_name(), model_);
    ++used.requests;
    used.heartbeats += client.heartbeats();
    used.queued += (dispatched_ == steady_time{} ? steady_clock::now() : dispatched_) - asked_;
    used.reloads_avoided += request_.foreign_runner ? 1 : 0;
    used.pruned_bytes += request_.pruned.bytes_before - request_.pruned.bytes_after;
    if (r_.status == 499)
        ++used.canceled;
    else if (!r_.error.empty())
        ++used.failed;
    const auto course = answer.course();
    auto numbers = answer.numbers().value_or(ollama::final_numbers{});
    numbers.answer_tokens = std::max(numbers.answer_tokens, course.records);
    used.add(numbers);
    // Pruning's own count of bytes, in which pictures weigh what they cost.
    if (answer.numbers() && request_.kind == ollama::call_kind::chat && numbers.prompt_tokens && request_.pruned.bytes_after)
        door_.calibration(model_).learn(request_.pruned.bytes_after, numbers.prompt_tokens);
    if (answer.numbers() || course.records > 0) log_usage(numbers);
}

void model_call::log_usage(const ollama::final_numbers& n) const {
    const auto ms = [](auto d) {
        return std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(d).count()};
    };
    log::event(log_level::info, "model call",
               {{"caller", caller_name()},
                {"model", model_},
                {"prompt_tokens", static_cast<std::int64_t>(n.prompt_tokens)},
                {"answer_tokens", static_cast<std::int64_t>(n.answer_tokens)},
                {"queued_ms", ms(dispatched_ - asked_)},
                {"load_ms", ms(n.load)},
                {"prefill_ms", ms(n.prefill)},
                {"generation_ms", ms(n.generation)},
                {"pruned_bytes",
                 static_cast<std::int64_t>(request_.pruned.bytes_before - request_.pruned.bytes_after)},
                {"id", x_.request_id}});
}

net::awaitable<proxy_result> model_call::run() {
    r_.body_unread = x_.head.body != net::body_kind::none;
    const bool read = co_await read_body();
    if (!read) co_return std::move(r_);
    side_.wait(waiting_for::model_turn);
    const bool understood = co_await understand_body();
    const bool chosen = understood && co_await choose_model();
    const bool ready = chosen && co_await prepare();
    if (!ready) co_return std::move(r_);

    call_client client{side_, x_};
    model_turn turn{is_embedding(request_.kind) ? door_.embeddings : door_.turns,
                    [&client] { client.notify(); }};
    model_answer answer{client, door_, request_, turn};
    client.start_watching();
    std::exception_ptr failed;
    try {
        co_await take_turn(client, turn, answer);
    } catch (...) {
        failed = std::current_exception();
    }
    // Whatever happened: they use what is about to go.
    co_await answer.stop();
    co_await client.stop_watching();
    if (failed) std::rethrow_exception(failed);
    account(client, answer);
    side_.wait(waiting_for::client_bytes);
    co_return std::move(r_);
}

} // namespace

net::awaitable<proxy_result> serve_model_call(client_side& client, exchange& x, std::size_t head_bytes,
                                              model_interface how) {
    model_call call{client, x, head_bytes, how};
    co_return co_await call.run();
}

} // namespace clawgate::app
