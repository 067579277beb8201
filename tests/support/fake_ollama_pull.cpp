// Downloads of fake_ollama: shared by all who wait for the same model, and taken up where they stopped.

#include "support/fake_ollama_parts.hpp"

#include <algorithm>

namespace clawgate::support {

namespace {

constexpr std::int64_t download_size = 1'000'000'000;
constexpr std::string_view ndjson_head{
    "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"};

json progress_line(const std::string& model, int tenths) {
    const auto digest = sha256_hex(model);
    json line{{"status", "pulling " + digest.substr(0, 12)},
              {"digest", "sha256:" + digest},
              {"total", download_size}};
    if (tenths > 0) line["completed"] = download_size / 10 * tenths;
    return line;
}

/// One who waits for a download; it goes on for as long as there is one.
class download_waiter {
public:
    download_waiter(ollama_ptr state, std::string model)
        : state_{std::move(state)}
        , model_{std::move(model)}
        , id_{++state_->pulls} {
        state_->downloads[model_].waiters.insert(id_);
    }
    ~download_waiter() { state_->downloads[model_].waiters.erase(id_); }
    download_waiter(const download_waiter&) = delete;
    download_waiter& operator=(const download_waiter&) = delete;

    [[nodiscard]] int tenths() const { return state_->downloads[model_].tenths; }
    [[nodiscard]] bool complete() const { return tenths() >= 10; }
    /// The next tenth, if it falls to this one.
    [[nodiscard]] bool advance() {
        auto& d = state_->downloads[model_];
        if (*d.waiters.begin() != id_) return false;
        ++d.tenths;
        return true;
    }

private:
    ollama_ptr state_;
    std::string model_;
    std::uint64_t id_;
};

/// Lines of a pull, or for stream:false only the last of them.
class pull_writer {
public:
    pull_writer(exchange& e, bool stream)
        : exchange_{e}
        , stream_{stream} {}

    awaitable<bool> begin() {
        if (!stream_) co_return true;
        co_return co_await exchange_.send_head(200, ndjson_head);
    }
    awaitable<bool> line(const json& line) {
        if (!stream_) co_return true;
        const auto text = dump(line) + "\n";
        co_return co_await exchange_.send_chunk(text);
    }
    awaitable<bool> end(const json& last) {
        if (!stream_) co_return co_await respond_json(exchange_, last.contains("error") ? 500 : 200, last);
        const bool sent = co_await line(last);
        if (!sent) co_return false;
        co_return co_await exchange_.send("0\r\n\r\n");
    }

private:
    exchange& exchange_;
    bool stream_;
};

awaitable<bool> download(const ollama_ptr& state, exchange& e, const std::string& model, pull_writer& out,
                         bool fails) {
    download_waiter waiter{state, model};
    const auto pace = std::max(state->options.pull_pace, std::chrono::milliseconds{1});
    const bool at_once = state->options.pull_pace.count() == 0;
    auto line = progress_line(model, waiter.tenths());
    bool there = co_await out.line(line);
    while (there && !waiter.complete()) {
        if (fails && waiter.tenths() >= 5) {
            const json failure{{"error", "max retries exceeded: connection reset by peer"}};
            co_await out.end(failure);
            co_return false;
        }
        if (!at_once) there = co_await e.pause(pace);
        if (!there) break;
        const bool advanced = waiter.advance();
        if (!advanced && at_once) there = co_await e.pause(pace);
        line = progress_line(model, waiter.tenths());
        if (there) there = co_await out.line(line);
    }
    co_return there;
}

} // namespace

/// A name with "missing" in it is one the registry does not know.
awaitable<bool> serve_pull(const ollama_ptr& state, exchange& e) {
    json request;
    const bool read = co_await read_json(e, "PullRequest", request);
    if (!read) co_return false;
    const auto by_model = string_of(member_of(request, "model"));
    const auto name = by_model.empty() ? string_of(member_of(request, "name")) : by_model;
    if (name.empty()) co_return co_await respond_error(e, 400, "invalid model name");
    const auto model = ollama_state::with_tag(name);
    const auto& stream = member_of(request, "stream");
    pull_writer out{e, !stream.is_boolean() || stream.get<bool>()};
    const auto asked_fault = e.head.get("x-fake-fault").value_or("");
    const bool fails = asked_fault == "pull-error" || state->take_fault(true) == "pull-error";

    bool there = co_await out.begin();
    const json manifest{{"status", "pulling manifest"}};
    if (there) there = co_await out.line(manifest);
    if (!there) co_return false;
    if (model.find("missing") != std::string::npos) {
        const json line{{"error", "pull model manifest: file does not exist"}};
        co_return co_await out.end(line);
    }
    if (state->models.contains(model)) state->downloads[model].tenths = 10;
    there = co_await download(state, e, model, out, fails);
    if (!there) co_return false;
    for (const auto* status : {"verifying sha256 digest", "writing manifest"}) {
        const json line{{"status", status}};
        there = co_await out.line(line);
        if (!there) co_return false;
    }
    state->models.insert(model);
    const json success{{"status", "success"}};
    co_return co_await out.end(success);
}

} // namespace clawgate::support
