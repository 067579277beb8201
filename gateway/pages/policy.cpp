#include "assets.hpp"
#include "core/encoding.hpp"
#include "pages/pages.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace clawgate::pages {
namespace {

std::string style_hash() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    const auto& style = assets::style_css;
    if (EVP_Digest(style.data(), style.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("SHA-256 is not available in OpenSSL");
    return "sha256-" + base64_encode({reinterpret_cast<const char*>(digest.data()), length});
}

/// What may stand in a source list. Everything else would end the directive or start another source.
bool is_plain_source(std::string_view source) {
    constexpr std::string_view extra = "-.:/";
    for (const char c : source) {
        const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && extra.find(c) == std::string_view::npos) return false;
    }
    return source.starts_with("http://") || source.starts_with("https://");
}

/// CSP's grammar (CSP3 section 2.3.1) has no IPv6 literals: such a target can be named by its scheme only.
std::string_view source_of(std::string_view origin) {
    if (origin.starts_with("http://[")) return "http:";
    if (origin.starts_with("https://[")) return "https:";
    return is_plain_source(origin) ? origin : std::string_view{};
}

} // namespace

std::string content_security_policy(const std::vector<std::string>& form_targets) {
    static const std::string hash = style_hash();
    std::string policy = "default-src 'none'; style-src '" + hash + "'; img-src data:; form-action 'self'";
    for (const auto& target : form_targets) {
        const auto source = source_of(target);
        if (source.empty()) continue;
        policy += ' ';
        policy += source;
    }
    policy += "; base-uri 'none'; frame-ancestors 'none'";
    return policy;
}

} // namespace clawgate::pages
