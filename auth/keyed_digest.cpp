#include "auth/keyed_digest.hpp"

#include <sodium.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace clawgate::auth {
namespace {

const unsigned char* bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

bool equal_constant_time(const digest& a, const digest& b) noexcept {
    return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::size_t digest_hash::operator()(const digest& d) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, d.data(), sizeof value);
    return value;
}

keyed_digest::keyed_digest(const secret& key, std::string_view purpose) {
    if (sodium_init() < 0) throw std::runtime_error{"libsodium cannot be initialised"};
    const auto master = key.reveal();
    if (master.size() < crypto_generichash_KEYBYTES_MIN || master.size() > crypto_generichash_KEYBYTES_MAX)
        throw std::invalid_argument{"a key for digests has 16 to 64 bytes"};
    std::string derived(32, '\0');
    crypto_generichash(reinterpret_cast<unsigned char*>(derived.data()), derived.size(), bytes(purpose),
                       purpose.size(), bytes(master), master.size());
    key_ = secret{std::move(derived)};
}

digest keyed_digest::operator()(std::initializer_list<std::string_view> parts) const {
    crypto_generichash_state state;
    crypto_generichash_init(&state, bytes(key_.reveal()), key_.reveal().size(), sizeof(digest));
    for (const auto part : parts) {
        const std::uint64_t length = part.size();
        unsigned char prefix[sizeof length];
        std::memcpy(prefix, &length, sizeof length);
        crypto_generichash_update(&state, prefix, sizeof prefix);
        crypto_generichash_update(&state, bytes(part), part.size());
    }
    digest out{};
    crypto_generichash_final(&state, out.data(), out.size());
    return out;
}

secret make_process_key() {
    return secret{random_token(32)};
}

} // namespace clawgate::auth
