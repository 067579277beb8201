#include "app/model_call.hpp"

#include "app/answer_sink.hpp"
#include "app/body_reader.hpp"
#include "app/error_shapes.hpp"
#include "core/log.hpp"
#include "ollama_client/native_writer.hpp"
#include "ollama_client/prompt_prefixes.hpp"

#include <boost/asio/co_spawn.hpp>

namespace clawgate::app {
namespace {

using ollama::call_kind;

constexpr std::size_t held_answer_bytes = 256 * 1024; // then the server waits for the client
constexpr std::size_t most_held_bodies = 512ull << 20;
constexpr std::size_t longest_error = 1u << 20;
constexpr std::size_t largest_embeddings = 64u << 20;

std::string_view path_of(call_kind k) {
    switch (k) {
    case call_kind::chat: return "/api/chat";
    case call_kind::generate: return "/api/generate";
    case call_kind::embed: return "/api/embed";
    case call_kind::embeddings: return "/api/embeddings";
    }
    return "/";
}

bool is_embedding(call_kind k) {
    return k == call_kind::embed || k == call_kind::embeddings;
}

int status_of(const error& e) {
    switch (e.code) {
    case errc::bad_request: return 400;
    case errc::forbidden: return 403;
    case errc::not_found: return 404;
    case errc::too_large: return 413;
    case errc::canceled: return 499;
    case errc::locked_out:
    case errc::unreachable: return 503;
    case errc::timeout: return 504;
    default: return e.whose == fault::client ? 400 : 502;
    }
}

reply refusal(const error& e, std::string_view hint = {}) {
    auto r = json_error(status_of(e), to_string(e.code), e.detail, hint);
    if (r.status == 503) r.with("Retry-After", "5");
    return r;
}

/// Embeddings come as one object, which passes as it is.
class whole_writer final : public ollama::response_writer {
public:
    std::string_view content_type() const override { return "application/json"; }
    bool streams() const override { return false; }
    void record(std::string_view line, std::string& out) override { out.append(line); }
    void heartbeat(std::string& out) override { out.push_back(' '); }
    void fail(int, std::string_view message, std::string& out) override {
        out.append(ollama::native_error(message));
    }
    std::string error_body(int, std::string_view message) const override {
        return ollama::native_error(message);
    }
};

result<std::string> checked_object(std::string_view text) {
    if (auto members = ollama::scan_object(text); !members) return members.error();
    return std::string{text};
}

class model_call final : public turn_taker {
public:
    model_call(client_side& client, exchange& x, std::size_t head_bytes, model_interface how)
        : client_{client}
        , x_{x}
        , door_{*client.home.model}
        , kind_{how.kind}
        , how_{how}
        , head_bytes_{head_bytes}
        , sink_{client, x}
        , wake_{client.home.io.get_executor()}
        , room_{client.home.io.get_executor()} {}
    ~model_call() override { hold(0); }

    net::awaitable<proxy_result> run();

    void granted() override {
        granted_ = true;
        notify();
    }
    void ended_by(const error& why) override {
        if (!fetching_) return;
        if (!failure_) failure_ = why;
        server_->abandon();
    }

private:
    net::awaitable<bool> read_body();
    bool understand_body();
    net::awaitable<bool> choose_model();
    bool set_parameters();
    net::awaitable<bool> wait_for_turn();
    net::awaitable<void> fetch();
    net::awaitable<void> fetch_lines();
    void take_line(std::string_view line);
    net::awaitable<void> answer();
    net::awaitable<void> finish_answer();
    std::optional<std::pair<int, std::string>> problem_of_server();
    void start(net::awaitable<void> helper, bool& running);
    net::awaitable<void> watch_client();
    net::awaitable<void> stop_helpers();
    net::awaitable<bool> sign_of_life();
    net::awaitable<void> sleep_until(steady_time when);

    void hold(std::size_t bytes) {
        *body_bytes_ = *body_bytes_ - held_ + bytes;
        held_ = bytes;
    }
    void notify() { wake_.cancel(); }
    bool fail(const error& e, std::string_view hint = {}) {
        r_.answer = refusal(e, hint);
        r_.error = std::string{to_string(e.code)} + ": " + e.detail;
        return false;
    }
    [[nodiscard]] bool over() const { return client_.left() || client_.expired(); }
    [[nodiscard]] turn_queue& queue() { return is_embedding(kind_) ? door_.embeddings : door_.turns; }
    [[nodiscard]] steady_time next_sign_of_life() const {
        const bool may_wait = !writer_->streams() && !sink_.begun();
        return last_sent_ +
               (may_wait ? door_.shared.options.silence.first : door_.shared.options.silence.stream);
    }
    [[nodiscard]] const agent_options* agent() const { return x_.as_agent ? x_.as_agent->options : nullptr; }
    [[nodiscard]] std::string caller_name() const { return agent() ? agent()->name : "person"; }
    [[nodiscard]] ollama::call_request turn_request();
    void account();

