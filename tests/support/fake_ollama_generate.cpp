// Chat and generate of fake_ollama: load, prefill, a paced stream, the final record, and the faults.

#include "support/fake_ollama_parts.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace clawgate::support {

namespace {

using std::chrono::milliseconds;

/// One generation, whichever endpoint asked for it.
struct job {
    std::string model; ///< with its tag
    std::string asked; ///< as the request named it: answers repeat that
    bool chat{};
    bool stream{true};
    bool thinking{};
    std::string prompt; ///< what the user wrote last
    std::size_t prompt_bytes{};
    std::int64_t num_predict{-1};
    json tool_calls; ///< null: none
    std::string fault;
};

/// At most `limit` bytes, not ending inside a UTF-8 character.
std::string cut_text(const std::string& text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80)
        --limit;
    return text.substr(0, limit) + "…";
}

std::string text_of(const json& content) {
    if (content.is_string()) return content.get<std::string>();
    std::string text;
    if (content.is_array()) {
        for (const auto& part : content) {
            if (member_of(part, "text").is_string()) text += part["text"].get<std::string>();
        }
    }
    return text;
}

std::string answer_for(const ollama_state& state, const job& j) {
    if (!state.options.answer.empty()) return state.options.answer;
    return std::string{demo_answer_prefix} +
           ": no language model is running here. You wrote: " + cut_text(j.prompt, 300);
}

/// A word each, with the space before it, as tokens mostly come.
std::vector<std::string> tokens_of(const std::string& text) {
    std::vector<std::string> tokens;
    std::size_t start = 0;
    while (start < text.size()) {
        const auto end = text.find(' ', start + 1);
        tokens.push_back(text.substr(start, end == std::string::npos ? end : end - start));
        if (end == std::string::npos) break;
        start = end;
    }
    return tokens;
}

/// The word after `key` in the text.
std::string word_after(const std::string& text, std::string_view key) {
    const auto at = text.find(key);
    if (at == std::string::npos) return {};
    const auto start = at + key.size();
    auto end = start;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 ||
                                 text[end] == '-' || text[end] == '_' || text[end] == '.')) {
        ++end;
    }
    return text.substr(start, end - start);
}

json tool_call_for(const json& request, const std::string& prompt) {
    const auto name = word_after(prompt, "tool:");
    const auto& tools = member_of(request, "tools");
    if (name.empty() || !tools.is_array() || tools.empty()) return nullptr;
    const auto brace = prompt.find('{', prompt.find("tool:"));
    json arguments = json::object();
    if (brace != std::string::npos) {
        arguments = json::parse(prompt.substr(brace, prompt.rfind('}') + 1 - brace), nullptr, false);
        if (!arguments.is_object()) arguments = json::object();
    }
    json call;
    call["id"] = "call_" + random_hex(4);
    call["function"] = {{"index", 0}, {"name", name}, {"arguments", arguments}};
    return json::array({call});
}

/// The loaded runner serves only requests with the same of these.
std::string runner_options(const json& request) {
    constexpr std::array<const char*, 6> names{"num_ctx",  "num_batch", "num_gpu",
                                               "main_gpu", "use_mmap",  "num_thread"};
    json key = json::object();
    const auto& options = member_of(request, "options");
    for (const auto* name : names) {
        const auto& value = member_of(options, name);
        if (!value.is_null()) key[name] = value;
    }
    const auto& shift = member_of(request, "shift");
    key["shift"] = !shift.is_boolean() || shift.get<bool>();
    return key.dump();
}

std::string option_problem(const json& request) {
    constexpr std::array<const char*, 5> integers{"num_ctx", "num_predict", "num_gpu", "top_k", "seed"};
    const auto& options = member_of(request, "options");
    for (const auto* name : integers) {
        const auto& value = member_of(options, name);
        if (!value.is_null() && !value.is_number())
            return std::string{"option \""} + name + "\" must be of type integer";
    }
    return {};
}

/// Nothing, or the status and text of the refusal.
std::string request_problem(const json& request, const std::string& model, int& status) {
    status = 400;
    const auto& keep_alive = member_of(request, "keep_alive");
    if (keep_alive.is_string()) {
        const auto text = keep_alive.get<std::string>();
        if (text.empty() || std::isalpha(static_cast<unsigned char>(text.back())) == 0) {
            return "time: missing unit in duration \"" + text + "\"";
        }
    }
    if (ollama_state::is_embedding(model)) return "\"" + model + "\" does not support chat";
    const auto& think = member_of(request, "think");
    const bool wants_thinking = think.is_string() || (think.is_boolean() && think.get<bool>());
    const auto& tools = member_of(request, "tools");
    if (!ollama_state::has_tools_and_thinking(model)) {
        if (tools.is_array() && !tools.empty()) return model + " does not support tools";
        if (wants_thinking) return "\"" + model + "\" does not support thinking";
    }
    status = 500;
    return option_problem(request);
}

bool unloads(const json& request) {
    const auto& keep_alive = member_of(request, "keep_alive");
    return (keep_alive.is_number() && keep_alive.get<double>() == 0) || keep_alive == "0s" ||
           keep_alive == "0m";
}

