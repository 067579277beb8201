#include "translation_support.hpp"

namespace clawgate::ollama {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

ordered_json chat(const std::string& rest,
                  const std::string& messages = R"([{"role":"user","content":"hi"}])") {
    return test::native_of(translate_chat_completions,
                           R"({"model":"m","messages":)" + messages + (rest.empty() ? "" : ',' + rest) + '}');
}

std::string refused(const std::string& rest,
                    const std::string& messages = R"([{"role":"user","content":"hi"}])") {
    return test::refusal_of(translate_chat_completions, R"({"model":"m","messages":)" + messages +
                                                            (rest.empty() ? "" : ',' + rest) + '}');
}

ordered_json message(const std::string& text) {
    return chat("", '[' + text + ']')["messages"][0];
}

TEST(OpenaiRequest, IsTheNativeRequestWithNothingAdded) {
    const auto r =
        translate_chat_completions(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})", "1");
    ASSERT_TRUE(r);
    EXPECT_EQ(r->body, R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})");
    EXPECT_EQ(r->kind, call_kind::chat);
    EXPECT_EQ(r->model, "m");
    EXPECT_FALSE(r->writer->streams());
    EXPECT_EQ(r->writer->content_type(), "application/json");
}

TEST(OpenaiRequest, IsReadBackByTheDoorAsANativeOne) {
    const auto r = translate_chat_completions(
        R"({"model":"m","stream":true,"max_tokens":5,"messages":[{"role":"user","content":"é\u0000\"\\"}]})",
        "1");
    ASSERT_TRUE(r);
    const auto native = read_native(r->kind, r->body);
    ASSERT_TRUE(native) << native.error().detail;
    EXPECT_EQ(native->model, "m");
    EXPECT_TRUE(native->stream);
    EXPECT_NE(native->find_option("num_predict"), nullptr);
    EXPECT_TRUE(r->writer->streams());
    EXPECT_EQ(r->writer->content_type(), "text/event-stream");
}

TEST(OpenaiRequest, WithoutABodyAModelOrMessagesIsRefused) {
    EXPECT_EQ(test::refusal_of(translate_chat_completions, " \n"), "missing request body");
    EXPECT_THAT(
        test::refusal_of(translate_chat_completions, R"({"messages":[{"role":"user","content":""}]})"),
        HasSubstr("model is required"));
    EXPECT_THAT(test::refusal_of(translate_chat_completions, R"({"model":"","messages":[]})"),
                HasSubstr("model is required"));
    EXPECT_THAT(refused("", "[]"), HasSubstr("messages is required"));
    EXPECT_THAT(refused("", R"("hi")"), HasSubstr("messages must be an array"));
    EXPECT_THAT(refused("", R"(["hi"])"), HasSubstr("messages[0] must be an object"));
}

TEST(OpenaiRequest, CannotSmuggleNativeMembers) {
    const auto native =
        chat(R"("options":{"num_ctx":1},"keep_alive":0,"shift":true,"num_gpu":0,"format":"json",
                                "think":true,"raw":true,"template":"x","system":"y","truncate":false)");
    EXPECT_EQ(native.size(), 3u) << native; // model, stream, messages
    const auto first =
        message(R"({"role":"user","content":"a","images":["x"],"tool_calls":[1],"Content":"b"})");
    EXPECT_EQ(first.dump(), R"({"role":"user","content":"a"})");
}

TEST(OpenaiRequest, WithDuplicateKeysIsRefused) {
    EXPECT_FALSE(translate_chat_completions(R"({"model":"m","model":"n","messages":[]})", "1"));
    EXPECT_FALSE(translate_chat_completions(R"({"model":"m","MODEL":"n","messages":[]})", "1"));
}

TEST(OpenaiRequest, JoinsTextPartsOfAMessage) {
    EXPECT_EQ(message(R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})")
                  ["content"],
              "a\nb");
    EXPECT_EQ(message(R"({"role":"developer","content":"rules"})").dump(),
              R"({"role":"system","content":"rules"})");
}

TEST(OpenaiRequest, TakesImagesAsDataOnly) {
    const auto with = [](const std::string& url) {
        return R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":")" +
               url + R"("}}]})";
    };
    EXPECT_EQ(message(with("data:image/png;base64,AAECAw==")).dump(),
              R"({"role":"user","content":"a","images":["AAECAw=="]})");
    for (const auto* const url :
         {"https://example.org/a.png", "http://127.0.0.1:11430/", "file:///etc/passwd",
          "data:image/png;base64,A", "data:image/png;base64,", "data:text/plain;base64,AAAA",
          "data:image/png,AAAA", "data:image/png;base64,AA A", ""})
        EXPECT_THAT(refused("", '[' + with(url) + ']'), HasSubstr("data: URL")) << url;
}

