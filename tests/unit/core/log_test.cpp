#include "core/log.hpp"
#include "core/log_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <limits>
#include <string>
#include <utility>

namespace {

using namespace clawgate;
using testing::HasSubstr;
using testing::MatchesRegex;

template <class Function>
std::string written_by(Function function) {
    testing::internal::CaptureStdout();
    function();
    log::flush();
    return testing::internal::GetCapturedStdout();
}

std::string escaped(std::string_view text) {
    std::string out;
    log::append_escaped(out, text);
    return out;
}

std::string word(std::string_view text) {
    std::string out;
    log::append_word(out, text);
    return out;
}

TEST(LogText, KeepsOneEventOnOneLine) {
    EXPECT_EQ(escaped("a\r\nb\tc\\"), "a\\r\\nb\\tc\\\\");
    EXPECT_EQ(escaped("\x1b[31m\x7f"), "\\x1b[31m\\x7f");
    EXPECT_EQ(escaped("olá ✓ 😀"), "olá ✓ 😀");
    EXPECT_EQ(escaped("\xc2\x9b"), "\\u009b") << "C1 control sequence introducer";
    EXPECT_EQ(escaped("\xe2\x80\xae"), "\\u202e") << "right-to-left override";
}

TEST(LogText, EscapesBytesThatAreNotUtf8) {
    EXPECT_EQ(escaped("\xff\xc0\xaf"), "\\xff\\xc0\\xaf");
    EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
    EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond U+10FFFF";
    EXPECT_EQ(escaped("\xe2\x82"), "\\xe2\\x82") << "cut short";
}

TEST(LogText, WordsCannotBeMistakenForSeveral) {
    EXPECT_EQ(word(""), "-");
    EXPECT_EQ(word("plain"), "plain");
    EXPECT_EQ(word("x status=200"), "\"x status=200\"");
    EXPECT_EQ(word("a \" b"), "\"a \\\" b\"");
}

TEST(LogText, JsonIsValidWhateverComes) {
    for (const std::string_view text : {"", "a\"b\\c\n", "\xff\xfe", "ç\x01", "\xe2\x80\xa8"}) {
        std::string out;
        log::append_json(out, text);
        EXPECT_TRUE(nlohmann::json::accept(out)) << out;
    }
    std::string out;
    log::append_json(out, "tab\t\"q\" é");
    EXPECT_EQ(nlohmann::json::parse(out), "tab\t\"q\" é");
}

TEST(MaskTarget, HidesTheValuesOfSecrets) {
    for (const auto& [target, wanted] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"/x?a=1&token=abc#frag", "/x?a=1&token=***"},
             {"/x?token=abc&a=1", "/x?token=***&a=1"},
             {"/x?Access_Token=abc", "/x?Access_Token=***"},
             {"/x?PASSWORD=abc", "/x?PASSWORD=***"},
             {"/x?to%6ben=abc", "/x?to%6ben=***"},
             {"/x?api_key=abc", "/x?api_key=***"},
             {"/x?auth=abc", "/x?auth=***"},
             {"/x?ticket=abc&X-Signature=def", "/x?ticket=***&X-Signature=***"},
             {"/x?a=1;token=abc", "/x?a=1;token=***"},
             {"/x?token=a;bc", "/x?token=***"},
             {"/x?token=a?bc&d=e", "/x?token=***&d=e"},
             {"/x?token=a=b", "/x?token=***"},
             {"/x?token=", "/x?token=***"},
             {"/#token=abc", "/#token=***"},
             {"/x?a=1#/chat?token=abc", "/x?a=1#/chat?token=***"},
             {"/x?%zztoken=abc", "/x?%zztoken=***"},
             {"/x?a=1&b=2;c=3&&d#e", "/x?a=1&b=2;c=3&&d#e"},
             {"/token/x?page=2", "/token/x?page=2"},
             {"/_gateway/login?next=%2Foverview%3Ftoken%3Dabc", "/_gateway/login?next=***"},
             {"/x?next=%252Fo%253Fa%253D1%2526password%253Dabc&a=1", "/x?next=***&a=1"},
             {"/x?next=/o%3Ftoken=abc;d", "/x?next=***"},
             {"/x?next=/o?token=abc", "/x?next=/o?token=***"},
             {"/x?next=a%zz%3Ftoken%3Dabc", "/x?next=***"},
             {"/x?next=token=abc", "/x?next=***"},
             {"/x?next=%2Fchat%3Fsession%3Dmain%26a%3Db", "/x?next=%2Fchat%3Fsession%3Dmain%26a%3Db"},
             {"/x?q=100%25%3D1", "/x?q=100%25%3D1"},
             {"/overview%3Ftoken%3Dabc?a=1", "/overview***?a=1"},
             {"/x;token=abc", "/x***"},
             {"/a%20b/token", "/a%20b/token"},
             {"/x?", "/x?"},
             {"", ""}})
        EXPECT_EQ(log::mask_target(target), wanted) << target;
}

