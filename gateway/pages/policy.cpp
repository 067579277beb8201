#include "assets.hpp"
#include "core/encoding.hpp"
#include "pages/pages.hpp"

#include <openssl/evp.h>

#include <algorithm>
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

bool consists_of(std::string_view text, std::string_view others) {
    return std::all_of(text.begin(), text.end(), [others](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != std::string_view::npos;
    });
}

/// The source that covers `origin`; empty for what is not an origin and would end the directive or start
/// another source. CSP's grammar (CSP3 section 2.3.1) has no IPv6 literals: those can be named by their
/// scheme only.
std::string_view source_of(std::string_view origin) {
    for (const std::string_view scheme : {"http:", "https:"}) {
        if (!origin.starts_with(scheme)) continue;
        auto authority = origin.substr(scheme.size());
        if (!authority.starts_with("//")) return {};
        authority.remove_prefix(2);
        if (authority.starts_with('[')) return consists_of(authority, "[]:.") ? scheme : std::string_view{};
        return consists_of(authority, "-.:") ? origin : std::string_view{};
    }
    return {};
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
