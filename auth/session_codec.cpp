#include "auth/session_codec.hpp"

#include "auth/text.hpp"

#include "core/encoding.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace clawgate::auth {
namespace {

constexpr unsigned char version = 1;
constexpr std::size_t id_bytes = 16;
// version, door, id, issued, renewed, expires, mark
constexpr std::size_t payload_bytes = 1 + 1 + id_bytes + 3 * 8 + sizeof(password_mark);
constexpr std::size_t payload_chars = (payload_bytes * 4 + 2) / 3;
constexpr std::size_t mac_chars = (crypto_auth_hmacsha256_BYTES * 4 + 2) / 3;
static_assert(payload_chars + 1 + mac_chars <= 512);

const unsigned char* bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

void put_time(std::string& out, wall_time t) {
    const auto seconds =
        static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count());
    for (int shift = 56; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(seconds >> shift & 0xff));
}

/// Takes `n` bytes off the front.
std::string_view take(std::string_view& in, std::size_t n) {
    const auto out = in.substr(0, n);
    in.remove_prefix(n);
    return out;
}

wall_time take_time(std::string_view& in) {
    std::uint64_t seconds = 0;
    for (const char c : take(in, 8))
        seconds = seconds << 8 | static_cast<unsigned char>(c);
    return wall_time{std::chrono::seconds{static_cast<std::int64_t>(seconds)}};
}

} // namespace

session_codec::session_codec(const secret& key) {
    const auto raw = key.reveal();
    if (raw.size() != crypto_auth_hmacsha256_KEYBYTES)
        throw std::invalid_argument{"the key of the session cookies has 32 bytes"};
    crypto_auth_hmacsha256_init(&keyed_, bytes(raw), raw.size());
}

session_codec::~session_codec() {
    sodium_memzero(&keyed_, sizeof keyed_);
}

std::array<unsigned char, crypto_auth_hmacsha256_BYTES> session_codec::sign(std::string_view payload) const {
    auto state = keyed_;
    crypto_auth_hmacsha256_update(&state, bytes(payload), payload.size());
    std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
    crypto_auth_hmacsha256_final(&state, mac.data());
    return mac;
}

std::optional<std::string> session_codec::encode(const session& s, const password_mark& mark) const {
    const auto id = base64url_decode(s.id);
    if (!id || id->size() != id_bytes || s.where < 0 || s.where > 255) return std::nullopt;
    std::string payload;
    payload.reserve(payload_bytes);
    payload.push_back(static_cast<char>(version));
    payload.push_back(static_cast<char>(s.where));
    payload += *id;
    put_time(payload, s.issued);
    put_time(payload, s.renewed);
    put_time(payload, s.expires);
    payload.append(reinterpret_cast<const char*>(mark.data()), mark.size());
    const auto mac = sign(payload);
    return base64url_encode(payload) + '.' +
           base64url_encode({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

std::optional<sealed_session> session_codec::decode(std::string_view cookie) const {
    if (cookie.size() != payload_chars + 1 + mac_chars || cookie[payload_chars] != '.' || !is_ascii(cookie))
        return std::nullopt;
    const auto payload = base64url_decode(cookie.substr(0, payload_chars));
    const auto mac = base64url_decode(cookie.substr(payload_chars + 1));
    if (!payload || !mac) return std::nullopt;
    const auto expected = sign(*payload);
    if (!equal_constant_time(*mac, {reinterpret_cast<const char*>(expected.data()), expected.size()}))
        return std::nullopt;

    std::string_view in = *payload;
    if (static_cast<unsigned char>(take(in, 1)[0]) != version) return std::nullopt;
    sealed_session out;
    out.what.where = static_cast<unsigned char>(take(in, 1)[0]);
    out.what.id = base64url_encode(take(in, id_bytes));
    out.what.issued = take_time(in);
    out.what.renewed = take_time(in);
    out.what.expires = take_time(in);
    std::memcpy(out.mark.data(), take(in, out.mark.size()).data(), out.mark.size());
    return out;
}

} // namespace clawgate::auth
