#pragma once
// SHA-256 (FIPS 180-4) of a stream.

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st; // OpenSSL's EVP_MD_CTX

namespace clawgate::pod {

class sha256 {
public:
    sha256();
    void add(std::string_view bytes);
    /// 64 lower-case hexadecimal digits. Once, at the end.
    [[nodiscard]] std::string hex();

private:
    std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> state_;
};

} // namespace clawgate::pod
