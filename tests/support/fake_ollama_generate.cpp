// Chat and generate of fake_ollama: checks in Ollama's order, load, prefill, a paced stream, and the faults.

#include "support/fake_ollama_parts.hpp"
#include "support/fake_ollama_prompt.hpp"

#include <algorithm>
#include <cmath>

namespace clawgate::support {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

/// A request that was understood.
struct generation_request {
    generation g;
    std::optional<nanoseconds> keep_alive;
    bool load_only = false;
    int status = 0; ///< of the refusal, with its words
    std::string problem;
};

void refuse(generation_request& r, int status, std::string problem) {
    r.status = status;
    r.problem = std::move(problem);
}

/// Ollama's own order: what the model cannot do, then the types of the options.
void check(generation_request& r, const json& request) {
    const auto& g = r.g;
    const auto& tools = member_of(request, "tools");
    const auto& think = member_of(request, "think");
    const bool wants_thinking = think.is_string() || (think.is_boolean() && think.get<bool>());
    if (wants_thinking && !ollama_state::has_thinking(g.model)) {
        return refuse(r, 400, "\"" + g.asked + "\" does not support thinking");
    }
    if (ollama_state::is_embedding(g.model)) {
        const auto* what = g.chat ? "chat" : "generate";
        return refuse(r, 400, "\"" + g.asked + "\" does not support " + what);
    }
    if (tools.is_array() && !tools.empty() && !ollama_state::has_tools(g.model)) {
        return refuse(r, 400, g.model + " does not support tools");
    }
    auto problem = option_problem(member_of(request, "options"));
    if (!problem.empty()) refuse(r, 500, std::move(problem));
}

bool unloads(const generation_request& r) {
    return r.load_only && r.keep_alive && r.keep_alive->count() == 0;
}

void read_prompt(const ollama_state& state, generation_request& r, const json& request) {
    auto& g = r.g;
    const auto& messages = member_of(request, "messages");
    r.load_only =
        g.chat ? !messages.is_array() || messages.empty() : string_of(member_of(request, "prompt")).empty();
    if (r.load_only) return;
    if (!g.chat) {
        g.user_text = string_of(member_of(request, "prompt"));
        g.prompt = generate_prompt(request);
        return;
    }
    const auto& truncate = member_of(request, "truncate");
    const bool truncates = !truncate.is_boolean() || truncate.get<bool>();
    const auto limit = state.settings_of(request, g.model).num_ctx;
    g.user_text = text_of_user(messages);
    g.prompt = chat_prompt(request, truncates ? static_cast<std::size_t>(limit) : SIZE_MAX);
    g.tool_calls = tool_call_for(request, tool_order_of(messages));
}

generation_request understand(const ollama_state& state, const json& request, const std::string& model,
                              bool chat) {
    generation_request r;
    auto& g = r.g;
    g.chat = chat;
    g.model = model;
    g.asked = string_of(member_of(request, "model"));
    r.keep_alive = read_keep_alive(member_of(request, "keep_alive"), r.problem);
    if (!r.problem.empty()) {
        r.status = 400;
        return r;
    }
    read_prompt(state, r, request);
    if (unloads(r)) return r;
    check(r, request);
    if (!r.problem.empty()) return r;
    g.settings = state.settings_of(request, model);
    g.format = member_of(request, "format");
    const auto& stream = member_of(request, "stream");
    g.stream = !stream.is_boolean() || stream.get<bool>();
    const auto& think = member_of(request, "think");
    g.thinking = ollama_state::has_thinking(model) && (!think.is_boolean() || think.get<bool>());
    const auto& options = member_of(request, "options");
    const auto& predict = member_of(options, "num_predict");
    if (predict.is_number()) g.num_predict = static_cast<std::int64_t>(predict.get<double>());
    const auto& stop = member_of(options, "stop");
    if (stop.is_array()) g.stop = stop.get<std::vector<std::string>>();
    return r;
}

/// Sends NDJSON lines; the head goes out with the first one, not before.
class line_writer {
public:
    line_writer(exchange& e, model_call& call, milliseconds pace)
        : exchange_{e}
        , call_{call}
        , pace_{pace} {}