json record_of(const job& j, const std::string& content, const std::string& thinking) {
    json line{{"model", j.asked}, {"created_at", now_rfc3339()}, {"done", false}};
    if (j.chat) {
        line["message"] = {{"role", "assistant"}, {"content", content}};
        if (!thinking.empty()) line["message"]["thinking"] = thinking;
    } else {
        line["response"] = content;
        if (!thinking.empty()) line["thinking"] = thinking;
    }
    return line;
}

/// Marks a record as the last one; nanoseconds, as Ollama counts.
void finish(json& line, const job& j, const std::string& reason, std::size_t tokens) {
    line["done"] = true;
    line["done_reason"] = reason;
    if (reason == "load" || reason == "unload") return;
    const auto prompt_tokens = std::max<std::size_t>(1, j.prompt_bytes / 4);
    line["load_duration"] = 1'000'000;
    line["prompt_eval_count"] = prompt_tokens;
    line["prompt_eval_duration"] = 1'000 * prompt_tokens;
    line["eval_count"] = tokens;
    line["eval_duration"] = 1'000'000 * std::max<std::size_t>(1, tokens);
    line["total_duration"] = 2'000'000 + 1'000'000 * tokens;
}

/// Counts a generation while it is under way.
class running_guard {
public:
    explicit running_guard(ollama_state& state)
        : state_{state} {
        const auto now = ++state_.running;
        if (now > state_.peak) state_.peak = now; // written on the server's thread only
    }
    ~running_guard() { --state_.running; }
    running_guard(const running_guard&) = delete;
    running_guard& operator=(const running_guard&) = delete;

private:
    ollama_state& state_;
};

/// Sends NDJSON lines; the head goes out with the first one, not before.
class line_writer {
public:
    line_writer(exchange& e, const ollama_state& state)
        : exchange_{e}
        , pace_{state.options.token_pace} {}

    awaitable<bool> send(const json& line) {
        const auto text = dump(line) + "\n";
        if (!begun_) {
            begun_ = true;
            if (!co_await exchange_.send_head(200, "Content-Type: application/x-ndjson\r\n"
                                                   "Transfer-Encoding: chunked\r\n")) {
                co_return false;
            }
        } else if (pace_.count() > 0 && !co_await exchange_.pause(pace_)) {
            co_return false;
        }
        co_return co_await exchange_.send_chunk(text);
    }

    awaitable<bool> end() { return exchange_.send("0\r\n\r\n"); }

private:
    exchange& exchange_;
    milliseconds pace_;
    bool begun_{false};
};

/// Faults that come instead of an answer. True when one did.
awaitable<bool> early_fault(exchange& e, const std::string& fault) {
    const bool known = fault == "error-first" || fault == "busy" || fault == "hang" || fault == "close";
    if (!known) co_return false;
    if (fault == "error-first") {
        co_await respond_error(e, 500, "llama runner process has terminated: exit status 2");
    } else if (fault == "busy") {
        co_await respond_error(e, 503, "server busy, please try again.  maximum pending requests exceeded");
    } else if (fault == "hang") {
        co_await e.hang();
    } else {
        e.close_after();
    }
    co_return true;
}

/// Faults in the middle of a stream, after its second line.
awaitable<void> late_fault(exchange& e, line_writer& out, const std::string& fault) {
    if (fault == "error-mid") {
        const json line{{"error", "an error was encountered while running the model: unexpected EOF"}};
        co_await out.send(line);
        co_await out.end();
    } else if (fault == "cut") {
        co_await out.end();
    } else if (fault == "stall") {
        co_await e.hang();
    } else {
        co_await e.pause(milliseconds{20}); // else the reset overtakes the lines in the peer's receive queue
        e.reset_after();
    }
}

bool is_late(const std::string& fault) {
    return fault == "error-mid" || fault == "cut" || fault == "stall" || fault == "drop";
}

std::vector<json> lines_of(const ollama_state& state, const job& j) {
    std::vector<json> lines;
    std::size_t tokens = 0;
    std::string reason{"stop"};
    if (j.thinking) {
        for (const auto& t : tokens_of("The demo model does not think."))
            lines.push_back(record_of(j, "", t));
        tokens += lines.size();
    }
    if (!j.tool_calls.is_null()) {
        auto line = record_of(j, "", "");
        line["message"]["tool_calls"] = j.tool_calls;
        lines.push_back(std::move(line));
        ++tokens;
    } else {
        for (const auto& t : tokens_of(answer_for(state, j))) {
            if (j.num_predict > 0 && tokens >= static_cast<std::size_t>(j.num_predict)) {
                reason = "length";
                break;
            }
            lines.push_back(record_of(j, t, ""));
            ++tokens;
        }
    }
    auto last = record_of(j, "", "");
    finish(last, j, reason, tokens);
    lines.push_back(std::move(last));
    return lines;
}