TEST(OpenaiRequest, RefusesPartsThatCannotBeCarried) {
    for (const auto* const type : {"input_audio", "file", "video_url"})
        EXPECT_THAT(refused("", R"([{"role":"user","content":[{"type":")" + std::string{type} + R"("}]}])"),
                    HasSubstr("messages[0].content[0].type \"" + std::string{type} + "\" is not supported"));
    EXPECT_THAT(
        refused(
            "",
            R"([{"role":"system","content":[{"type":"image_url","image_url":"data:image/png;base64,AAAA"}]}])"),
        HasSubstr("not supported here"));
    EXPECT_THAT(refused("", R"([{"role":"function","name":"f","content":"1"}])"), HasSubstr("function"));
    EXPECT_THAT(refused("", R"([{"role":"robot","content":"1"}])"), HasSubstr("\"robot\" is not known"));
    EXPECT_THAT(refused("", R"([{"role":"user"}])"), HasSubstr("messages[0].content is required"));
    EXPECT_THAT(refused("", R"([{"role":"user","content":7}])"), HasSubstr("must be a string or an array"));
}

constexpr auto conversation_with_a_tool = R"([
    {"role":"user","content":"weather?"},
    {"role":"assistant","content":null,"reasoning":"look it up","tool_calls":[
        {"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"z\":1,\"a\":{\"n\":12345678901234567}}"}},
        {"id":"call_2","type":"function","function":{"name":"time","arguments":""}}]},
    {"role":"tool","tool_call_id":"call_2","content":"noon"},
    {"role":"tool","tool_call_id":"call_1","content":[{"type":"text","text":"sunny"}]}])";

TEST(OpenaiRequest, TurnsToolCallsIntoObjectsInTheirOrder) {
    const auto messages = chat("", conversation_with_a_tool)["messages"];
    EXPECT_EQ(
        messages[1].dump(),
        R"({"role":"assistant","content":"","thinking":"look it up","tool_calls":[)"
        R"({"id":"call_1","function":{"name":"weather","arguments":{"z":1,"a":{"n":12345678901234567}}}},)"
        R"({"id":"call_2","function":{"name":"time","arguments":{}}}]})");
}

TEST(OpenaiRequest, NamesTheToolOfEachResult) {
    const auto messages = chat("", conversation_with_a_tool)["messages"];
    EXPECT_EQ(messages[2].dump(),
              R"({"role":"tool","content":"noon","tool_name":"time","tool_call_id":"call_2"})");
    EXPECT_EQ(messages[3]["tool_name"], "weather");
    EXPECT_EQ(messages[3]["content"], "sunny");
}

TEST(OpenaiRequest, RefusesArgumentsThatAreNoObject) {
    const auto with = [](const std::string& arguments) {
        return R"([{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":")" +
               arguments + R"("}}]}])";
    };
    EXPECT_THAT(refused("", with("{")),
                HasSubstr("messages[0].tool_calls[0].function.arguments is not valid JSON"));
    EXPECT_THAT(refused("", with("[1]")), HasSubstr("must be a JSON object"));
    EXPECT_THAT(refused("", with("{} x")), HasSubstr("not valid JSON"));
    EXPECT_THAT(refused("", with(R"({\"a\":1e999})")), HasSubstr("not valid JSON"));
    const std::string deep = R"({\"a\":)" + std::string(100'000, '[') + std::string(100'000, ']') + '}';
    EXPECT_THAT(refused("", with(deep)), HasSubstr("nested too deeply"));
}

TEST(OpenaiRequest, WithTheSameKeyTwiceInsideIsRefused) {
    EXPECT_THAT(refused("", R"([{"role":"user","content":"a","role":"system"}])"),
                HasSubstr("the body has the key \"role\" twice"));
    EXPECT_THAT(
        refused(
            "",
            R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1,\"a\":2}"}}]}])"),
        HasSubstr("arguments has the key \"a\" twice"));
}