    [[nodiscard]] bool begun() const { return begun_; }

    awaitable<call_progress> send(const json& line) {
        const auto text = dump(line) + "\n";
        co_return co_await send_text(text);
    }
    awaitable<call_progress> send_text(const std::string& text) {
        bool sent = true;
        const auto pace = begun_ ? pace_ : milliseconds{0};
        const auto progress = co_await call_.work(pace);
        if (progress != call_progress::ready) co_return progress;
        if (!begun_) {
            begun_ = true;
            sent = co_await exchange_.send_head(200, "Content-Type: application/x-ndjson\r\n"
                                                     "Transfer-Encoding: chunked\r\n");
        }
        if (sent) sent = co_await exchange_.send_chunk(text);
        co_return sent ? call_progress::ready : call_progress::left;
    }
    awaitable<bool> end() { return exchange_.send("0\r\n\r\n"); }

private:
    exchange& exchange_;
    model_call& call_;
    milliseconds pace_;
    bool begun_{false};
};

bool is_late(const std::string& fault) {
    return fault == "error-mid" || fault == "cut" || fault == "stall" || fault == "drop" ||
           fault == "garbage";
}

/// Faults in the middle of a stream, after its second line.
awaitable<void> late_fault(exchange& e, model_call& call, line_writer& out, const std::string& fault) {
    if (fault == "error-mid") {
        const json line{{"error", terminated}};
        co_await out.send(line);
        co_await out.end();
    } else if (fault == "garbage") {
        const std::string line{"<html>502 Bad Gateway</html>\n"};
        co_await out.send_text(line);
        co_await out.end();
    } else if (fault == "cut") {
        co_await out.end();
    } else if (fault == "stall") {
        co_await call.hang();
    } else {
        co_await e.pause(milliseconds{20}); // else the reset overtakes the lines in the peer's receive queue
        e.reset_after();
    }
}

/// Evaluates the part of the prompt that the slot did not have.
awaitable<call_progress> prefill(ollama_state& state, model_call& call, const generation& g,
                                 generation_numbers& n) {
    n.prompt_tokens = tokens_of_bytes(g.prompt.size());
    const auto cached = std::min(call.common() / 4, n.prompt_tokens - 1); // one is always evaluated
    n.prefilled_tokens = n.prompt_tokens - cached;
    n.prefill_rate = state.options.prefill_rate;
    const std::chrono::duration<double> d{n.prefill_rate > 0 ? double(n.prefilled_tokens) / n.prefill_rate
                                                             : 0.0};
    const auto began = steady_clock::now();
    const auto fixed = nanoseconds{state.options.prefill};
    const auto progress = co_await call.work(fixed + std::chrono::duration_cast<nanoseconds>(d));
    auto evaluated = n.prefilled_tokens;
    if (progress != call_progress::ready) {
        const std::chrono::duration<double> took = steady_clock::now() - began;
        evaluated = std::min(evaluated, static_cast<std::size_t>(took.count() * n.prefill_rate));
        call.keep((cached + evaluated) * 4);
    }
    state.prefilled_tokens += evaluated;
    state.cached_tokens += cached;
    state.publish();
    co_return progress;
}

awaitable<call_progress> stream_lines(exchange& e, model_call& call, line_writer& out, const generation& g,
                                      const std::vector<json>& lines, std::size_t& sent) {
    for (const auto& line : lines) {
        if (sent == 2 && is_late(g.fault)) {
            co_await late_fault(e, call, out, g.fault);
            co_return call_progress::left;
        }
        const auto progress = co_await out.send(line);
        if (progress != call_progress::ready) co_return progress;
        ++sent;
    }
    if (g.fault == "no-end") {
        co_await call.hang();
        co_return call_progress::left;
    }
    const bool ended = co_await out.end();
    co_return ended ? call_progress::ready : call_progress::left;
}

awaitable<bool> answer(const ollama_ptr& state, exchange& e, model_call& call, const generation& g,
                       generation_numbers n) {
    auto progress = co_await prefill(*state, call, g, n);
    const auto lines = lines_of(state->options, g, n);
    line_writer out{e, call, state->options.token_pace};
    std::size_t sent = 0;
    bool good = false;
    if (progress == call_progress::ready && g.stream) {
        progress = co_await stream_lines(e, call, out, g, lines, sent);
        good = progress == call_progress::ready;
        if (progress == call_progress::left) call.broken_off();
    } else if (progress == call_progress::ready) {
        progress = co_await call.work(state->options.token_pace * static_cast<int>(lines.size()));
        if (progress == call_progress::ready) {
            sent = lines.size();
            const auto whole = whole_of(g, lines, sent);
            good = co_await respond_json(e, 200, whole);
        }
    }
    if (progress == call_progress::failed && out.begun()) {
        const std::string line = dump(json{{"error", terminated}}) + "\n";
        good = co_await e.send_chunk(line);
        if (good) good = co_await out.end();
    } else if (progress == call_progress::failed) {
        good = co_await respond_failed(e);
    }
    const auto said = whole_of(g, lines, sent);
    call.append(assistant_text(g.chat ? said["message"] : json{{"content", said["response"]}}));
    co_return good;
}

awaitable<bool> respond_done(exchange& e, const generation& g, std::string reason) {
    auto line = record_of(g, "", "");
    line["done"] = true;
    line["done_reason"] = std::move(reason);
    co_return co_await respond_json(e, 200, line);
}

awaitable<bool> run(const ollama_ptr& state, exchange& e, generation_request r) {
    auto& g = r.g;
    if (g.fault == "busy") co_return co_await respond_error(e, 503, std::string{queue_full});
    if (g.fault == "close") {
        e.close_after();
        co_return false;
    }
    scheduled_call wanted{g.model, g.settings, r.keep_alive, !r.load_only, ollama_state::has_one_slot(g.model),
                          g.prompt};
    model_call call{state, e, std::move(wanted)};
    if (call.refused()) co_return co_await respond_error(e, 503, std::string{queue_full});
    const auto progress = co_await call.start();
    if (progress == call_progress::left) co_return false;
    if (progress == call_progress::failed) co_return co_await respond_failed(e);
    if (g.fault == "error-first") {
        co_return co_await respond_error(e, 500, "llama runner process has terminated: exit status 2");
    }
    if (g.fault == "hang") {
        co_await call.hang();
        co_return false;
    }
    if (r.load_only) co_return co_await respond_done(e, g, "load");
    generation_numbers n;
    n.load = call.load_duration();
    n.slot_wait = call.slot_wait();
    co_return co_await answer(state, e, call, g, n);
}

awaitable<bool> serve(const ollama_ptr& state, exchange& e, bool chat) {
    json request;
    const bool read = co_await read_json(e, chat ? "ChatRequest" : "GenerateRequest", request);
    if (!read) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    auto r = understand(*state, request, model, chat);
    if (!r.problem.empty()) co_return co_await respond_error(e, r.status, r.problem);
    if (unloads(r)) {
        state->scheduler.unload(model);
        state->publish();
        co_return co_await respond_done(e, r.g, "unload");
    }
    const auto planned = state->take_fault(false);
    const auto asked = planned.empty() ? word_after(r.g.user_text, "fault:") : planned;
    r.g.fault = e.head.get("x-fake-fault").value_or(asked);
    co_return co_await run(state, e, std::move(r));
}

} // namespace

awaitable<bool> serve_chat(const ollama_ptr& state, exchange& e) {
    return serve(state, e, true);
}

awaitable<bool> serve_generate(const ollama_ptr& state, exchange& e) {
    return serve(state, e, false);
}

} // namespace clawgate::support