/// All lines in one, as stream:false gives them.
json whole_of(const job& j, const std::vector<json>& lines) {
    json whole = lines.back();
    std::string content;
    std::string thinking;
    for (const auto& line : lines) {
        const auto& from = j.chat ? member_of(line, "message") : line;
        const auto& text = member_of(from, j.chat ? "content" : "response");
        if (text.is_string()) content += text.get<std::string>();
        const auto& thought = member_of(from, "thinking");
        if (thought.is_string()) thinking += thought.get<std::string>();
    }
    auto& into = j.chat ? whole["message"] : whole;
    into[j.chat ? "content" : "response"] = content;
    if (!thinking.empty()) into["thinking"] = thinking;
    if (!j.tool_calls.is_null()) into["tool_calls"] = j.tool_calls;
    return whole;
}

awaitable<bool> answer(const ollama_ptr& state, exchange& e, const job& j) {
    const auto lines = lines_of(*state, j);
    if (state->options.prefill.count() > 0 && !co_await e.pause(state->options.prefill)) co_return false;
    if (!j.stream) {
        const auto generation = state->options.token_pace * static_cast<int>(lines.size());
        if (generation.count() > 0 && !co_await e.pause(generation)) co_return false;
        co_return co_await respond_json(e, 200, whole_of(j, lines));
    }
    line_writer out{e, *state};
    std::size_t sent = 0;
    for (const auto& line : lines) {
        if (sent == 2 && is_late(j.fault)) {
            co_await late_fault(e, out, j.fault);
            co_return false;
        }
        if (!co_await out.send(line)) co_return false;
        ++sent;
    }
    co_return co_await out.end();
}

/// Loads when needed; false when the client left meanwhile.
awaitable<bool> load(const ollama_ptr& state, exchange& e, const json& request, const std::string& model) {
    const auto wanted = runner_options(request);
    const auto it = state->loaded.find(model);
    if (it != state->loaded.end() && it->second == wanted) co_return true;
    ++state->loads;
    if (state->options.load_time.count() > 0 && !co_await e.pause(state->options.load_time)) co_return false;
    state->loaded[model] = wanted;
    co_return true;
}

/// Common to both endpoints, once the job is described.
awaitable<bool> serve_job(const ollama_ptr& state, exchange& e, const json& request, job j, bool load_only) {
    const running_guard guard{*state};
    if (const bool done = co_await early_fault(e, j.fault); done) co_return false;
    if (load_only) {
        auto line = record_of(j, "", "");
        if (unloads(request)) {
            state->loaded.erase(j.model);
            finish(line, j, "unload", 0);
        } else {
            if (!co_await load(state, e, request, j.model)) co_return false;
            finish(line, j, "load", 0);
        }
        co_return co_await respond_json(e, 200, line);
    }
    if (!co_await load(state, e, request, j.model)) co_return false;
    const bool good = co_await answer(state, e, j);
    if (unloads(request)) state->loaded.erase(j.model);
    co_return good;
}

job describe(const exchange& e, const json& request, const std::string& model, bool chat) {
    job j;
    j.model = model;
    const auto& asked = member_of(request, "model");
    j.asked = asked.is_string() ? asked.get<std::string>() : model;
    j.chat = chat;
    const auto& stream = member_of(request, "stream");
    j.stream = !stream.is_boolean() || stream.get<bool>();
    const auto& think = member_of(request, "think");
    j.thinking = ollama_state::has_tools_and_thinking(model) && (!think.is_boolean() || think.get<bool>());
    const auto& limit = member_of(member_of(request, "options"), "num_predict");
    if (limit.is_number()) j.num_predict = limit.get<std::int64_t>();
    j.prompt_bytes = e.body_bytes;
    return j;
}

} // namespace

awaitable<bool> serve_chat(const ollama_ptr& state, exchange& e) {
    json request;
    if (!co_await read_json(e, request)) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    int status = 0;
    auto problem = request_problem(request, model, status);
    if (!problem.empty()) co_return co_await respond_error(e, status, std::move(problem));

    auto j = describe(e, request, model, true);
    const auto& messages = member_of(request, "messages");
    const bool load_only = !messages.is_array() || messages.empty();
    if (!load_only) {
        for (const auto& m : messages) {
            if (member_of(m, "role") == "user") j.prompt = text_of(member_of(m, "content"));
        }
        // After a tool's result the model answers in words.
        if (member_of(messages.back(), "role") != "tool") j.tool_calls = tool_call_for(request, j.prompt);
    }
    j.fault = e.head.get("x-fake-fault").value_or(word_after(j.prompt, "fault:"));
    co_return co_await serve_job(state, e, request, std::move(j), load_only);
}

awaitable<bool> serve_generate(const ollama_ptr& state, exchange& e) {
    json request;
    if (!co_await read_json(e, request)) co_return false;
    const auto model = co_await known_model(state, e, request);
    if (model.empty()) co_return false;
    int status = 0;
    auto problem = request_problem(request, model, status);
    if (!problem.empty()) co_return co_await respond_error(e, status, std::move(problem));

    auto j = describe(e, request, model, false);
    j.prompt = text_of(member_of(request, "prompt"));
    j.fault = e.head.get("x-fake-fault").value_or(word_after(j.prompt, "fault:"));
    const bool load_only = j.prompt.empty();
    co_return co_await serve_job(state, e, request, std::move(j), load_only);
}

} // namespace clawgate::support
