#pragma once
// A model call from its turn on: sent to the server, whose records go to the client as they come, up to the last one.

#include "app/call_client.hpp"
#include "app/model_door.hpp"
#include "app/model_request.hpp"
#include "app/model_turn.hpp"
#include "app/proxy.hpp"
#include "ollama_client/line_splitter.hpp"

namespace clawgate::app {

class model_answer {
public:
    model_answer(call_client& client, model_door& door, model_request& request, model_turn& turn);
    model_answer(const model_answer&) = delete;
    model_answer& operator=(const model_answer&) = delete;

    /// Until the server has given its last record, it failed, the time limit has passed, or the client has left.
    /// To be followed by stop(), whatever happens.
    [[nodiscard]] net::awaitable<void> run(std::chrono::milliseconds time_limit);
    /// What is left to be sent, and the end; or why there is none.
    [[nodiscard]] net::awaitable<void> finish(proxy_result& r);
    /// Ends what runs beside. After a last record the rest of the answer has a second to come, so that the
    /// connection to the server can be used again.
    [[nodiscard]] net::awaitable<void> stop();

    /// Of the last record, when it came.
    [[nodiscard]] const std::optional<ollama::final_numbers>& numbers() const noexcept { return numbers_; }
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    /// For what the call is charged.
    [[nodiscard]] ollama::call_course course() const;

private:
    net::awaitable<void> fetch();
    net::awaitable<void> fetch_lines();
    void take_line(std::string_view line);
    void take_whole(std::string whole);
    void start_fetching();
    void fail(error e) {
        if (!failure_) failure_ = std::move(e);
    }
    net::awaitable<std::optional<std::pair<int, std::string>>> problem();

    call_client& client_;
    model_door& door_;
    model_request& request_;
    model_turn& turn_;
    std::optional<ollama::server_call> server_;
    ollama::line_splitter lines_;
    net::timer room_; ///< cancelled when the client has taken what was held
    std::string out_; ///< made, not yet sent
    steady_time began_ = steady_clock::now();
    bool fetching_ = false;
    bool stop_ = false;
    bool gone_ = false;     ///< the client, or its time
    bool complete_ = false; ///< the last record has come
    bool taken_ = false;    ///< the server has answered something
    std::optional<error> failure_; ///< of the server
    int server_status_ = 200;
    std::string whole_; ///< an answer that is no stream: embeddings, errors
    std::optional<ollama::final_numbers> numbers_;
    std::uint64_t records_ = 0; ///< without the last one
};

/// The answer to a call that ends with `e` before anything was sent.
[[nodiscard]] reply refusal(const error& e, std::string_view hint = {});

} // namespace clawgate::app
