#include "pod/checksum.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace clawgate::pod {

sha256::sha256()
    : state_{EVP_MD_CTX_new(), EVP_MD_CTX_free} {
    if (!state_ || EVP_DigestInit_ex(state_.get(), EVP_sha256(), nullptr) != 1)
        throw std::runtime_error{"OpenSSL has no SHA-256"};
}

void sha256::add(std::string_view bytes) {
    if (EVP_DigestUpdate(state_.get(), bytes.data(), bytes.size()) != 1)
        throw std::runtime_error{"SHA-256 failed"};
}

std::string sha256::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_DigestFinal_ex(state_.get(), digest.data(), &length) != 1)
        throw std::runtime_error{"SHA-256 failed"};
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < length; ++i) {
        out += digits[digest[i] >> 4];
        out += digits[digest[i] & 15];
    }
    return out;
}

} // namespace clawgate::pod
