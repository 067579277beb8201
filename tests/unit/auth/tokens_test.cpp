#include "auth/tokens.hpp"

#include "support.hpp"

#include "core/encoding.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace clawgate::auth {
namespace {

class SecretFiles : public ::testing::Test {
protected:
    void write(const std::string& name, const std::string& text, unsigned mode = 0600) {
        std::ofstream{directory.file(name)} << text;
        ASSERT_EQ(::chmod(directory.file(name).c_str(), mode), 0);
    }
    [[nodiscard]] errc failure(const std::string& name) const {
        const auto got = read_secret_file(directory.file(name));
        return got ? errc{-1} : got.error().code;
    }

    test::temporary_directory directory;
};

TEST(ServiceToken, IsThirtyTwoRandomBytes) {
    const auto token = make_service_token();
    EXPECT_EQ(base64url_decode(token.reveal()).value().size(), 32u);
    EXPECT_NE(token, make_service_token());
}

TEST_F(SecretFiles, ReadBackWhatWasWritten) {
    const secret value{"abc"};
    ASSERT_TRUE(write_secret_file(directory.file("token"), value));
    struct stat info {};
    ASSERT_EQ(::stat(directory.file("token").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    const auto back = read_secret_file(directory.file("token"));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, value);
}

TEST_F(SecretFiles, AreWrittenWithTheModeAskedFor) {
    ASSERT_TRUE(write_secret_file(directory.file("token"), secret{"abc"}, 0400));
    struct stat info {};
    ASSERT_EQ(::stat(directory.file("token").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0400u);
}

TEST_F(SecretFiles, LoseOneTrailingNewline) {
    write("one", "abc\n");
    EXPECT_EQ(read_secret_file(directory.file("one"))->reveal(), "abc");
    write("two", "abc\n\n");
    EXPECT_EQ(read_secret_file(directory.file("two"))->reveal(), "abc\n");
    write("empty", "");
    EXPECT_TRUE(read_secret_file(directory.file("empty"))->empty());
}

TEST_F(SecretFiles, ThatOthersMayReadAreRefused) {
    for (const unsigned mode : {0640u, 0604u, 0660u, 0601u, 0644u}) {
        write("open", "abc", mode);
        EXPECT_EQ(failure("open"), errc::forbidden) << std::oct << mode;
    }
}

TEST_F(SecretFiles, ThatAreNotPlainFilesAreRefused) {
    EXPECT_EQ(failure("missing"), errc::not_found);
    write("real", "abc");
    ASSERT_EQ(::symlink(directory.file("real").c_str(), directory.file("link").c_str()), 0);
    EXPECT_EQ(failure("link"), errc::io);
    std::filesystem::create_directory(directory.file("folder"));
    EXPECT_EQ(failure("folder"), errc::io);
    ASSERT_EQ(::mkfifo(directory.file("fifo").c_str(), 0600), 0);
    EXPECT_EQ(failure("fifo"), errc::io) << "and it does not wait for a writer";
}

TEST_F(SecretFiles, OfMoreThanFourKilobytesAreRefused) {
    write("long", std::string(4096, 'a'));
    EXPECT_EQ(read_secret_file(directory.file("long"))->reveal().size(), 4096u);
    write("longer", std::string(4097, 'a'));
    EXPECT_EQ(failure("longer"), errc::too_large);
}

TEST_F(SecretFiles, AreNotQuotedInErrors) {
    write("open", "very-secret", 0644);
    EXPECT_EQ(read_secret_file(directory.file("open")).error().detail.find("very-secret"), std::string::npos);
    write("session.key", "very-secret");
    EXPECT_EQ(load_or_make_session_key(directory.path()).error().detail.find("very-secret"),
              std::string::npos);
}

TEST_F(SecretFiles, TheSessionKeyIsMadeOnceAndKept) {
    const auto first = load_or_make_session_key(directory.path());
    ASSERT_TRUE(first);
    EXPECT_EQ(first->reveal().size(), 32u);
    EXPECT_EQ(*load_or_make_session_key(directory.path()), *first);
    struct stat info {};
    ASSERT_EQ(::stat(directory.file("session.key").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SecretFiles, ABrokenSessionKeyIsReportedAndNotReplaced) {
    for (const std::string text : {"", "short", "not base64url at all, but rather long for it"}) {
        write("session.key", text);
        const auto key = load_or_make_session_key(directory.path());
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, errc::corrupt);
    }
    write("session.key", base64url_encode(std::string(32, 'k')), 0644);
    EXPECT_EQ(load_or_make_session_key(directory.path()).error().code, errc::forbidden);
    EXPECT_EQ(load_or_make_session_key(directory.file("missing")).error().code, errc::io);
}

TEST(TokenPaths, FollowTheWorkspaceLayout) {
    EXPECT_EQ(gateway_token_path("/workspace", "agent_2"), "/workspace/.clawgate/tokens/agent_2");
    EXPECT_EQ(agent_token_path("/workspace", "agent_2"), "/workspace/agents/agent_2/.openclaw/token");
}

} // namespace
} // namespace clawgate::auth
