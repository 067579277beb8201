#include "net/relay.hpp"

#include <boost/asio/ssl/error.hpp>

namespace clawgate::net {
namespace {

auto read_some(stream& s, asio::mutable_buffer b) {
    return s.read_some(b);
}
auto read_some(socket& s, asio::mutable_buffer b) {
    return s.async_read_some(b, tok);
}
bool write_now(stream& s, gather& g, error_code& ec) {
    return s.write_now(g, ec);
}
awaitable<error_code> write_more(stream& s, gather& g) {
    return s.write_more(g);
}

relay_end failed(relay_outcome o, const error& e) {
    return {o, e.code, e.detail};
}
relay_end failed(relay_outcome o, const error_code& ec) {
    return {o, ec == asio::error::operation_aborted ? errc::timeout : errc::closed, ec.message()};
}

/// Decodes what is at the front of `in` and frames it into `out`. Returns how much of `in` was used.
result<std::size_t> translate(body_relay& r, std::string_view in, gather& out) {
    gather pieces;
    const auto n = r.decoder.take(in, pieces);
    if (!n) return n;
    r.encoder.add(out, pieces);
    if (r.decoder.done()) r.encoder.finish(out, r.decoder.trailers());
    return n;
}

/// What the receiver did not take at once; each piece that it takes is progress.
template <class To>
awaitable<error_code> write_slowly(To& to, gather& out, relay_observer& observer) {
    error_code ec;
    while (!ec && !out.empty()) {
        if (observer.stopped()) co_return asio::error::operation_aborted;
        observer.waits_for_sink();
        ec = co_await write_more(to, out);
    }
    co_return ec;
}

template <class From, class To>
awaitable<relay_end> run(From& from, To& to, body_relay& r) {
    error_code ec;
    gather out;
    out.add(r.first);
    // What came with the head, in as many writes as its chunks need.
    do {
        const auto n = translate(r, r.buffered.substr(r.used), out);
        if (!n) co_return failed(relay_outcome::malformed, n.error());
        r.used += *n;
        if (!out.empty() && !write_now(to, out, ec)) ec = co_await write_slowly(to, out, *r.observer);
        if (ec) co_return failed(relay_outcome::sink_failed, ec);
        out.clear();
    } while (!r.decoder.done() && r.used < r.buffered.size());

    auto* pool = &r.pools->small;
    while (!r.decoder.done()) {
        read_buffer block{*pool};
        bool filled = false;
        while (!r.decoder.done() && !filled) {
            const auto space = block.space();
            const auto want = asio::buffer(space, r.decoder.want(space.size()));
            // Also before a read: whoever gives up cancels what is under way, which may be nothing just now.
            if (r.observer->stopped())
                co_return relay_end{relay_outcome::source_failed, errc::canceled, "given up"};
            r.observer->waits_for_source();
            auto [read_ec, got] = co_await read_some(from, want);
            if (r.observer->stopped())
                co_return relay_end{relay_outcome::source_failed, errc::canceled, "given up"};
            if (read_ec) {
                const auto end = r.decoder.end_of_input();
                if (!end || (read_ec != asio::error::eof && read_ec != asio::ssl::error::stream_truncated))
                    co_return failed(relay_outcome::source_failed, read_ec);
                // The end is framed below, once.
            }
            block.commit(got);
            // A read that fills a small block says that the body is long: go on with a large one.
            filled = pool == &r.pools->small && got == space.size();
            do {
                const auto n = translate(r, block.data(), out);
                if (!n) co_return failed(relay_outcome::malformed, n.error());
                if (!out.empty() && !write_now(to, out, ec))
                    ec = co_await write_slowly(to, out, *r.observer);
                if (ec) co_return failed(relay_outcome::sink_failed, ec);
                out.clear();
                block.consume(*n);
            } while (!r.decoder.done() && !block.empty());
        }
        r.leftover.assign(block.data());
        pool = &r.pools->large;
    }
    co_return relay_end{};
}

} // namespace

awaitable<relay_end> relay_body(stream& from, socket& to, body_relay& r) {
    return run(from, to, r);
}
awaitable<relay_end> relay_body(socket& from, stream& to, body_relay& r) {
    return run(from, to, r);
}

} // namespace clawgate::net
