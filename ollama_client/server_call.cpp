#include "ollama_client/server_call.hpp"

#include "net/stream.hpp"

namespace clawgate::ollama {
namespace {

constexpr auto longest_idle = std::chrono::seconds{60};
constexpr auto server_idle_limit = std::chrono::seconds{90}; // Ollama itself never closes an idle connection

} // namespace

error server_call::failed(const net::error_code& ec, std::string_view what) const {
    if (canceled_ || ec == net::asio::error::operation_aborted)
        return error{errc::canceled, fault::client, retry::never, "given up"};
    return error{errc::closed, fault::upstream, retry::later, "the model server " + std::string{what}};
}

void server_call::abandon() noexcept {
    canceled_ = true;
    net::error_code ignored;
    if (connecting_) connecting_->cancel(ignored);
    if (socket_) socket_->close(ignored); // wakes a pending read or write too
}

net::awaitable<net::error_code> server_call::write(std::string_view head,
                                                   std::span<const std::string_view> body) {
    net::gather out;
    net::error_code ec;
    out.add(head);
    for (std::size_t i = 0; !ec;) {
        while (i < body.size() && !out.full())
            out.add(body[i++]);
        if (!net::write_now(*socket_, out, ec)) ec = co_await net::write_rest(*socket_, out);
        out.clear();
        if (i == body.size()) break;
    }
    co_return ec;
}

net::awaitable<result<void>> server_call::attempt(bool may_reuse, std::string_view head,
                                                  std::span<const std::string_view> body) {
    socket_ = may_reuse ? link_.pool.take_idle(coarse_now(), longest_idle) : nullptr;
    reused_ = socket_ != nullptr;
    if (!socket_) {
        auto made = co_await link_.pool.connect(connecting_);
        if (canceled_) co_return failed(net::asio::error::operation_aborted, {});
        if (!made) co_return made.error();
        socket_ = std::move(*made);
    }
    // A server that refuses a large body may answer before it has read it: what it says is worth more than
    // the failed write.
    sent_ = true;
    const auto write_ec = co_await write(head, body);
    std::size_t searched = 0;
    for (;;) {
        if (const auto end = net::find_head_end(in_.data(), searched)) {
            head_bytes_.assign(in_.data().substr(0, end));
            in_.consume(end);
            if (auto ok = net::parse_response(head_bytes_, false, head_); !ok) co_return ok.error();
            if (head_.status >= 200) break;
            searched = 0; // 1xx
            continue;
        }
        const auto space = in_.space();
        if (space.size() == 0)
            co_return error{errc::bad_upstream, fault::upstream, retry::never,
                            "the model server's head is over 16 KB"};
        auto [ec, n] = co_await socket_->async_read_some(space, net::tok);
        if (ec)
            co_return failed(ec, write_ec ? "did not take the request"
                                          : "closed the connection instead of answering");
        answered_ = true;
        in_.commit(n);
    }
    body_.start(head_.body, head_.content_length);
    co_return result<void>{};
}

net::awaitable<result<void>> server_call::send(std::string_view method, std::string_view target,
                                               std::span<const std::string_view> body) {
    std::size_t bytes = 0;
    for (const auto piece : body)
        bytes += piece.size();
    std::string head;
    head.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(link_.host);
    if (bytes)
        head.append("\r\nContent-Type: application/json\r\nContent-Length: ").append(std::to_string(bytes));
    head.append("\r\nConnection: keep-alive\r\n\r\n");

    auto sent = co_await attempt(true, head, body);
    if (!sent && sent.error().code == errc::closed && reused_ && !answered_) {
        in_.release();
        sent = co_await attempt(false, head, body);
    }
    co_return sent;
}

/// Most reads hold one piece of body; several chunks are put together.
std::string_view server_call::in_one_piece(const net::gather& pieces) {
    const auto n = pieces.end() - pieces.begin();
    if (n == 0) return {};
    if (n == 1) return {static_cast<const char*>(pieces.begin()->data()), pieces.begin()->size()};
    joined_.clear();
    for (const auto& p : pieces)
        joined_.append(static_cast<const char*>(p.data()), p.size());
    return joined_;
}

void server_call::release() {
    if (!socket_) return;
    if (head_.keep_alive && in_.empty() && !canceled_)
        link_.pool.give_back(
            std::move(socket_), coarse_now(),
            net::keep_alive_timeout(head_.fields.get(net::field_name::keep_alive), server_idle_limit));
    socket_.reset();
}

net::awaitable<result<std::string_view>> server_call::read() {
    in_.consume(std::exchange(in_use_, 0));
    for (;;) {
        if (!in_.empty() && !body_.done()) {
            net::gather pieces;
            const auto used = body_.take(in_.data(), pieces);
            if (!used)
                co_return error{errc::bad_upstream, fault::upstream, retry::never, used.error().detail};
            in_use_ = *used; // dropped with the next call, as the piece shown lies in it
            if (const auto shown = in_one_piece(pieces); !shown.empty()) co_return shown;
            in_.consume(std::exchange(in_use_, 0));
        }
        if (body_.done()) {
            release();
            co_return std::string_view{};
        }
        const auto space = in_.space();
        auto [ec, n] = co_await socket_->async_read_some(space, net::tok);
        if (ec) {
            if (ec == net::asio::error::eof && !canceled_ && body_.end_of_input()) continue;
            co_return failed(ec, "ended its answer early");
        }
        in_.commit(n);
    }
}

net::awaitable<result<std::string>> server_call::read_all(std::size_t limit) {
    std::string all;
    for (;;) {
        auto piece = co_await read();
        if (!piece) co_return piece.error();
        if (piece->empty()) co_return all;
        if (all.size() + piece->size() > limit)
            co_return error{errc::too_large, fault::upstream, retry::never,
                            "the model server's answer is too large"};
        all.append(*piece);
    }
}

net::awaitable<result<server_answer>> ask_server(server_link link, std::string method, std::string target,
                                                 std::string body, std::chrono::milliseconds deadline,
                                                 std::size_t limit) {
    const auto call = std::make_shared<server_call>(std::move(link));
    net::timer limit_timer{call->executor(), deadline};
    // The handler may run after this function has returned: it holds the call only weakly.
    limit_timer.async_wait([weak = std::weak_ptr{call}](net::error_code ec) {
        if (const auto c = weak.lock(); c && !ec) c->abandon();
    });
    const std::string_view pieces[] = {body};
    auto sent = co_await call->send(method, target, std::span{pieces, body.empty() ? 0u : 1u});
    if (!sent)
        co_return sent.error().code == errc::canceled
            ? error{errc::timeout, fault::upstream, retry::later, "the model server did not answer in time"}
            : sent.error();
    auto all = co_await call->read_all(limit);
    if (!all) co_return all.error();
    co_return server_answer{call->status(), std::move(*all)};
}

} // namespace clawgate::ollama
