#include "app/answer_sink.hpp"

#include "net/chunked.hpp"

namespace clawgate::app {

std::string answer_sink::head(std::string_view content_type, std::optional<std::size_t> length) {
    begun_ = true;
    const bool knows_chunks = x_.head.minor_version == 1;
    chunked_ = !length && knows_chunks;
    keep_alive_ =
        x_.head.keep_alive && (length || chunked_) && !x_.shared.draining.load(std::memory_order_relaxed);
    std::string out = "HTTP/1.1 200 OK\r\n";
    const auto add = [&out](std::string_view name, std::string_view value) {
        out.append(name).append(": ").append(value).append("\r\n");
    };
    add("Date", http_date());
    add("Content-Type", content_type);
    add("Cache-Control", "no-store");
    add("X-Content-Type-Options", "nosniff");
    if (x_.origin_allowed) { // the control port's own pages may read it
        add("Access-Control-Allow-Origin", x_.field(net::field_name::origin));
        add("Access-Control-Allow-Credentials", "true");
        add("Vary", "Origin");
    }
    if (length) add("Content-Length", std::to_string(*length));
    if (chunked_) add("Transfer-Encoding", "chunked");
    if (!keep_alive_)
        add("Connection", "close");
    else if (!knows_chunks)
        add("Connection", "keep-alive");
    out.append("\r\n");
    return out;
}

net::awaitable<bool> answer_sink::write(net::gather& pieces) {
    net::error_code ec;
    if (!client_.stream->write_now(pieces, ec)) {
        client_.wait(waiting_for::client_bytes);
        ec = co_await client_.stream->write_rest(pieces);
    }
    client_.wait(waiting_for::model_turn);
    co_return !ec;
}

net::awaitable<bool> answer_sink::send(std::string_view content_type, std::string_view bytes) {
    std::string first;
    if (!begun_) first = head(content_type, std::nullopt);
    char size[20];
    net::gather out;
    out.add(first);
    if (chunked_ && !bytes.empty()) out.add(net::chunk_head(bytes.size(), size));
    out.add(bytes);
    if (chunked_ && !bytes.empty()) out.add("\r\n");
    bytes_ += bytes.size();
    co_return co_await write(out);
}

net::awaitable<bool> answer_sink::finish(std::string_view content_type, std::string_view bytes) {
    std::string first;
    if (!begun_) first = head(content_type, bytes.size());
    char size[20];
    net::gather out;
    out.add(first);
    if (chunked_ && !bytes.empty()) out.add(net::chunk_head(bytes.size(), size));
    out.add(bytes);
    if (chunked_) out.add(bytes.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n");
    bytes_ += bytes.size();
    co_return co_await write(out);
}

} // namespace clawgate::app
