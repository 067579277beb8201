#include "core/password_input.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <unistd.h>

#include <array>
#include <string_view>

namespace {

using namespace clawgate;

result<secret> read_from_pipe(std::string_view bytes) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    EXPECT_EQ(::write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::close(ends[1]);
    auto out = read_password(ends[0]);
    ::close(ends[0]);
    return out;
}

TEST(PasswordInput, IsTheFirstLine) {
    for (const auto* text : {"hunter2", "hunter2\n", "hunter2\r\n", "hunter2\nmore\n"})
        EXPECT_TRUE(read_from_pipe(text)->equals("hunter2")) << text;
    EXPECT_TRUE(read_from_pipe(" spaces count ")->equals(" spaces count "));
}

TEST(PasswordInput, RefusesWhatTheGatewayWouldRefuse) {
    for (const auto& text : {std::string{}, std::string{"\n"}, std::string{"a\tb\n"}, std::string(1025, 'x'),
                             std::string(5000, 'x')})
        EXPECT_EQ(read_from_pipe(text).error().code, errc::bad_request) << text.size();
}

TEST(PasswordHash, VerifiesAndIsSalted) {
    ASSERT_GE(sodium_init(), 0);
    const secret password{"correct horse"};
    const auto a = hash_password(password);
    ASSERT_TRUE(a.has_value());
    EXPECT_TRUE(a->starts_with("$argon2id$v=19$"));
    EXPECT_EQ(crypto_pwhash_str_verify(a->c_str(), "correct horse", 13), 0);
    EXPECT_NE(crypto_pwhash_str_verify(a->c_str(), "correct house", 13), 0);
    EXPECT_NE(*a, *hash_password(password));
}

} // namespace
