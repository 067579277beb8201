#include "support/ws_client.hpp"

#include <algorithm>

#include <openssl/evp.h>

namespace clawgate::support {

namespace {

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i)
        out += static_cast<char>((value >> (8 * i)) & 255);
}

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes)
        value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

std::string base64_of_16(const std::string& bytes) {
    std::array<unsigned char, 32> out{};
    const int n = EVP_EncodeBlock(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()), 16);
    return {reinterpret_cast<const char*>(out.data()), static_cast<std::size_t>(n)};
}

raw_client_options at_port(std::uint16_t port) {
    raw_client_options o;
    o.port = port;
    return o;
}

} // namespace

std::string encode_frame(const ws_frame& frame) {
    std::string out;
    const auto first = static_cast<unsigned>(frame.op) | (frame.fin ? 0x80U : 0U) | ((frame.rsv & 7U) << 4);
    out += static_cast<char>(first);
    const unsigned mask_bit = frame.masked ? 0x80U : 0U;
    const auto size = frame.payload.size();
    if (frame.length_bytes == 8 || size > 0xffff) {
        out += static_cast<char>(mask_bit | 127U);
        append_big_endian(out, size, 8);
    } else if (frame.length_bytes == 2 || size > 125) {
        out += static_cast<char>(mask_bit | 126U);
        append_big_endian(out, size, 2);
    } else {
        out += static_cast<char>(mask_bit | static_cast<unsigned>(size));
    }
    if (!frame.masked) return out += frame.payload;
    const auto mask = unhex(random_hex(4)).value();
    out += mask;
    const auto start = out.size();
    out += frame.payload;
    for (std::size_t i = 0; i < size; ++i)
        out[start + i] = static_cast<char>(out[start + i] ^ mask[i % 4]);
    return out;
}

ws_client::ws_client(std::uint16_t port, std::string_view path, const std::vector<header>& headers)
    : ws_client{at_port(port), path, headers} {}

ws_client::ws_client(raw_client_options options, std::string_view path, const std::vector<header>& headers)
    : raw_{options}
    , key_{base64_of_16(unhex(random_hex(16)).value())} {
    std::vector<header> all;
    const bool has_host =
        std::any_of(headers.begin(), headers.end(), [](const header& h) { return iequals(h.name, "host"); });
    if (!has_host) all.push_back({"Host", options.address + ":" + std::to_string(options.port)});
    all.push_back({"Connection", "Upgrade"});
    all.push_back({"Upgrade", "websocket"});
    all.push_back({"Sec-WebSocket-Version", "13"});
    all.push_back({"Sec-WebSocket-Key", key_});
    all.insert(all.end(), headers.begin(), headers.end());
    raw_.send(request_text("GET", path, all));
    handshake_ = raw_.read_response();
}

bool ws_client::connected() const {
    return handshake_.status() == 101 && handshake_.get("Sec-WebSocket-Accept") == websocket_accept(key_);
}

void ws_client::send_frame(const ws_frame& frame) {
    raw_.send(encode_frame(frame));
}

void ws_client::send_text(std::string_view data) {
    ws_frame f;
    f.payload = data;
    send_frame(f);
}

void ws_client::send_binary(std::string_view data) {
    ws_frame f;
    f.op = ws_op::binary;
    f.payload = data;
    send_frame(f);
}

void ws_client::send_fragmented(std::string_view data, std::size_t frames, bool text, bool with_pings) {
    const auto piece = std::max<std::size_t>(1, (data.size() + frames - 1) / frames);
    for (std::size_t i = 0; i < frames; ++i) {
        ws_frame f;
        f.op = i > 0 ? ws_op::continuation : text ? ws_op::text : ws_op::binary;
        f.fin = i + 1 == frames;
        f.payload = data.substr(std::min(data.size(), i * piece), piece);
        send_frame(f);
        if (with_pings && !f.fin) {
            ws_frame ping;
            ping.op = ws_op::ping;
            ping.payload = "between";
            send_frame(ping);
        }
    }
}

std::optional<ws_frame> ws_client::read_frame() {
    if (raw_.ended()) return std::nullopt;
    const auto start = raw_.read_exactly(2);
    const auto first = static_cast<unsigned char>(start[0]);
    const auto second = static_cast<unsigned char>(start[1]);
    ws_frame f;
    f.op = static_cast<ws_op>(first & 15);
    f.fin = (first & 0x80) != 0;
    f.rsv = static_cast<std::uint8_t>((first >> 4) & 7);
    f.masked = (second & 0x80) != 0;
    std::uint64_t size = second & 127;
    if (size == 126) size = big_endian(raw_.read_exactly(2));
    if (size == 127) size = big_endian(raw_.read_exactly(8));
    const auto mask = f.masked ? raw_.read_exactly(4) : std::string{};
    f.payload = raw_.read_exactly(size);
    for (std::size_t i = 0; f.masked && i < f.payload.size(); ++i) {
        f.payload[i] = static_cast<char>(f.payload[i] ^ mask[i % 4]);
    }
    return f;
}

void ws_client::answer(ws_op op, std::string payload) {
    ws_frame f;
    f.op = op;
    f.payload = std::move(payload);
    try {
        send_frame(f);
    } catch (const client_error&) {
        // A peer may be gone once it has said its last word.
    }
}

std::optional<ws_message> ws_client::read_message() {
    ws_message message;
    bool started = false;
    while (auto f = read_frame()) {
        switch (f->op) {
        case ws_op::ping:
            ++pings;
            if (answer_pings) answer(ws_op::pong, f->payload);
            continue;
        case ws_op::pong: ++pongs; continue;
        case ws_op::close:
            close_code = f->payload.size() >= 2
                             ? static_cast<std::uint16_t>(big_endian(f->payload.substr(0, 2)))
                             : 1005;
            close_reason = f->payload.size() > 2 ? f->payload.substr(2) : "";
            if (answer_close && !close_sent_) {
                close_sent_ = true;
                answer(ws_op::close, f->payload);
            }
            return std::nullopt;
        case ws_op::text:
        case ws_op::binary:
            if (started) throw client_error{"a new message inside a fragmented one"};
            message.text = f->op == ws_op::text;
            break;
        case ws_op::continuation:
            if (!started) throw client_error{"a continuation without a beginning"};
            break;
        default: throw client_error{"unknown opcode"};
        }
        started = true;
        message.data += f->payload;
        if (f->fin) return message;
    }
    return std::nullopt;
}

ws_message ws_client::expect_message() {
    auto m = read_message();
    if (!m) throw client_error{"no message: closed with " + std::to_string(close_code) + " " + close_reason};
    return std::move(*m);
}

void ws_client::close(std::uint16_t code, std::string_view reason) {
    ws_frame f;
    f.op = ws_op::close;
    append_big_endian(f.payload, code, 2);
    f.payload += reason;
    close_sent_ = true;
    send_frame(f);
}

std::uint16_t ws_client::wait_closed() {
    while (close_code == 0 && read_message()) {
    }
    return close_code == 0 ? 1006 : close_code;
}

} // namespace clawgate::support