TEST(Log, EventsAreOneReadableLine) {
    log::init(log_level::info, log_format::text);
    const auto text = written_by([] {
        log::event(log_level::info, "Listening",
                   {{"port", std::int64_t{18790}}, {"bind", "0.0.0.0"}, {"tls", false}});
    });
    EXPECT_THAT(
        text, MatchesRegex(
                  "[0-9-]+T[0-9:]+\\.[0-9][0-9][0-9]Z info Listening port=18790 bind=0\\.0\\.0\\.0 tls=0\n"));
}

TEST(Log, NoLineCanBeForged) {
    log::init(log_level::info, log_format::text);
    const auto text = written_by([] { log::event(log_level::info, "a\nb", {{"v", "c\nd"}}); });
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(Log, LevelsBelowTheLimitAreDropped) {
    log::init(log_level::warn, log_format::text);
    EXPECT_FALSE(log::enabled(log_level::info));
    EXPECT_TRUE(log::enabled(log_level::warn));
    const auto text = written_by([] {
        log::event(log_level::info, "quiet");
        log::event(log_level::error, "loud");
        log::access({});
    });
    EXPECT_THAT(text, testing::AllOf(HasSubstr("error loud"), testing::Not(HasSubstr("quiet")),
                                     testing::Not(HasSubstr("access"))));
}

log::access_record record() {
    using std::chrono::microseconds;
    log::access_record r;
    r.agent = "agent_1";
    r.client = "203.0.113.5";
    r.caller = "cookie";
    r.method = "GET";
    r.target = "/overview?token=hunter2";
    r.status = 200;
    r.bytes_out = 5120;
    r.total = microseconds{1234};
    r.connect = microseconds{100};
    r.first_byte = microseconds{949};
    r.reused = true;
    r.request_id = "abc";
    return r;
}

TEST(Log, AccessLinesAreReadableAndMasked) {
    log::init(log_level::info, log_format::text);
    const auto text = written_by([] { log::access(record()); });
    EXPECT_THAT(text, testing::EndsWith(
                          "Z access agent_1 203.0.113.5 cookie GET /overview?token=*** 200 out=5120 in=0 "
                          "total=1.2ms connect=0.1ms first=0.9ms reused=1 id=abc\n"));
}

TEST(Log, AccessLinesOfATunnelTellHowItClosed) {
    log::init(log_level::info, log_format::text);
    auto r = record();
    r.kind = "tunnel";
    r.target = "/with space";
    r.close_code = 1008;
    r.close_reason = "origin not allowed";
    r.error = "closed";
    const auto text = written_by([&] { log::access(r); });
    EXPECT_THAT(text,
                testing::EndsWith(" kind=tunnel close=1008 reason=\"origin not allowed\" error=closed\n"));
    EXPECT_THAT(text, HasSubstr("GET /with\\x20space 200 "));
}

TEST(Log, JsonLinesAreObjects) {
    log::init(log_level::info, log_format::json);
    const auto text = written_by([] {
        log::access(record());
        log::event(log_level::warn, "say \"hi\"",
                   {{"load", 0.5}, {"bad", std::numeric_limits<double>::infinity()}, {"ok", true}});
    });
    log::init(log_level::info, log_format::text);
    const auto end = text.find('\n');
    const auto access = nlohmann::json::parse(text.substr(0, end));
    EXPECT_EQ(access["message"], "access");
    EXPECT_EQ(access["target"], "/overview?token=***");
    EXPECT_EQ(access["status"], 200);
    EXPECT_EQ(access["total_us"], 1234);
    EXPECT_EQ(access["reused"], true);
    EXPECT_TRUE(access["time"].get<std::string>().ends_with('Z'));
    const auto event = nlohmann::json::parse(text.substr(end + 1));
    EXPECT_EQ(event["level"], "warn");
    EXPECT_EQ(event["message"], "say \"hi\"");
    EXPECT_EQ(event["load"], 0.5);
    EXPECT_TRUE(event["bad"].is_null());
}

} // namespace
