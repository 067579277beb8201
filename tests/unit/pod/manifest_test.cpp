#include "pod/manifest.hpp"

#include "pod/checksum.hpp"
#include "pod/state_contents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace clawgate::pod::test {
namespace {

using testing::HasSubstr;
using testing::Not;

manifest sample() {
    manifest m;
    m.kind = "backup";
    m.id = "abc";
    m.agent = "agent_1";
    m.created = "20260101T000000Z";
    manifest_entry folder;
    folder.path = "openclaw/sub";
    folder.type = node::folder;
    folder.mode = 0700;
    manifest_entry file;
    file.path = "openclaw/sub/odd \xff % \n é";
    file.mode = 0640;
    file.mtime = 1'700'000'000;
    file.size = 5;
    file.sha256 = std::string(64, 'a');
    file.damaged = true;
    manifest_entry link;
    link.path = "openclaw/memory";
    link.type = node::link;
    link.target = "sub/\xfe";
    m.entries = {folder, file, link};
    m.remarks = {"x is a FIFO \xff"};
    return m;
}

TEST(Manifest, ReadsBackAsItWasWritten) {
    const auto m = sample();
    const auto again = parse_manifest(to_json(m), "backup");
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(again->entries, m.entries) << "names that are not UTF-8 too";
    EXPECT_EQ(again->agent, "agent_1");
    EXPECT_EQ(again->id, "abc");
    EXPECT_TRUE(again->has_damage());
    EXPECT_EQ(again->files(), 1u);
    EXPECT_EQ(again->bytes(), 5u);
}

TEST(Manifest, IsOfOneKindAndVersion) {
    EXPECT_FALSE(parse_manifest(to_json(sample()), "snapshot"));
    auto text = to_json(sample());
    text.replace(text.find("\"version\": 1"), 12, "\"version\": 9");
    const auto m = parse_manifest(text, "backup");
    ASSERT_FALSE(m);
    EXPECT_THAT(m.error().detail, HasSubstr("version 9"));
}

TEST(Manifest, RefusesWhatItDidNotWrite) {
    const auto text = to_json(sample());
    for (const auto& [from, to] :
         std::vector<std::pair<std::string, std::string>>{{"openclaw/sub\"", "../sub\""},
                                                          {"openclaw/sub\"", "/sub\""},
                                                          {"openclaw/memory", "%2e%2e/memory"},
                                                          {std::string(64, 'a'), "short"},
                                                          {"\"folder\"", "\"device\""},
                                                          {"\"target\": \"sub%2F%FE\"", "\"target\": \"%\""},
                                                          {"\"entries\"", "\"nothing\""}}) {
        auto changed = text;
        const auto at = changed.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        changed.replace(at, from.size(), to);
        const auto m = parse_manifest(changed, "backup");
        ASSERT_FALSE(m) << to;
        EXPECT_EQ(m.error().code, errc::corrupt);
    }
    EXPECT_FALSE(parse_manifest("", "backup"));
    EXPECT_FALSE(parse_manifest("[]", "backup"));
    EXPECT_FALSE(parse_manifest(std::string(100'000, '['), "backup"));
    EXPECT_FALSE(parse_manifest(text.substr(0, text.size() / 2), "backup"));
}

TEST(MemberPath, StaysInItsFolder) {
    for (const auto* good : {"a", "a/b", ".hidden", "a/..b", "a/...", "with space", "\xff"})
        EXPECT_EQ(check_member_path(good), "") << good;
    using namespace std::string_view_literals;
    for (const auto bad : {""sv, "/"sv, "/etc/passwd"sv, ".."sv, "../x"sv, "a/../b"sv, "a/.."sv, "."sv,
                           "a/./b"sv, "a//b"sv, "a/"sv, "a\0b"sv})
        EXPECT_NE(check_member_path(bad), "") << bad;
    EXPECT_NE(check_member_path(std::string(256, 'x')), "");
    EXPECT_EQ(check_member_path(std::string(255, 'x')), "");
    std::string deep = "d";
    while (deep.size() < 5000)
        deep += "/d";
    EXPECT_NE(check_member_path(deep), "");
}

TEST(LinkTarget, StaysInItsTopFolder) {
    for (const auto* good : {"agents/main/agent", "./x", "sub/deeper", "x", "dangling/nowhere"})
        EXPECT_EQ(check_link_target("openclaw/memory", good), "") << good;
    EXPECT_EQ(check_link_target("openclaw/a/b/c", "../x"), "");
    EXPECT_EQ(check_link_target("openclaw/a/b/c", "../../x"), "") << "the top folder itself is inside";
    for (const auto* bad :
         {"", "/etc/passwd", "..", "../x", "../workspace/x", "a/../../x", "a/../x", "./../x"})
        EXPECT_NE(check_link_target("openclaw/memory", bad), "") << bad;
    EXPECT_NE(check_link_target("openclaw/a/b/c", "../../../x"), "");
    EXPECT_NE(check_link_target("openclaw/a/b/c", "../x/../y"), "") << "x may be a link";
    EXPECT_NE(check_link_target("openclaw", "x"), "") << "the top folder is no link";
}

TEST(Checksum, IsSha256) {
    sha256 empty;
    EXPECT_EQ(empty.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256 abc;
    abc.add("a");
    abc.add("bc");
    EXPECT_EQ(abc.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Printable, CannotForgeALine) {
    EXPECT_EQ(printable("a\nb\x1b[2J\xff"), "a\\x0ab\\x1b[2J\\xff");
    EXPECT_LT(printable(std::string(5000, 'x')).size(), 300u);
}

TEST(StateContents, KnowsWhatIsMadeAgain) {
    EXPECT_TRUE(is_disposable("cache"));
    EXPECT_TRUE(is_disposable("tmp"));
    for (const auto* kept : {"agents/cache", "state", "media", "cache.sqlite"})
        EXPECT_FALSE(is_disposable(kept)) << kept;
}

TEST(StateContents, KnowsSecretFilesByTheirNames) {
    for (const auto* secret : {"credentials", "identity", "agents/main/agent/auth-profiles.json", ".env",
                               "project/.env", ".env.local", "config-journal-fingerprint.key", "x.pem",
                               "openclaw.json.bak", ".ssh", ".git-credentials", "id_ed25519"})
        EXPECT_TRUE(is_secret_file(secret)) << secret;
    for (const auto* plain :
         {"openclaw.json", "state", "state/openclaw.sqlite", "notes.md", "environment", "keys.md"})
        EXPECT_FALSE(is_secret_file(plain)) << plain;
}

TEST(StateContents, TakesSecretsOutOfTheConfigurationAndKeepsTheRest) {
    const auto clean = config_without_secrets(R"({ // mine
        "gateway": {"auth": {"mode": "password", "password": "hunter2"}, "port": 20000},
        "models": {"providers": {"x": {"apiKey": "sk-1", "baseUrl": "http://x", "headers": {"Authorization": "Bearer 2"},
                   "models": [{"id": "m", "maxTokens": 5, "contextTokens": 6}]}}},
        "channels": {"telegram": {"botToken": "tt", "name": "bot"}},
        "env": {"vars": {"OPENAI_API_KEY": "sk-3"}} })");
    ASSERT_TRUE(clean);
    for (const auto* secret : {"hunter2", "sk-1", "Bearer 2", "tt\"", "sk-3"})
        EXPECT_THAT(*clean, Not(HasSubstr(secret)));
    for (const auto* kept :
         {"20000", "http://x", "\"maxTokens\": 5", "\"contextTokens\": 6", "\"bot\"", "\"password\""})
        EXPECT_THAT(*clean, HasSubstr(kept));
    EXPECT_FALSE(config_without_secrets("{ broken"));
}

// A source that hands out pieces of `size` bytes.
byte_source in_pieces(std::string text, std::size_t size) {
    return [text = std::move(text), size,
            at = std::size_t{0}](char* to, std::size_t room) mutable -> result<std::size_t> {
        const auto n = std::min({size, room, text.size() - at});
        std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(at), n, to);
        at += n;
        return n;
    };
}

std::string all_of(const byte_source& from, std::size_t room) {
    std::string out;
    std::vector<char> buffer(room);
    for (;;) {
        const auto n = from(buffer.data(), buffer.size());
        if (!n || *n == 0) return out;
        out.append(buffer.data(), *n);
    }
}

TEST(TokenMask, FindsTheTokenWhereverThePiecesAreCut) {
    const std::string token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq";
    ASSERT_EQ(token.size(), token_mask.size());
    const std::string text =
        token + "{\"password\":\"" + token + "\",\"half\":\"" + token.substr(0, 20) + "\"}" + token;
    const std::string mask{token_mask};
    const std::string expected =
        mask + "{\"password\":\"" + mask + "\",\"half\":\"" + token.substr(0, 20) + "\"}" + mask;
    for (const std::size_t piece : {1u, 7u, 42u, 43u, 44u, 1000u})
        for (const std::size_t room : {1u, 10u, 43u, 1000u})
            EXPECT_EQ(all_of(mask_token(in_pieces(text, piece), token), room), expected)
                << piece << " " << room;
    EXPECT_EQ(unmask_token(expected, token), text);
    EXPECT_EQ(all_of(mask_token(in_pieces("plain", 2), ""), 10), "plain");
    EXPECT_EQ(all_of(mask_token(in_pieces("", 2), token), 10), "");
}

} // namespace
} // namespace clawgate::pod::test
