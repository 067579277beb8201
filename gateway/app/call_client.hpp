#pragma once
// The client's side of a model call: what it is sent, that silences are broken, and that its leaving is noticed.

#include "app/answer_sink.hpp"
#include "app/client_side.hpp"
#include "app/exchange.hpp"
#include "ollama_client/response_writer.hpp"

namespace clawgate::app {

class call_client {
public:
    call_client(client_side& side, const exchange& x);
    ~call_client();
    call_client(const call_client&) = delete;
    call_client& operator=(const call_client&) = delete;

    /// From now on its leaving wakes sleep_until(). To be followed by stop_watching(), whatever happens.
    void start_watching();
    [[nodiscard]] net::awaitable<void> stop_watching();

    /// It left, or its time has passed.
    [[nodiscard]] bool over() const { return side_.left() || side_.expired(); }
    /// Something has happened: wakes sleep_until().
    void notify() { wake_.cancel(); }
    [[nodiscard]] net::awaitable<void> sleep_until(steady_time when);

    /// When the silence since the last bytes has lasted too long.
    [[nodiscard]] steady_time next_sign_of_life(const ollama::response_writer& w) const;
    /// An empty record, a comment or a space: clients ignore it, and nothing in between closes an idle connection.
    /// False when it is not taken, as with send() and finish().
    [[nodiscard]] net::awaitable<bool> sign_of_life(ollama::response_writer& w);
    [[nodiscard]] net::awaitable<bool> send(const ollama::response_writer& w, std::string_view bytes);
    [[nodiscard]] net::awaitable<bool> finish(const ollama::response_writer& w, std::string_view bytes);

    [[nodiscard]] client_side& side() noexcept { return side_; }
    [[nodiscard]] const answer_sink& sink() const noexcept { return sink_; }
    [[nodiscard]] unsigned heartbeats() const noexcept { return heartbeats_; }

private:
    [[nodiscard]] net::awaitable<void> watch();

    client_side& side_;
    const silence_limits& silence_;
    answer_sink sink_;
    net::timer wake_;
    steady_time last_sent_ = steady_clock::now();
    unsigned heartbeats_ = 0;
    bool watching_ = false;
    bool stop_ = false;
};

} // namespace clawgate::app
