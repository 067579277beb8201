#include "ollama_client/server_tasks.hpp"

#include "core/model_names.hpp"
#include "ollama_client/line_splitter.hpp"
#include "ollama_client/request.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace clawgate::ollama {
namespace {

using json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto short_question = seconds{10};
constexpr std::size_t longest_error = 64 * 1024;

error upstream(errc code, std::string detail) {
    return error{code, fault::upstream, retry::later, std::move(detail)};
}

/// What the server said instead of doing it.
error refusal(int status, std::string_view body) {
    const auto answer = json::parse(body, nullptr, false);
    std::string words = "the model server answered " + std::to_string(status);
    if (answer.is_object() && answer.contains("error") && answer["error"].is_string())
        words = answer["error"].get<std::string>();
    if (words.size() > 500) words.resize(500);
    return upstream(status == 404 ? errc::not_found : errc::bad_upstream, std::move(words));
}

/// Not the JSON value itself: it converts to and from everything, an error included.
struct json_answer {
    explicit json_answer(json v)
        : value(std::move(v)) {} // braces would make an array of it
    json value;
};

/// A small answer of status 200: an object.
net::awaitable<result<json_answer>> ask_json(server_link link, std::string method, std::string target,
                                             std::string body, milliseconds limit) {
    auto answer =
        co_await ask_server(std::move(link), std::move(method), std::move(target), std::move(body), limit);
    if (!answer) {
        const auto& e = answer.error();
        // Given up by the deadline, in whichever phase.
        if (e.code == errc::canceled)
            co_return upstream(errc::timeout, "the model server did not answer in time");
        co_return e;
    }
    if (answer->status != 200) co_return refusal(answer->status, answer->body);
    auto value = json::parse(answer->body, nullptr, false);
    if (!value.is_object())
        co_return upstream(errc::bad_upstream, "what answers there does not speak like Ollama");
    co_return json_answer{std::move(value)};
}

std::string generate_body(const std::string& model, const runner_options& runner, bool one_token) {
    auto options = runner_options_json(runner);
    std::string body = "{\"model\":" + quote_json(model) + ",\"keep_alive\":" + runner.keep_alive +
                       ",\"shift\":" + (runner.shift ? "true" : "false") + ",\"stream\":false";
    if (one_token) {
        body += ",\"prompt\":\".\",\"raw\":true";
        options.insert(options.size() - 1, options.size() > 2 ? ",\"num_predict\":1" : "\"num_predict\":1");
    }
    return body + ",\"options\":" + options + "}";
}

/// What the door would make of an embedding call without a text, so that both agree on every option.
std::string embed_body(const std::string& model, const runner_options& runner) {
    constexpr std::string_view plain = R"({"input":[]})";
    call_policy p;
    p.model = model;
    p.runner = runner;
    edited_text edits{plain};
    const auto request = read_native(call_kind::embed, plain);
    if (!request || !set_parameters(*request, p, edits)) return {};
    return edits.str();
}

/// Ends the call when nothing has advanced for too long. Runs until the task's call is gone.
struct stall_guard : std::enable_shared_from_this<stall_guard> {
    stall_guard(net::executor ex, pull_limits l, std::shared_ptr<pull_task> t)
        : timer{ex}
        , limits{l}
        , task{std::move(t)} {}

    void arm() {
        timer.expires_after(std::min<milliseconds>(seconds{1}, limits.stall));
        timer.async_wait([self = shared_from_this()](net::error_code ec) {
            if (!ec) self->look();
        });
    }
    void look() {
        const auto call = task->call.lock();
        if (!call) return;
        const auto quiet = steady_clock::now() - std::max(began, task->progress.last_advance());
        if (quiet < (task->progress.finishing() ? limits.finishing : limits.stall)) return arm();
        stalled = true;
        call->abandon();
    }

    net::timer timer;
    pull_limits limits;
    std::shared_ptr<pull_task> task;
    steady_time began = steady_clock::now();
    bool stalled = false;
};

void take_lines(line_splitter& lines, std::string_view piece, pull_task& task) {
    lines.feed(piece);
    for (;;) {
        const auto line = lines.next();
        if (!line || !*line) return;
        task.progress.take(**line, steady_clock::now());
        if (task.on_line) task.on_line();
    }
}

net::awaitable<result<void>> read_pull(std::shared_ptr<server_call> call, std::shared_ptr<pull_task> task) {
    line_splitter lines{longest_error};
    for (;;) {
        auto piece = co_await call->read();
        if (!piece) co_return piece.error();
        if (piece->empty()) break;
        take_lines(lines, *piece, *task);
        if (!task->progress.error().empty()) break;
    }
    if (const auto rest = lines.rest(); !rest.empty()) task->progress.take(rest, steady_clock::now());
    if (!task->progress.error().empty()) co_return upstream(errc::bad_upstream, task->progress.error());
    if (!task->progress.succeeded())
        co_return upstream(errc::closed, "the model server ended the download early");
    co_return result<void>{};
}

} // namespace

