#include "ollama_client/native_writer.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace clawgate::ollama {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

std::string record(response_writer& w, std::string_view line) {
    std::string out;
    w.record(line, out);
    return out;
}
std::string heartbeat(response_writer& w) {
    std::string out;
    w.heartbeat(out);
    return out;
}
std::string failure(response_writer& w, std::string_view message) {
    std::string out;
    w.fail(502, message, out);
    return out;
}

constexpr std::string_view hello{
    R"({"model":"m","created_at":"2026-01-01T00:00:00.1Z","message":{"role":"assistant","content":"Hel"},"done":false})"};
constexpr std::string_view lo{
    R"({"model":"m","created_at":"2026-01-01T00:00:00.2Z","message":{"role":"assistant","content":"lo \"\n\ud83e\udd80"},"done":false})"};
constexpr std::string_view last{
    R"({"model":"m","created_at":"2026-01-01T00:00:00.3Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5000000000123456789,"prompt_eval_count":11,"eval_count":2})"};

TEST(FinalRecord, IsTheOneWithDoneAtItsTopLevel) {
    EXPECT_TRUE(is_final_record(last));
    EXPECT_TRUE(is_final_record(R"({ "done" : true , "model":"m"})"));
    EXPECT_FALSE(is_final_record(hello));
    EXPECT_FALSE(is_final_record(R"({"done":false})"));
    EXPECT_FALSE(is_final_record(R"({"message":{"done":true},"done":false})"));
    EXPECT_FALSE(is_final_record(R"({"message":{"content":"\"done\":true"},"done":false})"));
    EXPECT_FALSE(is_final_record(R"({"response":"done\":true","done":false})"));
    EXPECT_FALSE(is_final_record(R"({"done":"true"})"));
    EXPECT_FALSE(is_final_record(R"({"done":true)"));
    EXPECT_FALSE(is_final_record(R"(["done",true])"));
    EXPECT_FALSE(is_final_record(""));
}

TEST(ErrorOfRecord, IsTheTextOfAnErrorAndNothingElse) {
    EXPECT_EQ(error_of_record(R"({"error":"model \"x\" fell over\n"})"), "model \"x\" fell over\n");
    EXPECT_EQ(error_of_record(R"({"error":{"message":"no","code":1}})"), "no");
    EXPECT_THAT(error_of_record(R"({"error":{}})"), HasSubstr("without saying which"));
    EXPECT_THAT(error_of_record(R"({"error":""})"), HasSubstr("without saying which"));
    EXPECT_THAT(error_of_record(hello), IsEmpty());
    EXPECT_THAT(error_of_record(R"({"message":{"content":"{\"error\":\"no\"}","error":"no"},"done":false})"),
                IsEmpty());
    EXPECT_THAT(error_of_record(R"({"error":null,"done":false})"), IsEmpty());
    EXPECT_THAT(error_of_record("<html>\"error\": 502</html>"), IsEmpty());
}

TEST(NativeError, IsJsonWhateverTheMessage) {
    EXPECT_EQ(native_error("model is required"), R"({"error":"model is required"})");
    EXPECT_EQ(json::parse(native_error("a \"b\"\n\x01"))["error"], "a \"b\"\n\x01");
}

TEST(NativeStream, RecordsPassByteForByte) {
    const auto w = make_native_writer(call_kind::chat, true, "m");
    EXPECT_TRUE(w->streams());
    EXPECT_EQ(w->content_type(), "application/x-ndjson");
    EXPECT_EQ(record(*w, hello), std::string{hello} + "\n");
    EXPECT_EQ(record(*w, R"({ "odd" : 1e3 , "done": false })"), "{ \"odd\" : 1e3 , \"done\": false }\n");
    EXPECT_EQ(record(*w, last), std::string{last} + "\n");
}

TEST(NativeStream, HeartbeatsAreEmptyRecordsOfTheCallersModel) {
    const auto chat = make_native_writer(call_kind::chat, true, "my \"model\"");
    const auto beat = heartbeat(*chat);
    EXPECT_TRUE(beat.ends_with("}\n"));
    const auto j = json::parse(beat);
    EXPECT_EQ(j["model"], "my \"model\"");
    EXPECT_EQ(j["message"], json({{"role", "assistant"}, {"content", ""}}));
    EXPECT_EQ(j["done"], false);
    EXPECT_THAT(j["created_at"].get<std::string>(),
                MatchesRegex("[0-9]+-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\\.[0-9]+Z"));
    EXPECT_FALSE(is_final_record(beat));

    const auto generate = make_native_writer(call_kind::generate, true, "m");
    const auto g = json::parse(heartbeat(*generate));
    EXPECT_EQ(g["response"], "");
    EXPECT_FALSE(g.contains("message"));
}

