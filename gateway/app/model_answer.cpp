#include "app/model_answer.hpp"

#include <boost/asio/co_spawn.hpp>

namespace clawgate::app {
namespace {

using ollama::call_kind;

constexpr std::size_t held_answer_bytes = 256 * 1024; // then the server waits for the client
constexpr std::size_t longest_error = 1u << 20;
constexpr std::size_t largest_embeddings = 64u << 20;
constexpr auto rest_of_answer = std::chrono::seconds{1};
constexpr auto usual_end = std::chrono::milliseconds{50}; // it comes right behind the last record

std::string_view path_of(call_kind k) {
    switch (k) {
    case call_kind::chat: return "/api/chat";
    case call_kind::generate: return "/api/generate";
    case call_kind::embed: return "/api/embed";
    case call_kind::embeddings: return "/api/embeddings";
    }
    return "/";
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

error upstream(errc code, std::string detail) {
    return error{code, fault::upstream, retry::later, std::move(detail)};
}

} // namespace

reply refusal(const error& e, std::string_view hint) {
    auto r = json_error(status_of(e), to_string(e.code), e.detail, hint);
    if (r.status == 503) r.with("Retry-After", "5");
    return r;
}

model_answer::model_answer(call_client& client, model_door& door, model_request& request, model_turn& turn)
    : client_{client}
    , door_{door}
    , request_{request}
    , turn_{turn}
    , room_{client.side().home.io.get_executor()} {
    turn_.set_ender([this](const error& why) {
        if (!fetching_) return;
        fail(why);
        server_->abandon();
    });
}

// ---- the server's side, which runs beside run() and wakes it

void model_answer::take_line(std::string_view line) {
    if (const auto message = ollama::error_of_record(line); !message.empty())
        return fail(upstream(errc::bad_upstream, message));
    if (!ollama::scan_object(line))
        return fail(upstream(errc::bad_upstream, "the model server sent something that is not a record"));
    turn_.answer_began();
    if (ollama::is_final_record(line)) {
        complete_ = true;
        numbers_ = ollama::numbers_of(line);
    } else {
        ++records_;
    }
    request_.writer->record(line, out_);
}

net::awaitable<void> model_answer::fetch_lines() {
    while (!stop_ || complete_) {
        auto piece = co_await server_->read();
        if (!piece) {
            fail(piece.error());
            co_return;
        }
        if (piece->empty()) co_return;
        if (complete_) continue; // nothing that counts comes behind the last record
        door_.note_record();
        lines_.feed(*piece);
        while (!failure_ && !complete_) {
            auto line = lines_.next();
            if (!line) {
                fail(line.error());
                co_return;
            }
            if (!*line) break;
            take_line(**line);
        }
        client_.notify();
        while (out_.size() > held_answer_bytes && !stop_ && !complete_) {
            room_.expires_at(steady_time::max());
            auto waited = co_await room_.async_wait(net::tok);
            static_cast<void>(waited);
        }
    }
}

void model_answer::take_whole(std::string whole) {
    whole_ = std::move(whole);
    door_.note_record();
    if (server_status_ == 200) numbers_ = embedding_numbers(whole_);
}

net::awaitable<void> model_answer::fetch() {
    const auto pieces = request_.edits.pieces();
    const auto sent = co_await server_->send("POST", path_of(request_.kind), pieces);
    if (!sent) {
        fail(sent.error());
        co_return;
    }
    server_status_ = server_->status();
    if (server_status_ != 200 || is_embedding(request_.kind)) {
        auto all = co_await server_->read_all(server_status_ == 200 ? largest_embeddings : longest_error);
        if (all)
            take_whole(std::move(*all));
        else
            fail(all.error());
        co_return;
    }
    co_await fetch_lines();
    // A last line without its end is a record too (Ollama ends one object like that), unless it was cut off.
    if (const auto rest = lines_.rest();
        !failure_ && !complete_ &&
        (ollama::is_final_record(rest) || !ollama::error_of_record(rest).empty()))
        take_line(rest);
}

void model_answer::start_fetching() {
    fetching_ = true;
    auto ended = [this](std::exception_ptr failed) {
        if (failed) fail(error{errc::io, fault::gateway, retry::never, "internal error"});
        fetching_ = false;
        client_.notify();
    };
    net::asio::co_spawn(client_.side().home.io.get_executor(), fetch(), std::move(ended));
}

// ---- the client's side

net::awaitable<void> model_answer::run(std::chrono::milliseconds time_limit) {
    began_ = steady_clock::now();
    const auto deadline = began_ + time_limit;
    auto& writer = *request_.writer;
    server_.emplace(door_.link());
    start_fetching();
    bool taken = true;
    while (fetching_ && !complete_ && taken && !client_.over()) {
        const auto now = steady_clock::now();
        const auto sign = client_.next_sign_of_life(writer);
        if (writer.streams() && !out_.empty()) {
            const auto made = std::exchange(out_, {});
            room_.cancel();
            taken = co_await client_.send(writer, made);
        } else if (now >= deadline) {
            const auto s = std::chrono::duration_cast<std::chrono::seconds>(time_limit).count();
            fail(upstream(errc::timeout, "the model did not finish within " + std::to_string(s) + " s"));
            break;
        } else if (now >= sign) {
            taken = co_await client_.sign_of_life(writer);
        } else {
            co_await client_.sleep_until(std::min(deadline, sign));
        }
    }
    gone_ = !taken || client_.over();
    // Until then the server may count the call as running: the next one is not to come a moment too early.
    const auto settled = steady_clock::now() + usual_end;
    while (complete_ && !gone_ && fetching_ && steady_clock::now() < settled)
        co_await client_.sleep_until(settled);
}

net::awaitable<void> model_answer::stop() {
    stop_ = true;
    turn_.set_ender({});
    auto patience = complete_ && !gone_ ? steady_clock::now() + rest_of_answer : steady_clock::now();
    while (fetching_) {
        room_.cancel();
        if (steady_clock::now() >= patience) {
            server_->abandon();
            patience = steady_clock::now() + std::chrono::seconds{1}; // and again, until it has ended
        }
        co_await client_.sleep_until(patience);
    }
}

/// What went wrong on the server's side, if anything did: a status and a sentence.
net::awaitable<std::optional<std::pair<int, std::string>>> model_answer::problem() {
    using outcome = std::optional<std::pair<int, std::string>>;
    if (complete_) co_return std::nullopt; // what comes behind it is no matter
    if (failure_) {
        const bool reported =
            failure_->whose == fault::upstream && failure_->code == errc::bad_upstream;
        co_return outcome{std::pair{reported ? 500 : status_of(*failure_), failure_->detail}};
    }
    if (server_status_ != 200) {
        auto message = ollama::error_of_record(whole_);
        if (message.empty()) message = "the model server answered " + std::to_string(server_status_);
        co_return outcome{std::pair{server_status_, std::move(message)}};
    }
    if (!is_embedding(request_.kind))
        co_return outcome{std::pair{502, std::string{"the model server ended its answer early"}}};
    auto converted = result<std::string>{std::string{}};
    std::function<void()> convert = [&] { converted = request_.embeddings_answer(whole_); };
    co_await door_.work(whole_.size(), "embeddings", std::move(convert));
    if (!converted) {
        auto message = "the model server's answer cannot be read: " + converted.error().detail;
        co_return outcome{std::pair{502, std::move(message)}};
    }
    out_ = std::move(*converted);
    co_return std::nullopt;
}

net::awaitable<void> model_answer::finish(proxy_result& r) {
    auto& writer = *request_.writer;
    const auto& sink = client_.sink();
    r.bytes_out = sink.bytes();
    if (gone_) {
        r.status = 499;
        r.error = "canceled: the client left";
        r.truncated = sink.begun();
        co_return;
    }
    const auto wrong = co_await problem();
    if (wrong) {
        r.error = wrong->second;
        if (!sink.begun() && out_.empty()) {
            r.answer = json_error(wrong->first, "model_error", wrong->second, {});
            if (wrong->first == 503) r.answer.with("Retry-After", "5");
            co_return;
        }
        writer.fail(wrong->first, wrong->second, out_);
    }
    r.status = 200;
    const bool taken = co_await client_.finish(writer, out_);
    r.bytes_out = sink.bytes();
    r.keep_alive = taken && sink.keeps_alive();
}

ollama::call_course model_answer::course() const {
    ollama::call_course c;
    c.estimated_prompt = request_.prompt_tokens;
    c.taken = server_ && server_->was_sent() && server_status_ == 200;
    c.records = records_;
    c.numbers = numbers_;
    c.ran = steady_clock::now() - began_;
    return c;
}

} // namespace clawgate::app