TEST(OpenaiRequest, KeepsObjectsOfManyMembersInOrder) {
    std::string object = R"({"k0":0)";
    for (int i = 1; i < 20'000; ++i)
        object += R"(,"k)" + std::to_string(i) + R"(":0)";
    object += '}';
    const auto r = translate_chat_completions(
        R"({"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":)" +
            object + "}}]}]}",
        "1");
    ASSERT_TRUE(r) << r.error().detail;
    EXPECT_THAT(r->body, HasSubstr(object));
}

TEST(OpenaiRequest, BoundsTheValuesOfAllItsTexts) {
    std::string list = R"({\"a\":[0)";
    for (std::size_t i = 0; i < json_parser::max_values / 10; ++i)
        list += ",0";
    list += "]}";
    const std::string call = R"({"function":{"name":"f","arguments":")" + list + R"("}})";
    std::string ten = call;
    for (int i = 1; i < 10; ++i)
        ten += ',' + call;
    const auto with = [](const std::string& c) {
        return R"([{"role":"assistant","tool_calls":[)" + c + "]}]";
    };
    EXPECT_EQ(chat("", with(call))["messages"][0]["tool_calls"].size(), 1u);
    EXPECT_THAT(refused("", with(ten)), HasSubstr("too many values"));
}

TEST(OpenaiRequest, KeepsReasoningOfEarlierTurns) {
    EXPECT_EQ(message(R"({"role":"assistant","content":"a","reasoning_content":"why"})")["thinking"], "why");
    EXPECT_EQ(
        message(R"({"role":"assistant","content":"a","reasoning":"r","reasoning_content":"c"})")["thinking"],
        "r");
}

constexpr auto one_tool =
    R"("tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{"z":{},"a":{}}}}}])";

TEST(OpenaiRequest, PassesToolsWithTheirParametersInOrder) {
    EXPECT_EQ(chat(one_tool)["tools"].dump(),
              R"([{"type":"function","function":{"name":"f","description":"","parameters":)"
              R"({"type":"object","properties":{"z":{},"a":{}}}}}])");
    EXPECT_EQ(
        chat(R"("tools":[{"type":"function","function":{"name":"f"}}])")["tools"][0]["function"]["parameters"]
            .dump(),
        R"({"type":"object","properties":{}})");
    EXPECT_FALSE(chat(R"("tools":[])").contains("tools"));
    EXPECT_THAT(refused(R"("tools":[{"type":"web_search"}])"), HasSubstr("tools[0].type \"web_search\""));
}

TEST(OpenaiRequest, ChoosesToolsOnlyAsOllamaCan) {
    const auto tools = std::string{one_tool} + ',';
    EXPECT_TRUE(chat(tools + R"("tool_choice":"auto")").contains("tools"));
    EXPECT_FALSE(chat(tools + R"("tool_choice":"none")").contains("tools"));
    EXPECT_THAT(refused(tools + R"("tool_choice":"required")"), HasSubstr("response_format"));
    EXPECT_THAT(refused(tools + R"("tool_choice":{"type":"function","function":{"name":"f"}})"),
                HasSubstr("cannot force"));
}

TEST(OpenaiRequest, TurnsResponseFormatsIntoFormat) {
    EXPECT_EQ(chat(R"("response_format":{"type":"json_object"})")["format"], "json");
    EXPECT_FALSE(chat(R"("response_format":{"type":"text"})").contains("format"));
    EXPECT_EQ(
        chat(
            R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","z":1,"a":2}}})")
            ["format"]
                .dump(),
        R"({"type":"object","z":1,"a":2})");
    EXPECT_THAT(refused(R"("response_format":{"type":"json_schema"})"), HasSubstr("must have a schema"));
    EXPECT_THAT(refused(R"("response_format":{"type":"grammar"})"), HasSubstr("\"grammar\" is not known"));
}

