#pragma once
// Keyed BLAKE2b: equality of secrets without keeping or comparing the secrets themselves.

#include "core/secret.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace clawgate::auth {

using digest = std::array<unsigned char, 32>;

/// Constant time.
[[nodiscard]] bool equal_constant_time(const digest& a, const digest& b) noexcept;

/// For tables: a digest is uniformly distributed already.
struct digest_hash {
    std::size_t operator()(const digest& d) const noexcept;
};

class keyed_digest {
public:
    /// A key of its own for each `purpose`, derived from `key` (16–64 bytes; std::invalid_argument
    /// otherwise).
    keyed_digest(const secret& key, std::string_view purpose);

    /// Of a list of strings; ("ab", "c") and ("a", "bc") differ.
    [[nodiscard]] digest operator()(std::initializer_list<std::string_view> parts) const;

    /// The derived key itself, for another algorithm.
    [[nodiscard]] const secret& key() const noexcept { return key_; }

private:
    secret key_;
};

/// A key that nobody else has and that ends with the process.
[[nodiscard]] secret make_process_key();

} // namespace clawgate::auth
