#include "core/secret.hpp"

#include "core/encoding.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <stdexcept>
#include <utility>
#include <vector>

namespace clawgate {

secret::secret(std::string value)
    : value_{std::move(value)} {}

secret::secret(const secret&) = default;

secret::secret(secret&& other) noexcept
    : value_{other.value_} { // copied, then wiped: a moved-from short string keeps its bytes
    wipe(other.value_);
}

secret& secret::operator=(const secret& other) {
    if (this != &other) {
        wipe(value_);
        value_ = other.value_;
    }
    return *this;
}

secret& secret::operator=(secret&& other) noexcept {
    if (this != &other) {
        wipe(value_);
        value_ = other.value_;
        wipe(other.value_);
    }
    return *this;
}

secret::~secret() {
    wipe(value_);
}

void wipe(std::string& text) noexcept {
    // The whole capacity: an earlier, longer value may still lie behind the end.
    text.resize(text.capacity());
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

bool secret::equals(std::string_view other) const noexcept {
    return equal_constant_time(value_, other);
}

bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_token(std::size_t bytes) {
    std::vector<unsigned char> raw(bytes);
    if (RAND_bytes(raw.data(), static_cast<int>(raw.size())) != 1)
        throw std::runtime_error{"the system's random generator failed"};
    auto text = base64url_encode({reinterpret_cast<const char*>(raw.data()), raw.size()});
    OPENSSL_cleanse(raw.data(), raw.size());
    return text;
}

} // namespace clawgate
