#include "translation_support.hpp"

#include <chrono>

namespace clawgate::ollama {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto final_record =
    R"({"model":"real","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":4})";

std::string content(const std::string& text) {
    return R"({"model":"real","message":{"role":"assistant","content":")" + text + R"("},"done":false})";
}
constexpr auto thinking_record =
    R"({"message":{"role":"assistant","content":"","thinking":"hm"},"done":false})";
constexpr auto tool_record =
    R"({"message":{"role":"assistant","content":"","tool_calls":[{"function":{"index":0,"name":"f","arguments":{"z":1,"a":"é"}}},)"
    R"({"id":"call_given","function":{"name":"g","arguments":{}}}]},"done":false})";

std::string request(const std::string& rest = {}) {
    return R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + (rest.empty() ? "" : ',' + rest) +
           '}';
}

/// The chunks before [DONE], which must come last.
std::vector<ordered_json> chunks(const std::string& rest, const std::vector<std::string>& records) {
    const auto all = test::events_of(test::answer_to(
        translate_chat_completions, request("\"stream\":true" + (rest.empty() ? "" : ',' + rest)), records));
    std::vector<ordered_json> out;
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i].data == "[DONE]", i + 1 == all.size());
        if (all[i].data != "[DONE]") out.push_back(ordered_json::parse(all[i].data));
    }
    return out;
}

ordered_json whole(const std::string& rest, const std::vector<std::string>& records) {
    return ordered_json::parse(test::answer_to(translate_chat_completions, request(rest), records));
}

TEST(OpenaiStream, HasOneChunkARecordAndOneForTheEnd) {
    const auto all = chunks("", {content("Hel"), content("lo"), final_record});
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0]["id"], "chatcmpl-id1");
    EXPECT_EQ(all[0]["object"], "chat.completion.chunk");
    EXPECT_EQ(all[0]["model"], "m");
    EXPECT_GT(all[0]["created"], 1'700'000'000);
    EXPECT_EQ(all[0]["choices"].dump(),
              R"([{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}])");
    EXPECT_EQ(all[1]["choices"].dump(), R"([{"index":0,"delta":{"content":"lo"},"finish_reason":null}])");
    EXPECT_EQ(all[2]["choices"].dump(), R"([{"index":0,"delta":{},"finish_reason":"stop"}])");
    EXPECT_FALSE(all[2].contains("usage"));
}

TEST(OpenaiStream, WritesEachRecordAtOnce) {
    const auto r = translate_chat_completions(request(R"("stream":true)"), "1");
    ASSERT_TRUE(r);
    std::string out;
    r->writer->record(content("a"), out);
    EXPECT_EQ(test::events_of(out).size(), 1u);
}

TEST(OpenaiStream, EndsWithTheCountsWhenAsked) {
    const auto all = chunks(R"("stream_options":{"include_usage":true})", {content("a"), final_record});
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[2]["choices"], ordered_json::array());
    EXPECT_EQ(all[2]["usage"].dump(), R"({"prompt_tokens":11,"completion_tokens":4,"total_tokens":15})");
}

TEST(OpenaiStream, HasThinkingAsReasoning) {
    const auto all = chunks("", {thinking_record, content("a"), final_record});
    EXPECT_EQ(all[0]["choices"][0]["delta"].dump(), R"({"role":"assistant","content":"","reasoning":"hm"})");
    EXPECT_EQ(all[1]["choices"][0]["delta"].dump(), R"({"content":"a"})");
}

TEST(OpenaiStream, HasToolCallsWithArgumentsAsText) {
    const auto all = chunks("", {tool_record, tool_record, final_record});
    ASSERT_EQ(all.size(), 3u);
    const auto& calls = all[0]["choices"][0]["delta"]["tool_calls"];
    ASSERT_EQ(calls.size(), 2u);
    EXPECT_EQ(calls[0]["index"], 0);
    EXPECT_EQ(calls[0]["type"], "function");
    EXPECT_EQ(calls[0]["function"]["name"], "f");
    EXPECT_EQ(calls[0]["function"]["arguments"], R"({"z":1,"a":"é"})");
    EXPECT_EQ(calls[1]["id"], "call_given");
    const auto& more = all[1]["choices"][0]["delta"]["tool_calls"];
    EXPECT_EQ(more[0]["index"], 2);
    const auto first = calls[0]["id"].get<std::string>();
    EXPECT_THAT(first, ::testing::MatchesRegex("call_[0-9a-f]+"));
    EXPECT_EQ(first.size(), 29u);
    EXPECT_NE(first, more[0]["id"]);
    EXPECT_EQ(all[2]["choices"][0]["finish_reason"], "tool_calls");
}

