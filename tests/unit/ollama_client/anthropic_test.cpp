#include "translation_support.hpp"

namespace clawgate::ollama {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto hi = R"([{"role":"user","content":"hi"}])";

std::string request(const std::string& rest, const std::string& messages = hi) {
    return R"({"model":"m","max_tokens":9,"messages":)" + messages + (rest.empty() ? "" : ',' + rest) + '}';
}
ordered_json native(const std::string& rest, const std::string& messages = hi) {
    return test::native_of(translate_messages, request(rest, messages));
}
std::string refused(const std::string& rest, const std::string& messages = hi) {
    return test::refusal_of(translate_messages, request(rest, messages));
}

TEST(AnthropicRequest, IsTheNativeRequestWithNothingAdded) {
    EXPECT_EQ(
        native("").dump(),
        R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}],"options":{"num_predict":9}})");
    EXPECT_EQ(
        native(R"("metadata":{"user_id":"u"},"service_tier":"auto","options":{"num_ctx":1},"keep_alive":0)"),
        native(""));
}

TEST(AnthropicRequest, NeedsModelMessagesAndMaxTokens) {
    EXPECT_THAT(
        test::refusal_of(translate_messages, R"({"model":"m","messages":[{"role":"user","content":"a"}]})"),
        HasSubstr("max_tokens is required"));
    EXPECT_THAT(test::refusal_of(translate_messages, R"({"max_tokens":1,"messages":[]})"),
                HasSubstr("model is required"));
    EXPECT_THAT(refused("", "[]"), HasSubstr("messages is required"));
    EXPECT_THAT(refused("", R"([{"role":"user"}])"), HasSubstr("content is required"));
    EXPECT_THAT(refused("", R"([{"role":"system","content":"a"}])"), HasSubstr("\"system\" is not known"));
}

TEST(AnthropicRequest, TakesTheSystemPromptAsTextOrBlocks) {
    EXPECT_EQ(native(R"("system":"be brief")")["messages"][0].dump(),
              R"({"role":"system","content":"be brief"})");
    EXPECT_EQ(
        native(
            R"("system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}])")
            ["messages"][0]["content"],
        "a\nb");
}

TEST(AnthropicRequest, TranslatesParameters) {
    EXPECT_EQ(native(R"("temperature":0.5,"top_p":0.9,"top_k":40,"stop_sequences":["a","b"])")["options"],
              ordered_json::parse(
                  R"({"num_predict":9,"temperature":0.5,"top_p":0.9,"top_k":40,"stop":["a","b"]})"));
}

TEST(AnthropicRequest, TakesImagesAsDataOnly) {
    const auto with = [](const std::string& source) {
        return R"([{"role":"user","content":[{"type":"image","source":)" + source +
               R"(},{"type":"text","text":"see"}]}])";
    };
    EXPECT_EQ(
        native("", with(R"({"type":"base64","media_type":"image/png","data":"AAAA"})"))["messages"][0].dump(),
        R"({"role":"user","content":"see","images":["AAAA"]})");
    EXPECT_THAT(refused("", with(R"({"type":"url","url":"http://127.0.0.1/"})")), HasSubstr("not fetched"));
    EXPECT_THAT(refused("", with(R"({"type":"base64","data":"?"})")), HasSubstr("is not base64"));
}

TEST(AnthropicRequest, TurnsBlocksOfAnAssistantIntoOneMessage) {
    EXPECT_EQ(
        native("", R"([{"role":"user","content":"a"},{"role":"assistant","content":[
            {"type":"thinking","thinking":"hm","signature":"xyz"},{"type":"redacted_thinking","data":"zzz"},
            {"type":"text","text":"let me see"},
            {"type":"tool_use","id":"t1","name":"f","input":{"z":1,"a":2}}]}])")["messages"][1]
            .dump(),
        R"({"role":"assistant","content":"let me see","thinking":"hm","tool_calls":[{"id":"t1","function":{"name":"f","arguments":{"z":1,"a":2}}}]})");
}

TEST(AnthropicRequest, KeepsTheOrderOfResultsAndTexts) {
    const auto messages =
        native("", R"([{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}},
                                                       {"type":"tool_use","id":"t2","name":"g","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t2","content":"two"},
          {"type":"text","text":"between"},
          {"type":"tool_result","tool_use_id":"t1","is_error":true,"content":[{"type":"text","text":"one"},
             {"type":"image","source":{"type":"base64","data":"AAAA"}}]},
          {"type":"text","text":"after"}]}])")["messages"];
    ASSERT_EQ(messages.size(), 5u);
    EXPECT_EQ(messages[1].dump(), R"({"role":"tool","content":"two","tool_name":"g","tool_call_id":"t2"})");
    EXPECT_EQ(messages[2].dump(), R"({"role":"user","content":"between"})");
    EXPECT_EQ(
        messages[3].dump(),
        R"({"role":"tool","content":"Error: one","images":["AAAA"],"tool_name":"f","tool_call_id":"t1"})");
    EXPECT_EQ(messages[4].dump(), R"({"role":"user","content":"after"})");
}