TEST(NativeStream, AFailureIsTheLastLine) {
    const auto w = make_native_writer(call_kind::chat, true, "m");
    EXPECT_FALSE(record(*w, hello).empty());
    EXPECT_EQ(failure(*w, "the model server went away"), "{\"error\":\"the model server went away\"}\n");
    EXPECT_THAT(record(*w, last) + heartbeat(*w) + failure(*w, "again"), IsEmpty());
}

TEST(NativeStream, GarbageBecomesAnErrorRecord) {
    const auto w = make_native_writer(call_kind::chat, true, "m");
    EXPECT_FALSE(record(*w, hello).empty());
    const auto error = record(*w, "<html>502</html>");
    EXPECT_EQ(error_of_record(error), "the model server sent a record that cannot be read");
    EXPECT_THAT(error, EndsWith("}\n"));
    EXPECT_THAT(record(*w, last), IsEmpty());
    EXPECT_THAT(failure(*w, "truncated"), IsEmpty());
}

TEST(NativeStream, NothingFollowsTheFinalRecord) {
    const auto w = make_native_writer(call_kind::generate, true, "m");
    EXPECT_FALSE(record(*w, R"({"response":"","done":true})").empty());
    EXPECT_THAT(record(*w, hello) + heartbeat(*w) + failure(*w, "too late"), IsEmpty());
}

TEST(NativeFold, AChatBecomesTheOneObjectThatOllamaSends) {
    const auto w = make_native_writer(call_kind::chat, false, "m");
    EXPECT_FALSE(w->streams());
    EXPECT_EQ(w->content_type(), "application/json; charset=utf-8");
    EXPECT_THAT(record(*w, hello), IsEmpty());
    EXPECT_THAT(record(*w, lo), IsEmpty());
    EXPECT_EQ(
        record(*w, last),
        R"({"model":"m","created_at":"2026-01-01T00:00:00.3Z","message":{"role":"assistant","content":"Hello \"\n\ud83e\udd80"},"done":true,"done_reason":"stop","total_duration":5000000000123456789,"prompt_eval_count":11,"eval_count":2})");
    EXPECT_THAT(record(*w, last) + heartbeat(*w) + failure(*w, "too late"), IsEmpty());
}

TEST(NativeFold, ThinkingToolCallsAndLogProbabilitiesAreGathered) {
    const auto w = make_native_writer(call_kind::chat, false, "m");
    EXPECT_THAT(record(*w, R"({"message":{"role":"assistant","content":"","thinking":"Let "},"done":false})"),
                IsEmpty());
    EXPECT_THAT(
        record(
            *w,
            R"({"message":{"role":"assistant","content":"","thinking":"me"},"logprobs":[{"token":"a"}],"done":false})"),
        IsEmpty());
    EXPECT_THAT(
        record(
            *w,
            R"({"message":{"role":"assistant","content":"","tool_calls":[{"id":"1","function":{"name":"f","arguments":{"done":true,"x":[1,2]}}}]},"done":false})"),
        IsEmpty());
    EXPECT_THAT(
        record(
            *w,
            R"({"message":{"role":"assistant","content":"","tool_calls":[ ]},"logprobs":[],"done":false})"),
        IsEmpty());
    EXPECT_THAT(
        record(
            *w,
            R"({"message":{"role":"assistant","content":"x","tool_calls":[{"id":"2"},{"id":"3"}]},"logprobs":[{"token":"b"},{"token":"c"}],"done":false})"),
        IsEmpty());
    EXPECT_EQ(
        record(
            *w,
            R"({"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":3})"),
        R"({"model":"m","message":{"role":"assistant","content":"x","thinking":"Let me","tool_calls":[{"id":"1","function":{"name":"f","arguments":{"done":true,"x":[1,2]}}},{"id":"2"},{"id":"3"}]},"done":true,"done_reason":"stop","logprobs":[{"token":"a"},{"token":"b"},{"token":"c"}],"eval_count":3})");
}