    client_side& client_;
    exchange& x_;
    model_door& door_;
    call_kind kind_;
    model_interface how_;
    std::optional<ollama::translated_embeddings> embeddings_;
    std::size_t head_bytes_;
    answer_sink sink_;
    net::timer wake_; ///< cancelled when something has happened
    net::timer room_; ///< cancelled when the client has taken what was held

    std::string body_;
    std::shared_ptr<std::size_t> body_bytes_ = door_.body_bytes;
    std::size_t held_ = 0;
    ollama::native_request native_;
    std::vector<ollama::native_message> messages_; ///< of a chat
    std::string model_; ///< with its tag
    ollama::call_policy policy_;
    ollama::edited_text edits_;
    ollama::pruning_report pruned_;
    bool foreign_runner_ = false; ///< without the door this call would have reloaded the model
    std::unique_ptr<ollama::response_writer> writer_;

    ollama::call_id turn_ = 0;
    bool granted_ = false;
    steady_time asked_{};
    steady_time dispatched_{};
    steady_time last_sent_{};

    std::optional<ollama::server_call> server_;
    ollama::line_splitter lines_;
    std::string out_; ///< made, not yet sent
    bool fetching_ = false;
    bool watching_ = false;
    bool stop_ = false;
    bool gone_ = false; ///< the client, or its time
    bool saw_final_ = false;
    std::optional<error> failure_; ///< of the server
    int server_status_ = 200;
    std::string whole_; ///< an answer that is no stream: embeddings, errors
    ollama::final_numbers numbers_;
    unsigned heartbeats_ = 0;
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
    limits.may_hold = [this](std::size_t bytes) {
        if (*body_bytes_ - held_ + bytes > most_held_bodies) return false;
        hold(bytes);
        return true;
    };
    auto read = co_await read_whole_body(client_, x_.head, head_bytes_, limits);
    client_.forgive();
    r_.body_unread = read.state != body_state::complete;
    r_.bytes_in = read.bytes.size();
    if (read.state == body_state::gone) r_.status = 499;
    if (read.state == body_state::refused) r_.answer = std::move(read.refusal);
    if (read.state != body_state::complete) co_return false;
    r_.consumed = client_.in.size() - head_bytes_;
    r_.leftover = std::move(read.behind);
    body_ = std::move(read.bytes);
    co_return true;
}

bool model_call::understand_body() {
    if (how_.translate) {
        auto translated = how_.translate(body_, x_.request_id);
        if (!translated) return fail(translated.error());
        kind_ = translated->kind;
        body_ = std::move(translated->body);
        writer_ = std::move(translated->writer);
    } else if (how_.openai_embeddings) {
        auto translated = ollama::translate_embeddings(body_);
        if (!translated) return fail(translated.error());
        body_ = translated->body;
        embeddings_ = std::move(*translated);
    }
    hold(body_.size());
    auto native = ollama::read_native(kind_, body_);
    if (!native) return fail(native.error());
    native_ = std::move(*native);
    if (kind_ == call_kind::chat) {
        auto messages = ollama::read_messages(native_);
        if (!messages) return fail(messages.error());
        messages_ = std::move(*messages);
    }
    if (is_embedding(kind_))
        writer_ = std::make_unique<whole_writer>();
    else if (!writer_)
        writer_ = ollama::make_native_writer(kind_, native_.stream, native_.model);
    return true;
}

net::awaitable<bool> model_call::choose_model() {
    const auto& options = door_.shared.options;
    const auto usual = is_embedding(kind_) ? options.embed_model : agent() ? agent()->model : options.model;
    model_ = model_door::with_tag(native_.model.empty() ? usual : native_.model);
    if (!door_.serves(model_)) {
        co_return fail(
            error{errc::not_found, fault::client, retry::never, "model '" + native_.model + "' not found"},
            "This pod serves " + door_.served_models() +
                "; another one would push them out of memory (OPENCLAW_MODEL sets it)");
    }
    if (is_embedding(kind_) && !door_.is_embedding_model(model_))
        co_return fail(error{errc::bad_request, fault::client, retry::never,
                             "\"" + model_ + "\" is not the embedding model"},
                       "Use " + options.embed_model + " (CLAWGATE_EMBED_MODEL)");
    auto facts = co_await door_.facts_of(model_);
    if (const auto waits = facts ? std::string{} : door_.download_under_way(model_); !waits.empty())
        co_return fail(error{errc::unreachable, fault::upstream, retry::later, waits},
                       "It can be used as soon as it is there");
    if (!facts)
        co_return fail(facts.error(), "It is downloaded at the start when OPENCLAW_MODEL_AUTO_PULL is true");
    policy_ = ollama::policy_for(options, agent(), *facts);
    co_return true;
}

bool model_call::set_parameters() {
    edits_ = ollama::edited_text{body_};
    if (kind_ == call_kind::chat) {
        auto pruning = ollama::pruning_for(agent() ? agent()->behaviour : door_.shared.options.behaviour);
        pruning.context_tokens = std::min(pruning.context_tokens, policy_.runner.num_ctx);
        pruning.bytes_per_token = door_.calibration(model_).bytes_per_token();
        pruned_ = ollama::prune(native_, pruning, edits_);
    }
    const auto* asked_ctx = native_.find_option("num_ctx");
    foreign_runner_ =
        !is_embedding(kind_) &&
        (!asked_ctx || asked_ctx->value != std::to_string(policy_.runner.num_ctx) || !native_.find("shift"));
    if (auto ok = ollama::set_parameters(native_, policy_, edits_); !ok) return fail(ok.error());
    return true;
}

ollama::call_request model_call::turn_request() {
    const auto& options = door_.shared.options;
    ollama::call_request t;
    const bool person = !agent();
    t.flow = person ? "person " + x_.client.to_string() : agent()->name;
    t.rank = person ? ollama::priority::person : ollama::priority::agent;
    for (const auto& f : x_.head.fields) { // lowers a call's own class, never raises it
        if (!net::equal_ignoring_case(f.name, "Clawgate-Priority")) continue;
        if (net::equal_ignoring_case(f.value, "background")) t.rank = ollama::priority::background;
        if (net::equal_ignoring_case(f.value, "agent")) t.rank = std::max(t.rank, ollama::priority::agent);
    }
    t.max_concurrent =
        static_cast<unsigned>(person ? options.ollama.num_parallel : agent()->behaviour.max_concurrent);
    const auto bytes = edits_.size();
    t.bytes = bytes;
    const auto per_byte = 1.0 / door_.calibration(model_).bytes_per_token();
    t.prompt_tokens = static_cast<std::uint32_t>(static_cast<double>(bytes) * per_byte);
    t.answer_tokens = door_.usage.of(caller_name(), model_).mean_answer_tokens();
    if (!is_embedding(kind_)) t.prefixes = ollama::prefixes_of(native_, messages_, model_, per_byte);
    return t;
}

net::awaitable<void> model_call::sleep_until(steady_time when) {
    wake_.expires_at(when);
    auto waited = co_await wake_.async_wait(net::tok);
    static_cast<void>(waited);
}

/// An empty record, a comment or a space: clients ignore it, and nothing in between closes an idle
/// connection.
net::awaitable<bool> model_call::sign_of_life() {
    std::string sign;
    writer_->heartbeat(sign);
    ++heartbeats_;
    last_sent_ = steady_clock::now();
    co_return co_await sink_.send(writer_->content_type(), sign);
}

net::awaitable<bool> model_call::wait_for_turn() {
    asked_ = last_sent_ = steady_clock::now();
    const auto id = queue().join(turn_request(), *this);
    if (!id) co_return fail(id.error(), "The queue is full (OLLAMA_MAX_QUEUE)");
    bool taken = true;
    while (!granted_ && !over() && taken) {
        const auto due = next_sign_of_life();
        if (steady_clock::now() < due) {
            co_await sleep_until(due);
            continue;
        }
        taken = co_await sign_of_life();
    }
    turn_ = *id;
    if (granted_ && !over() && taken) co_return true;
    if (granted_)
        queue().done(*id, 0, 0);
    else
        queue().leave(*id);
    r_.status = 499;
    co_return false;
}

void model_call::take_line(std::string_view line) {
    if (const auto message = ollama::error_of_record(line); !message.empty()) {
        failure_ = error{errc::bad_upstream, fault::upstream, retry::later, message};
        return;
    }
    if (!ollama::scan_object(line)) {
        failure_ = error{errc::bad_upstream, fault::upstream, retry::later,
                         "the model server sent something that is not a record"};
        return;
    }
    if (ollama::is_final_record(line)) {
        saw_final_ = true;
        if (auto n = ollama::numbers_of(line)) numbers_ = std::move(*n);
    }
    writer_->record(line, out_);
}

net::awaitable<void> model_call::fetch_lines() {
    while (!stop_) {
        auto piece = co_await server_->read();
        if (!piece) {
            if (!failure_) failure_ = piece.error();
            co_return;
        }
        if (piece->empty()) co_return;
        door_.note_record();
        lines_.feed(*piece);
        for (;;) {
            auto line = lines_.next();
            if (!line) {
                failure_ = line.error();
                co_return;
            }
            if (!*line) break;
            if (!failure_ && !saw_final_) take_line(**line);
        }
        notify();
        while (out_.size() > held_answer_bytes && !stop_) {
            room_.expires_at(steady_time::max());
            auto waited = co_await room_.async_wait(net::tok);
            static_cast<void>(waited);
        }
    }
}

/// The server's side of the call; runs beside answer(), which it wakes.
net::awaitable<void> model_call::fetch() {
    const auto pieces = edits_.pieces();
    const auto sent = co_await server_->send("POST", path_of(kind_), pieces);
    if (!sent) {
        if (!failure_) failure_ = sent.error();
        co_return;
    }
    server_status_ = server_->status();
    if (server_status_ != 200 || is_embedding(kind_)) {
        auto all = co_await server_->read_all(server_status_ == 200 ? largest_embeddings : longest_error);
        if (all)
            whole_ = std::move(*all);
        else if (!failure_)
            failure_ = all.error();
        if (all) door_.note_record();
        co_return;
    }
    co_await fetch_lines();
    // A last line without its end is a record too (Ollama ends one object like that), unless it was cut off.
    if (const auto rest = lines_.rest();
        !failure_ && !saw_final_ &&
        (ollama::is_final_record(rest) || !ollama::error_of_record(rest).empty()))
        take_line(rest);
}

/// Notices at once when the client leaves: nothing is read from it while it waits.
net::awaitable<void> model_call::watch_client() {
    auto& socket = client_.stream->lowest();
    auto [ec] = co_await socket.async_wait(net::socket::wait_read, net::tok);
    // Otherwise its next request is there already, and the watchdog's tick looks for the rest of the call.
    if (!stop_ && !ec && net::peer_has_left(socket)) client_.has_left();
}

/// Starts one of the coroutines that run beside this one; `running` is false again when it has ended.
void model_call::start(net::awaitable<void> helper, bool& running) {
    running = true;
    auto ended = [this, &running](std::exception_ptr failed) {
        if (failed && !failure_) failure_ = error{errc::io, fault::gateway, retry::never, "internal error"};
        running = false;
        notify();
    };
    net::asio::co_spawn(client_.home.io.get_executor(), std::move(helper), std::move(ended));
}

net::awaitable<void> model_call::stop_helpers() {
    stop_ = true;
    while (fetching_ || watching_) {
        if (fetching_) server_->abandon();
        if (watching_) client_.stream->cancel();
        room_.cancel();
        co_await sleep_until(steady_clock::now() + std::chrono::seconds{1});
    }
}

net::awaitable<void> model_call::answer() {
    dispatched_ = steady_clock::now();
    const auto& behaviour = agent() ? agent()->behaviour : door_.shared.options.behaviour;
    const auto deadline = dispatched_ + behaviour.timeout;
    server_.emplace(door_.link());
    start(fetch(), fetching_);
    bool taken = true;
    while (fetching_ && taken && !over()) {
        const auto now = steady_clock::now();
        if (writer_->streams() && !out_.empty()) {
            const auto made = std::exchange(out_, {});
            room_.cancel();
            last_sent_ = now;
            taken = co_await sink_.send(writer_->content_type(), made);
        } else if (now >= deadline) {
            failure_ =
                error{errc::timeout, fault::upstream, retry::later,
                      "the model did not finish within " + std::to_string(behaviour.timeout.count()) + " s"};
            break;
        } else if (now >= next_sign_of_life()) {
            taken = co_await sign_of_life();
        } else {
            co_await sleep_until(std::min(deadline, next_sign_of_life()));
        }
    }
    gone_ = !taken || over();
}

/// What went wrong on the server's side, if anything did.
std::optional<std::pair<int, std::string>> model_call::problem_of_server() {
    if (server_status_ != 200 && !failure_) {
        auto message = ollama::error_of_record(whole_);
        return std::pair{server_status_, message.empty()
                                             ? "the model server answered " + std::to_string(server_status_)
                                             : message};
    }
    if (failure_) {
        const auto reported =
            failure_->whose == fault::upstream && failure_->code == errc::bad_upstream && !saw_final_;
        return std::pair{reported ? 500 : status_of(*failure_), failure_->detail};
    }
    if (!is_embedding(kind_)) {
        if (saw_final_) return std::nullopt;
        return std::pair{502, std::string{"the model server ended its answer early"}};
    }
    auto converted = embeddings_ ? ollama::embeddings_answer(*embeddings_, whole_) : checked_object(whole_);
    if (!converted)
        return std::pair{502, "the model server's answer cannot be read: " + converted.error().detail};
    out_ = std::move(*converted);
    return std::nullopt;
}

net::awaitable<void> model_call::finish_answer() {
    r_.bytes_out = sink_.bytes();
    if (gone_) {
        r_.status = 499;
        r_.error = "canceled: the client left";
        r_.truncated = sink_.begun();
        co_return;
    }
    const auto problem = problem_of_server();
    if (problem) {
        r_.error = problem->second;
        if (!sink_.begun() && out_.empty()) {
            r_.answer = json_error(problem->first, "model_error", problem->second, {});
            if (problem->first == 503) r_.answer.with("Retry-After", "5");
            co_return;
        }
        writer_->fail(problem->first, problem->second, out_);
    }
    r_.status = 200;
    const bool taken = co_await sink_.finish(writer_->content_type(), out_);
    r_.bytes_out = sink_.bytes();
    r_.keep_alive = taken && sink_.keeps_alive();
}

void model_call::account() {
    auto& used = door_.usage.of(caller_name(), model_);
    ++used.requests;
    used.heartbeats += heartbeats_;
    used.queued += (dispatched_ == steady_time{} ? steady_clock::now() : dispatched_) - asked_;
    used.reloads_avoided += foreign_runner_ ? 1 : 0;
    used.pruned_bytes += pruned_.bytes_before - pruned_.bytes_after;
    if (r_.status == 499)
        ++used.canceled;
    else if (!r_.error.empty())
        ++used.failed;
    if (!saw_final_) return;
    used.add(numbers_);
    // Pruning's own count of bytes, in which pictures weigh what they cost.
    if (numbers_.prompt_tokens && pruned_.bytes_after)
        door_.calibration(model_).learn(pruned_.bytes_after, numbers_.prompt_tokens);
    const auto ms = [](auto d) {
        return std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(d).count()};
    };
    log::event(log_level::info, "model call",
               {{"caller", caller_name()},
                {"model", model_},
                {"prompt_tokens", static_cast<std::int64_t>(numbers_.prompt_tokens)},
                {"answer_tokens", static_cast<std::int64_t>(numbers_.answer_tokens)},
                {"queued_ms", ms(dispatched_ - asked_)},
                {"load_ms", ms(numbers_.load)},
                {"prefill_ms", ms(numbers_.prefill)},
                {"generation_ms", ms(numbers_.generation)},
                {"pruned_bytes", static_cast<std::int64_t>(pruned_.bytes_before - pruned_.bytes_after)},
                {"id", x_.request_id}});
}

net::awaitable<proxy_result> model_call::run() {
    r_.body_unread = x_.head.body != net::body_kind::none;
    const bool read = co_await read_body();
    if (!read || !understand_body()) co_return std::move(r_);
    const bool chosen = co_await choose_model();
    if (!chosen || !set_parameters()) co_return std::move(r_);

    client_.wait(waiting_for::model_turn);
    client_.set_waker([this] { notify(); });
    start(watch_client(), watching_);
    const bool my_turn = co_await wait_for_turn();
    if (my_turn) co_await answer();
    co_await stop_helpers();
    client_.set_waker({});
    if (my_turn) {
        queue().done(turn_, static_cast<std::uint32_t>(numbers_.prompt_tokens),
                     static_cast<std::uint32_t>(numbers_.answer_tokens));
        hold(0);
        co_await finish_answer();
    }
    account();
    client_.wait(waiting_for::client_bytes);
    co_return std::move(r_);
}

} // namespace

net::awaitable<proxy_result> serve_model_call(client_side& client, exchange& x, std::size_t head_bytes,
                                              model_interface how) {
    model_call call{client, x, head_bytes, how};
    co_return co_await call.run();
}

} // namespace clawgate::app