TEST(OpenaiStream, KeepsToOneToolCallWhenTheCallerTakesOne) {
    const auto all = chunks(R"("parallel_tool_calls":false)", {tool_record, tool_record, final_record});
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0]["choices"][0]["delta"]["tool_calls"].size(), 1u);
}

TEST(OpenaiStream, SaysThatItWasCutOff) {
    const auto all = chunks("", {R"({"message":{"content":"a"},"done":true,"done_reason":"length"})"});
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0]["choices"][0]["delta"]["content"], "a");
    EXPECT_EQ(all[1]["choices"][0]["finish_reason"], "length");
}

TEST(OpenaiStream, IsAnEmptyAnswerForARecordOfALoad) {
    const auto all =
        chunks("", {R"({"message":{"role":"assistant","content":""},"done":true,"done_reason":"load"})"});
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0]["choices"].dump(),
              R"([{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}])");
}

TEST(OpenaiStream, ShowsSignsOfLifeThatClientsIgnore) {
    const auto r = translate_chat_completions(request(R"("stream":true)"), "1");
    std::string out;
    r->writer->heartbeat(out);
    EXPECT_EQ(out, ": keep-alive\n\n");
    EXPECT_TRUE(test::events_of(out).empty());
}

TEST(OpenaiStream, EndsWithAnErrorWhenTheServerDies) {
    const auto r = translate_chat_completions(request(R"("stream":true)"), "1");
    std::string out;
    r->writer->record(content("a"), out);
    r->writer->fail(502, "the model server is gone", out);
    const auto all = test::events_of(out);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(
        all[1].data,
        R"({"error":{"message":"the model server is gone","type":"api_error","param":null,"code":null}})");
    EXPECT_EQ(all[2].data, "[DONE]");
}

TEST(OpenaiStream, SaysNothingAfterItsEnd) {
    const auto r = translate_chat_completions(request(R"("stream":true)"), "1");
    std::string out;
    r->writer->record(final_record, out);
    const auto end = out;
    r->writer->record(content("late"), out);
    r->writer->heartbeat(out);
    r->writer->fail(500, "late", out);
    EXPECT_EQ(out, end);
}

TEST(OpenaiStream, IsValidWhateverTheServerSends) {
    const std::string bad_utf8 = R"({"message":{"content":"a)" + std::string{"\xC3"} + R"("},"done":false})";
    const std::string newline = R"({"message":{"content":"a\n\ndata: x"},"done":false})";
    const auto all =
        chunks("", {bad_utf8, newline, "not json", "[1]", R"({"message":7,"done":"yes","eval_count":-3})",
                    R"({"message":{"content":5,"tool_calls":[1,{"function":2},{"function":{"name":3}}]}})",
                    final_record});
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[0]["choices"][0]["delta"]["content"], "a\uFFFD");
    EXPECT_EQ(all[1]["choices"][0]["delta"]["content"], "a\n\ndata: x");
}

constexpr auto logprobs_record =
    R"({"message":{"content":"a"},"logprobs":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-1.5}]}],"done":false})";

TEST(OpenaiStream, PassesLogprobsOnlyWhenAsked) {
    EXPECT_FALSE(chunks("", {logprobs_record, final_record})[0]["choices"][0].contains("logprobs"));
    const auto all = chunks(R"("logprobs":true)", {logprobs_record, final_record});
    EXPECT_EQ(all[0]["choices"][0]["logprobs"]["content"][0]["logprob"], -0.5);
    EXPECT_TRUE(all[1]["choices"][0]["logprobs"].is_null());
}

TEST(OpenaiAnswer, IsFoldedIntoOneObject) {
    const auto a = whole("", {thinking_record, thinking_record, content("Hel"), content("lo"), final_record});
    EXPECT_EQ(a["object"], "chat.completion");
    EXPECT_EQ(
        a["choices"].dump(),
        R"([{"index":0,"message":{"role":"assistant","content":"Hello","reasoning":"hmhm"},"finish_reason":"stop"}])");
    EXPECT_EQ(a["usage"].dump(), R"({"prompt_tokens":11,"completion_tokens":4,"total_tokens":15})");
}

