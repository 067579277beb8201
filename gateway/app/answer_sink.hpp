#pragma once
// The client's side of an answer that is made here piece by piece: its head, its framing, and its end.

#include "app/client_side.hpp"
#include "app/exchange.hpp"

namespace clawgate::app {

class answer_sink {
public:
    answer_sink(client_side& client, const exchange& x)
        : client_{client}
        , x_{x} {}

    /// Sends `bytes`, after the head if it is the first time. False when the client does not take it.
    [[nodiscard]] net::awaitable<bool> send(std::string_view content_type, std::string_view bytes);
    /// The end of the answer. With `bytes`, and nothing sent before, head and body go out as one.
    [[nodiscard]] net::awaitable<bool> finish(std::string_view content_type, std::string_view bytes);

    [[nodiscard]] bool begun() const noexcept { return begun_; }
    /// The connection may take the next request.
    [[nodiscard]] bool keeps_alive() const noexcept { return keep_alive_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    std::string head(std::string_view content_type, std::optional<std::size_t> length);
    net::awaitable<bool> write(net::gather& pieces);

    client_side& client_;
    const exchange& x_;
    bool begun_ = false;
    bool chunked_ = false;
    bool keep_alive_ = false;
    std::uint64_t bytes_ = 0;
};

} // namespace clawgate::app
