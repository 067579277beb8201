#include "core/encoding.hpp"
#include "pages/pages.hpp"
#include "sample_pages.hpp"

#include <gtest/gtest.h>
#include <openssl/sha.h>

namespace clawgate::pages {
namespace {

std::string hash_source(const std::string& text) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    return "'sha256-" + base64_encode({reinterpret_cast<const char*>(digest), sizeof digest}) + "'";
}

std::string directive(const std::string& policy, const std::string& name) {
    return samples::between("; " + policy + ";", "; " + name + " ", ";");
}

TEST(Policy, NamesTheStyleOfEveryPageByItsHash) {
    const auto allowed = directive(content_security_policy(), "style-src");
    for (const auto& page : samples::all()) {
        EXPECT_EQ(samples::count(page.html, "<style"), 1u) << page.name;
        EXPECT_EQ(hash_source(samples::between(page.html, "<style>", "</style>")), allowed) << page.name;
    }
}

TEST(Policy, AllowsNothingElse) {
    const auto policy = content_security_policy();
    EXPECT_EQ(directive(policy, "default-src"), "'none'");
    EXPECT_EQ(directive(policy, "img-src"), "data:");
    EXPECT_EQ(directive(policy, "form-action"), "'self'");
    EXPECT_EQ(directive(policy, "base-uri"), "'none'");
    EXPECT_EQ(directive(policy, "frame-ancestors"), "'none'");
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(policy.find("script-src"), std::string::npos);
}

TEST(Policy, LetsFormsLeadToTheGivenOrigins) {
    EXPECT_EQ(
        directive(content_security_policy({"https://a.example", "http://localhost:18790"}), "form-action"),
        "'self' https://a.example http://localhost:18790");
}

TEST(Policy, DropsAnOriginThatWouldChangeThePolicy) {
    for (const std::string hostile :
         {"https://a.example; script-src *", "https://a.example *", "https://*.example", "https://a,b", "*",
          "'unsafe-inline'", "javascript:", "", "https://a.example\r\nX-Y: z", "http://[::1]; script-src *",
          "http://[::1] *"})
        EXPECT_EQ(content_security_policy({hostile}), content_security_policy()) << hostile;
}

TEST(Policy, NamesAnIpv6LiteralByItsScheme) { // the grammar of source lists has no IPv6 literals
    EXPECT_EQ(directive(content_security_policy({"http://[::1]:18790"}), "form-action"), "'self' http:");
    EXPECT_EQ(directive(content_security_policy({"https://[2001:db8::1]"}), "form-action"), "'self' https:");
}

} // namespace
} // namespace clawgate::pages