std::vector<wanted_model> wanted_models(const config& c) {
    std::vector<wanted_model> all;
    const auto embed = full_model_name(c.embed_model);
    for (auto& name : chat_models(c))
        all.push_back({name, false});
    if (!chat_models(c).contains(embed)) all.push_back({embed, true});
    return all;
}

net::awaitable<result<std::string>> ask_version(server_link link) {
    auto answer = co_await ask_json(std::move(link), "GET", "/api/version", {}, short_question);
    if (!answer) co_return answer.error();
    if (!answer->value.contains("version") || !answer->value["version"].is_string())
        co_return upstream(errc::bad_upstream, "what answers there does not speak like Ollama");
    co_return answer->value["version"].get<std::string>().substr(0, 100);
}

net::awaitable<result<bool>> has_model(server_link link, std::string model) {
    auto body = "{\"model\":" + quote_json(model) + "}";
    auto answer = co_await ask_json(std::move(link), "POST", "/api/show", std::move(body), short_question);
    if (answer) co_return true;
    if (answer.error().code == errc::not_found) co_return false;
    co_return answer.error();
}

net::awaitable<result<void>> pull_model(server_link link, std::string model, pull_limits limits,
                                        std::shared_ptr<pull_task> task) {
    const auto call = std::make_shared<server_call>(std::move(link));
    task->call = call;
    const auto guard = std::make_shared<stall_guard>(call->executor(), limits, task);
    guard->arm();
    const auto body = "{\"model\":" + quote_json(model) + ",\"stream\":true}";
    const std::array<std::string_view, 1> pieces{body};
    auto done = co_await call->send("POST", "/api/pull", pieces);
    if (done && call->status() != 200) {
        auto text = co_await call->read_all(longest_error);
        done = text ? refusal(call->status(), *text) : text.error();
    } else if (done) {
        done = co_await read_pull(call, task);
    }
    guard->timer.cancel();
    if (done) co_return done;
    if (task->canceled) co_return error{errc::canceled, fault::client, retry::never, "given up"};
    if (guard->stalled) {
        const auto limit = task->progress.finishing() ? limits.finishing : limits.stall;
        const auto s = std::chrono::duration_cast<seconds>(limit);
        co_return upstream(errc::timeout, "no progress for " + shown_duration(s));
    }
    co_return done.error();
}

std::string warm_up_body(const wanted_model& model, const runner_options& runner) {
    return model.embedding ? embed_body(model.name, runner) : generate_body(model.name, runner, false);
}

net::awaitable<result<void>> warm_up(server_link link, wanted_model model, runner_options runner,
                                     milliseconds limit) {
    auto body = warm_up_body(model, runner);
    const std::string target = model.embedding ? "/api/embed" : "/api/generate";
    auto answer = co_await ask_json(std::move(link), "POST", target, std::move(body), limit);
    if (answer) co_return result<void>{};
    if (answer.error().code != errc::timeout) co_return answer.error();
    const auto s = std::chrono::duration_cast<seconds>(limit);
    co_return upstream(errc::timeout, "it was not loaded within " + shown_duration(s));
}

net::awaitable<result<void>> unload(server_link link, std::string model, milliseconds limit) {
    auto body = "{\"model\":" + quote_json(model) + ",\"keep_alive\":0,\"stream\":false}";
    auto answer = co_await ask_json(std::move(link), "POST", "/api/generate", std::move(body), limit);
    if (!answer) co_return answer.error();
    co_return result<void>{};
}

net::awaitable<probe_outcome> probe_generation(server_link link, std::string model, runner_options runner,
                                               milliseconds limit) {
    auto body = generate_body(model, runner, true);
    auto answer = co_await ask_json(std::move(link), "POST", "/api/generate", std::move(body), limit);
    if (answer) co_return probe_outcome::answers;
    switch (answer.error().code) {
    case errc::timeout: co_return probe_outcome::hangs;
    case errc::unreachable:
    case errc::closed: co_return probe_outcome::gone;
    default: co_return probe_outcome::answers;
    }
}

net::awaitable<result<std::vector<loaded_model>>> ask_loaded(server_link link) {
    auto answer = co_await ask_json(std::move(link), "GET", "/api/ps", {}, short_question);
    if (!answer) co_return answer.error();
    std::vector<loaded_model> all;
    const auto models = answer->value.value("models", json::array());
    for (const auto& m : models) {
        const auto number = [&m](const char* key) {
            return m.contains(key) && m[key].is_number_unsigned() ? m[key].get<std::uint64_t>() : 0u;
        };
        if (!m.is_object() || !m.contains("name") || !m["name"].is_string()) continue;
        all.push_back(
            {m["name"].get<std::string>(), number("size"), number("size_vram"), number("context_length")});
    }
    co_return all;
}

} // namespace clawgate::ollama