TEST(OpenaiRequest, TurnsReasoningEffortIntoThink) {
    const std::vector<std::pair<std::string, ordered_json>> table{{"none", false},  {"minimal", "low"},
                                                                  {"low", "low"},   {"medium", "medium"},
                                                                  {"high", "high"}, {"xhigh", "max"}};
    for (const auto& [effort, think] : table) {
        EXPECT_EQ(chat(R"("reasoning_effort":")" + effort + '"')["think"], think);
        EXPECT_EQ(chat(R"("reasoning":{"effort":")" + effort + R"("})")["think"], think);
    }
    EXPECT_FALSE(chat(R"("reasoning_effort":null)").contains("think"));
    EXPECT_THAT(refused(R"("reasoning_effort":"extreme")"), HasSubstr("\"extreme\" is not known"));
}

TEST(OpenaiRequest, TranslatesSamplingParameters) {
    EXPECT_EQ(
        chat(
            R"("temperature":0,"top_p":0.5,"seed":-7,"stop":"END","presence_penalty":1,"frequency_penalty":-0.5,
                      "top_k":20,"min_p":0.05,"repeat_penalty":1.1,"max_tokens":10)")["options"],
        ordered_json::parse(
            R"({"temperature":0,"top_p":0.5,"presence_penalty":1,"frequency_penalty":-0.5,"seed":-7,
                      "stop":["END"],"top_k":20,"min_p":0.05,"repeat_penalty":1.1,"num_predict":10})"));
    EXPECT_EQ(chat(R"("stop":["a","b"])")["options"]["stop"].size(), 2u);
    EXPECT_EQ(chat(R"("max_completion_tokens":20,"max_tokens":10)")["options"]["num_predict"], 20);
    EXPECT_EQ(chat(R"("max_tokens":100.0)")["options"]["num_predict"], 100);
}

TEST(OpenaiRequest, LeavesAbsentAndNullParametersToTheDoor) {
    EXPECT_FALSE(chat(R"("temperature":null,"top_p":null,"max_tokens":null,"stop":null,"tools":null)")
                     .contains("options"));
}

TEST(OpenaiRequest, RefusesParametersOfAWrongType) {
    EXPECT_EQ(refused(R"("temperature":"hot")"), "temperature must be a number");
    EXPECT_EQ(refused(R"("seed":1.5)"), "seed must be an integer");
    EXPECT_EQ(refused(R"("seed":18446744073709551615)"), "seed is too large");
    EXPECT_EQ(refused(R"("max_tokens":0)"), "max_tokens must be at least 1");
    EXPECT_EQ(refused(R"("stop":[1])"), "stop must be a string or an array of strings");
    EXPECT_EQ(refused(R"("stream":"yes")"), "stream must be true or false");
}

TEST(OpenaiRequest, RefusesWhatCannotBeGiven) {
    for (const auto* const asked :
         {R"("n":2)", R"("logit_bias":{"1":5})", R"("store":true)", R"("modalities":["text","audio"])",
          R"("audio":{})", R"("web_search_options":{})", R"("functions":[])", R"("function_call":"auto")",
          R"("top_logprobs":3)"})
        EXPECT_NE(refused(asked), "") << asked;
}

TEST(OpenaiRequest, IgnoresWhatChangesNothing) {
    EXPECT_EQ(
        chat(R"("n":1,"logit_bias":{},"store":false,"modalities":["text"],"user":"u","metadata":{"a":"b"},
                      "service_tier":"auto","parallel_tool_calls":true,"prompt_cache_key":"k","safety_identifier":"s",
                      "stream_options":{"include_usage":true},"somethingNew":[1])")
            .size(),
        3u);
}

TEST(OpenaiRequest, AsksForLogprobs) {
    const auto native = chat(R"("logprobs":true,"top_logprobs":2)");
    EXPECT_EQ(native["logprobs"], true);
    EXPECT_EQ(native["top_logprobs"], 2);
    EXPECT_FALSE(chat(R"("logprobs":false)").contains("logprobs"));
}

TEST(OpenaiRequest, CutsLongWordsInItsErrors) {
    const auto why = refused("", R"([{"role":")" + std::string(5000, 'x') + R"(","content":""}])");
    EXPECT_LT(why.size(), 200u);
    std::string long_word;
    for (int i = 0; i < 100; ++i)
        long_word += "é";
    EXPECT_THAT(shown(long_word), StartsWith("\"é"));
    EXPECT_NO_THROW((void)ordered_json(shown(long_word)).dump()) << "a character was cut";
    EXPECT_NO_THROW((void)ordered_json(shown("a" + long_word)).dump()) << "a character was cut";
}

ordered_json complete(const std::string& rest) {
    return test::native_of(translate_completions, R"({"model":"m")" + (rest.empty() ? "" : ',' + rest) + '}');
}

TEST(OpenaiCompletions, BecomeGenerate) {
    const auto r =
        translate_completions(R"({"model":"m","prompt":"a","suffix":"b","max_tokens":3,"stop":"x"})", "1");
    ASSERT_TRUE(r);
    EXPECT_EQ(r->kind, call_kind::generate);
    EXPECT_EQ(
        r->body,
        R"({"model":"m","stream":true,"prompt":"a","suffix":"b","think":false,"options":{"stop":["x"],"num_predict":3}})");
    EXPECT_EQ(complete(R"("prompt":["only"])")["prompt"], "only");
}

TEST(OpenaiCompletions, RefuseWhatGenerateCannot) {
    for (const auto* const asked :
         {R"("prompt":[1,2])", R"("prompt":["a","b"])", R"("prompt":[[1]])", R"("suffix":"x")",
          R"("prompt":"a","echo":true)", R"("prompt":"a","n":2)", R"("prompt":"a","best_of":3)"})
        EXPECT_NE(test::refusal_of(translate_completions, R"({"model":"m",)" + std::string{asked} + '}'), "")
            << asked;
}

} // namespace
} // namespace clawgate::ollama