TEST(AnthropicRequest, AddsNoEmptyMessageAfterResults) {
    EXPECT_EQ(
        native("", R"([{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}])")["messages"]
            .dump(),
        R"([{"role":"tool","content":"","tool_call_id":"t"}])");
}

TEST(AnthropicRequest, RefusesBlocksThatCannotBeCarried) {
    const auto with = [](const std::string& block) {
        return R"([{"role":"user","content":[)" + block + "]}]";
    };
    EXPECT_THAT(refused("", with(R"({"type":"search_result"})")), HasSubstr("messages[0].content[0].type"));
    EXPECT_THAT(refused("", with(R"({"type":"document","source":{"type":"base64","data":"AAAA"}})")),
                HasSubstr("documents as text"));
    EXPECT_EQ(native("", with(R"({"type":"document","source":{"type":"text","data":"doc"}})"))["messages"][0]
                                                                                              ["content"],
              "doc");
    EXPECT_THAT(refused("", with(R"({"type":"tool_use","id":"1","name":"f","input":{}})")),
                HasSubstr("not supported"));
}

constexpr auto one_tool =
    R"("tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"z":{},"a":{}}}}])";

TEST(AnthropicRequest, PassesTools) {
    EXPECT_EQ(
        native(one_tool)["tools"].dump(),
        R"([{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"z":{},"a":{}}}}}])");
    const auto tools = std::string{one_tool} + ',';
    EXPECT_TRUE(native(tools + R"("tool_choice":{"type":"auto"})").contains("tools"));
    EXPECT_FALSE(native(tools + R"("tool_choice":{"type":"none"})").contains("tools"));
    EXPECT_THAT(refused(tools + R"("tool_choice":{"type":"any"})"), HasSubstr("cannot force"));
    EXPECT_THAT(refused(tools + R"("tool_choice":{"type":"tool","name":"f"})"), HasSubstr("cannot force"));
    EXPECT_THAT(refused(R"("tools":[{"type":"web_search_20250305","name":"web_search"}])"),
                HasSubstr("web_search"));
}

TEST(AnthropicRequest, TurnsThinkingIntoThink) {
    EXPECT_FALSE(native("").contains("think"));
    EXPECT_EQ(native(R"("thinking":{"type":"enabled","budget_tokens":1024})")["think"], true);
    EXPECT_EQ(native(R"("thinking":{"type":"adaptive"})")["think"], true);
    EXPECT_EQ(native(R"("thinking":{"type":"disabled"})")["think"], false);
    EXPECT_EQ(native(R"("thinking":{"type":"adaptive"},"output_config":{"effort":"medium"})")["think"],
              "medium");
    EXPECT_FALSE(native(R"("output_config":{"effort":"medium"})").contains("think"));
    EXPECT_THAT(refused(R"("thinking":{"type":"sometimes"})"), HasSubstr("\"sometimes\" is not known"));
    EXPECT_THAT(refused(R"("output_config":{"effort":"huge"})"), HasSubstr("\"huge\" is not known"));
}

TEST(AnthropicRequest, TurnsAnOutputFormatIntoFormat) {
    EXPECT_EQ(
        native(R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}})")["format"]
            .dump(),
        R"({"type":"object"})");
}

TEST(AnthropicRequest, RefusesWhatIsNotHere) {
    EXPECT_THAT(refused(R"("mcp_servers":[{"url":"https://x"}])"), HasSubstr("mcp_servers"));
    EXPECT_THAT(refused(R"("container":"c")"), HasSubstr("container"));
}

constexpr auto thinking_record =
    R"({"message":{"role":"assistant","content":"","thinking":"hm"},"done":false})";
constexpr auto text_record = R"({"message":{"role":"assistant","content":"a"},"done":false})";
constexpr auto tool_record =
    R"({"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"z":1,"a":2}}}]},"done":false})";
constexpr auto final_record =
    R"({"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":4})";

std::vector<test::event> stream(const std::vector<std::string>& records, const std::string& rest = {}) {
    return test::events_of(test::answer_to(
        translate_messages, request(R"("stream":true)" + (rest.empty() ? "" : ',' + rest)), records));
}

std::vector<std::string> names(const std::vector<test::event>& events) {
    std::vector<std::string> out;
    for (const auto& e : events) {
        const auto data = ordered_json::parse(e.data);
        EXPECT_EQ(data["type"], e.name);
        out.push_back(e.name + (data.contains("index") ? ' ' + data["index"].dump() : ""));
    }
    return out;
}

