#include "auth/password.hpp"

#include <sodium.h>

#include <string>

namespace clawgate::auth {

password::password(const secret& plain, const secret& hash, const keyed_digest& compare,
                   const keyed_digest& mark) {
    if (!hash.empty()) {
        form_ = form::hashed;
        hash_ = hash;
        mark_ = mark({"hash", hash.reveal()});
    } else if (!plain.empty()) {
        form_ = form::plain;
        plain_ = compare({plain.reveal()});
        mark_ = mark({"plain", plain.reveal()});
    }
}

bool password::matches(const digest& offered) const noexcept {
    return form_ == form::plain && equal_constant_time(plain_, offered);
}

bool verify_hash(const secret& hash, const secret& offered) {
    const std::string text{hash.reveal()}; // libsodium wants a terminated string
    return crypto_pwhash_str_verify(text.c_str(), offered.reveal().data(), offered.reveal().size()) == 0;
}

} // namespace clawgate::auth