TEST(OpenaiAnswer, HasNoContentBesideToolCallsAlone) {
    const auto a = whole("", {tool_record, final_record});
    const auto& message = a["choices"][0]["message"];
    EXPECT_TRUE(message["content"].is_null());
    EXPECT_EQ(message["tool_calls"].size(), 2u);
    EXPECT_FALSE(message["tool_calls"][0].contains("index"));
    EXPECT_EQ(a["choices"][0]["finish_reason"], "tool_calls");
}

TEST(OpenaiAnswer, IsPrecededByWhiteSpaceAtMost) {
    const auto r = translate_chat_completions(request(), "1");
    std::string out;
    r->writer->heartbeat(out);
    r->writer->record(content("a"), out);
    r->writer->heartbeat(out);
    EXPECT_EQ(out, "  ");
    r->writer->fail(504, "too slow", out);
    EXPECT_EQ(ordered_json::parse(out)["error"]["message"], "too slow");
}

TEST(OpenaiAnswer, RoundTripsAToolCallByteForByte) {
    const auto a = whole("", {tool_record, final_record});
    const auto& message = a["choices"][0]["message"];
    const auto native = test::native_of(
        translate_chat_completions, R"({"model":"m","messages":[)" + message.dump() +
                                        R"(,{"role":"tool","tool_call_id":"call_given","content":"1"}]})");
    EXPECT_EQ(native["messages"][0]["tool_calls"][0]["function"]["arguments"].dump(), R"({"z":1,"a":"é"})");
    EXPECT_EQ(native["messages"][1]["tool_name"], "g");
}

TEST(OpenaiAnswer, OfCompletionsIsText) {
    const std::vector<std::string> records{
        R"({"response":"He","done":false})", R"({"response":"y","done":false})",
        R"({"response":"","done":true,"done_reason":"length","eval_count":2})"};
    const auto a =
        ordered_json::parse(test::answer_to(translate_completions, R"({"model":"m","prompt":"p"})", records));
    EXPECT_EQ(a["id"], "cmpl-id1");
    EXPECT_EQ(a["object"], "text_completion");
    EXPECT_EQ(a["choices"].dump(), R"([{"text":"Hey","index":0,"logprobs":null,"finish_reason":"length"}])");
    EXPECT_EQ(a["usage"]["prompt_tokens"], 0);

    const auto streamed = test::events_of(
        test::answer_to(translate_completions, R"({"model":"m","prompt":"p","stream":true})", records));
    ASSERT_EQ(streamed.size(), 4u);
    EXPECT_EQ(ordered_json::parse(streamed[1].data)["choices"][0]["text"], "y");
    EXPECT_EQ(ordered_json::parse(streamed[2].data)["choices"][0]["finish_reason"], "length");
}

TEST(OpenaiAnswer, OfCompletionsHasLogprobsInColumns) {
    const std::string record =
        R"({"response":"ab","logprobs":[{"token":"a","logprob":-0.5,"top_logprobs":[{"token":"x","logprob":-2}]},{"token":"b","logprob":-1}],"done":true})";
    const auto a = ordered_json::parse(
        test::answer_to(translate_completions, R"({"model":"m","prompt":"p","logprobs":1})", {record}));
    EXPECT_EQ(
        a["choices"][0]["logprobs"].dump(),
        R"({"tokens":["a","b"],"token_logprobs":[-0.5,-1],"top_logprobs":[{"x":-2},{}],"text_offset":[0,1]})");
}

TEST(OpenaiError, NamesItsKind) {
    const auto kind = [](int status) {
        return ordered_json::parse(dialect_error(dialect::openai, status, "x"))["error"]["type"];
    };
    EXPECT_EQ(kind(400), "invalid_request_error");
    EXPECT_EQ(kind(401), "authentication_error");
    EXPECT_EQ(kind(404), "not_found_error");
    EXPECT_EQ(kind(429), "rate_limit_error");
    EXPECT_EQ(kind(503), "api_error");
    EXPECT_EQ(ordered_json::parse(dialect_error(dialect::openai, 500, "\xFF\""))["error"]["message"],
              "\uFFFD\"");
}

} // namespace
} // namespace clawgate::ollama