TEST(AnthropicStream, GrowsBlockByBlock) {
    const auto all =
        stream({thinking_record, thinking_record, text_record, text_record, tool_record, final_record});
    EXPECT_THAT(names(all),
                ElementsAre("message_start", "content_block_start 0", "content_block_delta 0",
                            "content_block_delta 0", "content_block_stop 0", "content_block_start 1",
                            "content_block_delta 1", "content_block_delta 1", "content_block_stop 1",
                            "content_block_start 2", "content_block_delta 2", "content_block_stop 2",
                            "message_delta", "message_stop"));
    const auto start = ordered_json::parse(all[0].data)["message"];
    EXPECT_EQ(start["id"], "msg_id1");
    EXPECT_EQ(start["role"], "assistant");
    EXPECT_EQ(start["usage"]["input_tokens"], 0);
    EXPECT_EQ(ordered_json::parse(all[2].data)["delta"].dump(),
              R"({"type":"thinking_delta","thinking":"hm"})");
    EXPECT_EQ(ordered_json::parse(all[6].data)["delta"].dump(), R"({"type":"text_delta","text":"a"})");
    const auto tool = ordered_json::parse(all[9].data)["content_block"];
    EXPECT_EQ(tool["type"], "tool_use");
    EXPECT_EQ(tool["name"], "f");
    EXPECT_EQ(tool["input"], ordered_json::object());
    EXPECT_THAT(tool["id"].get<std::string>(), ::testing::MatchesRegex("toolu_[0-9a-f]+"));
    EXPECT_EQ(ordered_json::parse(all[10].data)["delta"].dump(),
              R"({"type":"input_json_delta","partial_json":"{\"z\":1,\"a\":2}"})");
    EXPECT_EQ(
        all[12].data,
        R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":11,"output_tokens":4}})");
}

TEST(AnthropicStream, SaysWhyItEnds) {
    const auto reason = [](const std::string& last) {
        for (const auto& e : stream({text_record, last}))
            if (e.name == "message_delta")
                return ordered_json::parse(e.data)["delta"]["stop_reason"].get<std::string>();
        return std::string{};
    };
    EXPECT_EQ(reason(final_record), "end_turn");
    EXPECT_EQ(reason(R"({"message":{},"done":true,"done_reason":"length"})"), "max_tokens");
}

TEST(AnthropicStream, OfALoadIsAnEmptyMessage) {
    EXPECT_THAT(names(stream({R"({"message":{"content":""},"done":true,"done_reason":"load"})"})),
                ElementsAre("message_start", "message_delta", "message_stop"));
}

TEST(AnthropicStream, KeepsToOneToolCallWhenTheCallerTakesOne) {
    const auto all = stream({tool_record, tool_record, final_record},
                            R"("tool_choice":{"type":"auto","disable_parallel_tool_use":true})");
    EXPECT_THAT(names(all), ElementsAre("message_start", "content_block_start 0", "content_block_delta 0",
                                        "content_block_stop 0", "message_delta", "message_stop"));
}

TEST(AnthropicStream, PingsAndFailsInItsOwnForm) {
    const auto r = translate_messages(request(R"("stream":true)"), "1");
    std::string out;
    r->writer->heartbeat(out);
    EXPECT_EQ(out, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
    r->writer->fail(503, "busy", out);
    const auto all = test::events_of(out);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[1].name, "error");
    EXPECT_EQ(all[1].data, R"({"type":"error","error":{"type":"overloaded_error","message":"busy"}})");
    const auto end = out;
    r->writer->record(final_record, out);
    EXPECT_EQ(out, end) << "nothing may follow an error";
}

TEST(AnthropicAnswer, IsFoldedIntoOneMessage) {
    const auto a = ordered_json::parse(
        test::answer_to(translate_messages, request(""),
                        {thinking_record, text_record, text_record, tool_record, final_record}));
    ASSERT_EQ(a["content"].size(), 3u);
    EXPECT_EQ(a["content"][0].dump(), R"({"type":"thinking","thinking":"hm","signature":""})");
    EXPECT_EQ(a["content"][1].dump(), R"({"type":"text","text":"aa"})");
    EXPECT_EQ(a["content"][2]["input"].dump(), R"({"z":1,"a":2})");
    EXPECT_EQ(a["stop_reason"], "tool_use");
    EXPECT_EQ(a["usage"].dump(), R"({"input_tokens":11,"output_tokens":4})");
}

TEST(AnthropicAnswer, RoundTripsThroughTheNextRequest) {
    const auto a = ordered_json::parse(
        test::answer_to(translate_messages, request(""), {thinking_record, tool_record, final_record}));
    const auto turn =
        native("", R"([{"role":"assistant","content":)" + a["content"].dump() + "}]")["messages"][0];
    EXPECT_EQ(turn["thinking"], "hm");
    EXPECT_EQ(turn["tool_calls"][0]["function"]["arguments"].dump(), R"({"z":1,"a":2})");
}

TEST(AnthropicAnswer, IsPrecededByWhiteSpaceAtMost) {
    const auto r = translate_messages(request(""), "1");
    std::string out;
    r->writer->heartbeat(out);
    r->writer->fail(504, "too slow", out);
    EXPECT_EQ(out, R"( {"type":"error","error":{"type":"timeout_error","message":"too slow"}})");
}

} // namespace
} // namespace clawgate::ollama
