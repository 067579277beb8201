#include "core/secret_query.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace clawgate {
namespace {

TEST(SecretQuery, FindsAPairInsideAValueHoweverItIsEncoded) {
    for (const std::string_view value :
         {"/o?token=x", "%2Fo%3Ftoken%3Dx", "%252Fo%253Ftoken%253Dx", "%25252Fo%25253Ftoken%25253Dx",
          "a%3D1%26Api_Key%3Dx", "%2Fo%3F%74oken%3Dx", "%%3Ftoken%3Dx"})
        EXPECT_TRUE(holds_a_secret(value)) << value;
    for (const std::string_view value : {"", "/o?a=1", "token", "%2Ftoken%2Fx", "%2Fo%3Fa%3D1", "%", "%2"})
        EXPECT_FALSE(holds_a_secret(value)) << value;
}

TEST(SecretQuery, TakesSecretsOutOfAnAddressAndNothingElse) {
    for (const auto& [target, wanted] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"/overview?token=x", "/overview"},
             {"/overview?a=1&token=x&b=2", "/overview?a=1&b=2"},
             {"/overview?token=x&b=2", "/overview?b=2"},
             {"/?bootstrapToken=x&PASSWORD=y&t%6fken=z", "/"},
             {"/?auth=x;key=y&api_key=z", "/"},
             {"/?next=%2Fo%3Ftoken%3Dx&a=1", "/?a=1"},
             {"/chat?sessionKey=agent:main:main&author=me", "/chat?sessionKey=agent:main:main&author=me"},
             {"/chat?session=main&a;b", "/chat?session=main&a;b"},
             {"/token", "/token"},
             {"/?", "/?"}})
        EXPECT_EQ(without_secrets(target), wanted) << target;
}

} // namespace
} // namespace clawgate
