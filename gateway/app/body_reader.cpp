#include "app/body_reader.hpp"

#include "net/body.hpp"

namespace clawgate::app {
namespace {

whole_body refuse(reply r) {
    whole_body w;
    w.state = body_state::refused;
    w.refusal = std::move(r);
    return w;
}

whole_body broken(const error& e, std::size_t most) {
    if (e.code != errc::too_large)
        return refuse(json_error(400, to_string(e.code), e.detail, "The body's framing is broken."));
    const auto limit =
        most >= 1u << 20 ? std::to_string(most >> 20) + " MB" : std::to_string(most >> 10) + " KB";
    return refuse(json_error(413, "too_large", "the body is larger than " + limit, "Send less."));
}

whole_body no_room() {
    return refuse(json_error(503, "busy", "server busy, please try again.  maximum pending requests exceeded",
                             "Too many bytes of requests are waiting; try again later.")
                      .with("Retry-After", "10"));
}

reply too_slow() {
    return json_error(408, "timeout", "the body did not come in time", "Send it without long pauses.");
}

/// Room for `more` bytes. Grows as they come: a length that was announced is only a bound. False: not now.
bool make_room(std::string& bytes, std::size_t more, std::size_t announced, const body_limits& limits) {
    const auto needed = bytes.size() + more;
    if (needed <= bytes.capacity()) return true;
    auto room = std::max(needed, 2 * bytes.capacity());
    if (announced >= needed) room = std::min(room, announced);
    if (limits.may_hold && !limits.may_hold(room)) return false;
    bytes.reserve(room);
    return true;
}

bool is_too_slow(std::size_t bytes, steady_time began, const client_side& client, const body_limits& limits) {
    const auto grace = time_limit(limits.deadline, client.home.shared.options);
    const auto late = std::chrono::duration<double>(steady_clock::now() - began - grace).count();
    return limits.least_rate > 0 && late > 0 &&
           static_cast<double>(bytes) < late * static_cast<double>(limits.least_rate);
}

} // namespace

net::awaitable<whole_body> read_whole_body(client_side& client, const net::request_head& head,
                                           std::size_t head_bytes, const body_limits& limits) {
    whole_body out;
    if (head.body == net::body_kind::none) {
        out.behind = client.in.data().substr(head_bytes);
        co_return out;
    }
    if (head.body == net::body_kind::length && head.content_length > limits.most)
        co_return broken(error{errc::too_large}, limits.most);
    const auto announced =
        head.body == net::body_kind::length ? static_cast<std::size_t>(head.content_length) : 0;
    if (head.expect_continue) {
        const auto ec = co_await client.stream->write_all("HTTP/1.1 100 Continue\r\n\r\n");
        if (ec) {
            out.state = body_state::gone;
            co_return out;
        }
    }
    client.wait(limits.deadline);
    const auto began = steady_clock::now();
    net::body_decoder body;
    body.start(head.body, head.content_length, limits.most);
    std::string received{client.in.data().substr(head_bytes)};
    const auto block = std::make_unique_for_overwrite<char[]>(net::large_block);
    for (std::size_t used = 0;;) {
        net::gather pieces;
        const auto n = body.take(std::string_view{received}.substr(used), pieces);
        if (!n) {
            wipe(received);
            co_return broken(n.error(), limits.most);
        }
        if (!make_room(out.bytes, pieces.bytes(), announced, limits)) {
            wipe(received);
            co_return no_room();
        }
        for (const auto& p : pieces)
            out.bytes.append(static_cast<const char*>(p.data()), p.size());
        used += *n;
        if (body.done()) {
            out.behind = received.substr(used);
            wipe(received); // a login's body holds the password
            co_return out;
        }
        if (*n > 0 && used < received.size()) continue; // more chunks lie there than one look takes
        received.erase(0, used);
        used = 0;
        if (is_too_slow(out.bytes.size(), began, client, limits)) co_return refuse(too_slow());
        // What is read behind the body must fit into the connection's buffer.
        const auto most = net::large_block - std::min(received.size(), net::large_block / 2);
        auto [ec, got] = co_await client.stream->read_some(net::asio::buffer(block.get(), body.want(most)));
        if (ec) {
            wipe(received);
            if (client.expired()) co_return refuse(too_slow());
            out.state = body_state::gone;
            co_return out;
        }
        if (limits.deadline != waiting_for::form)
            client.wait(limits.deadline); // a form has one deadline for all of it
        received.append(block.get(), got);
    }
}

} // namespace clawgate::app