TEST(NativeFold, WhatTheFinalRecordHoldsItselfComesLast) {
    const auto w = make_native_writer(call_kind::chat, false, "m");
    EXPECT_THAT(record(*w, R"({"message":{"role":"assistant","content":"a","thinking":"t"},"done":false})"),
                IsEmpty());
    EXPECT_EQ(
        record(
            *w,
            R"({"message":{"content":"b","role":"assistant","thinking":"u","tool_calls":[7]},"logprobs":[8],"done":true})"),
        R"({"message":{"content":"ab","role":"assistant","thinking":"tu","tool_calls":[7]},"logprobs":[8],"done":true})");
}

TEST(NativeFold, AFinalRecordWithoutAMessageLosesNoText) {
    const auto w = make_native_writer(call_kind::chat, false, "m");
    EXPECT_THAT(record(*w, hello), IsEmpty());
    EXPECT_EQ(record(*w, R"({"done":true})"),
              R"({"done":true,"message":{"role":"assistant","content":"Hel"}})");
}

TEST(NativeFold, AGenerationKeepsContextAndNumbers) {
    const auto w = make_native_writer(call_kind::generate, false, "m");
    EXPECT_THAT(record(*w, R"({"model":"m","created_at":"t","response":"","thinking":"hm","done":false})"),
                IsEmpty());
    EXPECT_THAT(record(*w, R"({"model":"m","created_at":"t","response":"on","done":false})"), IsEmpty());
    EXPECT_THAT(record(*w, R"({"model":"m","created_at":"t","response":"e","logprobs":[1],"done":false})"),
                IsEmpty());
    EXPECT_EQ(
        record(
            *w,
            R"({"model":"m","created_at":"u","response":"","done":true,"done_reason":"length","context":[1,2,3],"eval_duration":9})"),
        R"({"model":"m","created_at":"u","response":"one","thinking":"hm","done":true,"done_reason":"length","context":[1,2,3],"eval_duration":9,"logprobs":[1]})");
}

TEST(NativeFold, ALoadOfTheModelIsOneRecord) {
    const auto w = make_native_writer(call_kind::generate, false, "m");
    constexpr std::string_view load{
        R"({"model":"m","created_at":"t","response":"","done":true,"done_reason":"load"})"};
    EXPECT_EQ(record(*w, load), load);
}

TEST(NativeFold, SignsOfLifeAreWhiteSpaceBeforeTheObject) {
    const auto w = make_native_writer(call_kind::chat, false, "m");
    std::string out;
    w->heartbeat(out);
    w->record(hello, out);
    w->heartbeat(out);
    EXPECT_EQ(out, "  ");
    w->record(last, out);
    EXPECT_EQ(json::parse(out)["message"]["content"], "Hel");
}

TEST(NativeFold, AFailureIsTheOnlyObject) {
    const auto w = make_native_writer(call_kind::chat, false, "m");
    EXPECT_THAT(record(*w, hello), IsEmpty());
    EXPECT_EQ(failure(*w, "timed out"), R"({"error":"timed out"})");
    EXPECT_THAT(record(*w, last) + failure(*w, "again"), IsEmpty());
    EXPECT_EQ(w->error_body(504, "timed out"), R"({"error":"timed out"})");
}

TEST(NativeFold, ARecordThatCannotBeReadIsAFailureAndNotASilentGap) {
    const auto w = make_native_writer(call_kind::chat, false, "m");
    EXPECT_THAT(record(*w, hello), IsEmpty());
    EXPECT_THAT(record(*w, "garbage"), HasSubstr(R"({"error":")"));
    EXPECT_THAT(record(*w, last), IsEmpty());
}

TEST(NativeFold, MembersOfAWrongTypeAreNotGathered) {
    const auto w = make_native_writer(call_kind::chat, false, "m");
    EXPECT_THAT(record(*w, R"({"message":{"content":null,"tool_calls":"x","thinking":3},"done":false})"),
                IsEmpty());
    EXPECT_THAT(record(*w, R"({"message":"text","done":false})"), IsEmpty());
    const auto answer = json::parse(record(*w, last));
    EXPECT_EQ(answer["message"], json({{"role", "assistant"}, {"content", ""}}));
}

TEST(NativeEmbeddings, TheOneObjectPassesAsItIs) {
    for (const auto kind : {call_kind::embed, call_kind::embeddings}) {
        const auto w = make_native_writer(kind, true, "e");
        EXPECT_FALSE(w->streams());
        EXPECT_EQ(heartbeat(*w), " ");
        EXPECT_EQ(record(*w, R"({"embeddings":[[0.5, 1]]})"), R"({"embeddings":[[0.5, 1]]})");
        EXPECT_THAT(failure(*w, "too late"), IsEmpty());
    }
}

} // namespace
} // namespace clawgate::ollama
