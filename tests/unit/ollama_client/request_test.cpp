#include "ollama_client/request.hpp"

#include "ollama_client/json_scan.hpp"
#include "ollama_client/surrogates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace clawgate;
using namespace clawgate::ollama;
using testing::HasSubstr;

std::string refusal(std::string_view text) {
    const auto r = scan_object(text);
    if (r) return "accepted";
    EXPECT_EQ(r.error().whose, fault::client);
    return r.error().detail;
}

std::string nested(unsigned levels) {
    return "{\"a\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
}

TEST(ScanObject, SaysWhereItsMembersAre) {
    const std::string text =
        " {\"a\" : 1, \"b\":[true, {\"c\":null}] ,\"d\":\"x\\\"y\",\"e\":false,\"f\":null} \n";
    const auto members = scan_object(text);
    ASSERT_TRUE(members) << members.error().detail;
    ASSERT_EQ(members->size(), 5u);
    EXPECT_EQ((*members)[0].key, "a");
    EXPECT_EQ((*members)[0].value, "1");
    EXPECT_EQ((*members)[0].kind, json_kind::number);
    EXPECT_EQ((*members)[1].value, "[true, {\"c\":null}]");
    EXPECT_EQ((*members)[1].kind, json_kind::array);
    EXPECT_EQ((*members)[2].value, "\"x\\\"y\"");
    EXPECT_EQ((*members)[2].kind, json_kind::string);
    EXPECT_EQ((*members)[3].kind, json_kind::boolean);
    EXPECT_EQ((*members)[4].kind, json_kind::null);
    for (const auto& m : *members) {
        EXPECT_EQ(text[m.begin], '"');
        EXPECT_EQ(text.substr(m.end - m.value.size(), m.value.size()), m.value);
    }
}

TEST(ScanObject, TakesNothingButAnObject) {
    for (const std::string text : {"", " ", "[]", "1", "null", "\"a\"", "{", "}", "{}{}", "{} x", "{}\v"})
        EXPECT_NE(refusal(text), "accepted") << text;
    EXPECT_EQ(refusal("{}"), "accepted");
    EXPECT_EQ(refusal("\t{ }\r\n"), "accepted");
    EXPECT_THAT(refusal("\xef\xbb\xbf{}"), HasSubstr("byte order mark"));
}

TEST(ScanObject, NamesTheByteThatIsWrong) {
    EXPECT_THAT(refusal("{\"a\":tru}"), HasSubstr("byte 5"));
    EXPECT_THAT(refusal("{\"a\":1,}"), HasSubstr("byte 7"));
    EXPECT_THAT(refusal("{\"a\":\"\\x\"}"), HasSubstr("byte 6"));
}

TEST(ScanObject, KeepsToTheGrammar) {
    for (const std::string value :
         {"0", "-0", "10", "1.5", "1e5", "1E+5", "1.5e-5", "[]", "{}", "[1,2]", "[[],{}]", "\"\"", "true"})
        EXPECT_EQ(refusal("{\"a\":" + value + "}"), "accepted") << value;
    for (const std::string value :
         {"01",      "-",        "+1",        "1.",     ".5",        "1e",      "1e+", "0x1",
          "NaN",     "Infinity", "-Infinity", "[1,]",   "[,1]",      "[1 2]",   "{,}", "{1:2}",
          "{\"a\"}", "{\"a\":}", "'a'",       "True",   "nul",       "nulll",   "[1}", "{]",
          "1 1",     "/**/1",    "\"a",       "\"\t\"", "\"\\u12\"", "\"\\'\"", "",    "[\"a\":1]"})
        EXPECT_NE(refusal("{\"a\":" + value + "}"), "accepted") << value;
    EXPECT_NE(refusal("{\"a\":1 \"b\":2}"), "accepted");
    EXPECT_NE(refusal("{a:1}"), "accepted");
    EXPECT_NE(refusal(std::string_view{"{\"a\":\"\0\"}", 9}), "accepted");
}

TEST(ScanObject, TakesNumbersOfAnyLength) {
    EXPECT_EQ(refusal("{\"a\":" + std::string(100'000, '9') + "}"), "accepted");
    EXPECT_EQ(refusal("{\"a\":1e" + std::string(1000, '9') + "}"), "accepted");
}

TEST(ScanObject, BoundsTheDepthWithoutRecursion) {
    EXPECT_EQ(refusal(nested(max_json_depth)), "accepted");
    EXPECT_THAT(refusal(nested(max_json_depth + 1)), HasSubstr("levels deep"));
    EXPECT_THAT(refusal("{\"a\":" + std::string(10'000'000, '[')), HasSubstr("levels deep"));
    std::string objects;
    for (int i = 0; i < 1'000'000; ++i)
        objects += "{\"a\":";
    EXPECT_THAT(refusal(objects), HasSubstr("levels deep"));
    // Depth, not number.
    std::string siblings = "{\"a\":[";
    for (int i = 0; i < 1000; ++i)
        siblings += "[{}],";
    EXPECT_EQ(refusal(siblings + "0]}"), "accepted");
}

TEST(ScanObject, ChecksUtf8) {
    for (const std::string text : {"é", "€", "😀", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff",
                                   "\U00010000", "\U0010ffff"})
        EXPECT_EQ(refusal("{\"a\":\"" + text + "\"}"), "accepted") << text;
    for (const std::string text :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
          "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
          "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xe2\x82(", "\xf0\x9f\x98("}) {
        EXPECT_THAT(refusal("{\"a\":\"" + text + "\"}"), HasSubstr("not UTF-8"))
            << testing::PrintToString(text);
        EXPECT_NE(refusal("{\"" + text + "\":1}"), "accepted") << testing::PrintToString(text);
    }
}

TEST(ScanObject, FindsWhatIsWrongAtEveryPlaceOfALongString) {
    for (std::size_t length = 0; length < 70; ++length)
        for (std::size_t at = 0; at <= length; ++at) {
            std::string text(length, 'x');
            text.insert(at, "\x01");
            ASSERT_THAT(refusal("{\"a\":\"" + text + "\"}"), HasSubstr("byte " + std::to_string(6 + at)));
            text.replace(at, 1, "\xff");
            ASSERT_THAT(refusal("{\"a\":\"" + text + "\"}"), HasSubstr("byte " + std::to_string(6 + at)));
            text.replace(at, 1, "\\\"");
            ASSERT_EQ(refusal("{\"a\":\"" + text + "\"}"), "accepted");
        }
}

TEST(ScanObject, TakesHalvesOfSurrogatePairsAsOllamaDoes) {
    for (const std::string text :
         {R"(\ud83d\ude00)", R"(\uD83D\uDE00)", R"(\u0041)", R"(\ud7ff\ue000)", R"(\ud83d)", R"(\ude00)",
          R"(\ude00\ud83d)", R"(\ud83dx)", R"(\ud83d\n)", R"(\ud83d\u0041)", R"(\ud83d\ud83d\ude00)"})
        EXPECT_EQ(refusal("{\"a\":\"" + text + "\"}"), "accepted") << text;
    for (const std::string text : {R"(\ud83d\ude0)", R"(\ud83)", R"(\u)", R"(\ud83g)"})
        EXPECT_THAT(refusal("{\"a\":\"" + text + "\"}"), HasSubstr("hexadecimal")) << text;
}

TEST(ScanObject, RefusesKeysThatCouldBeReadDifferently) {
    EXPECT_THAT(refusal(R"({"a":1,"b":2,"a":3})"), HasSubstr("\"a\" appears twice"));
    EXPECT_THAT(refusal(R"({"model":1,"Model":2})"), HasSubstr("same key"));
    EXPECT_THAT(refusal("{\"stream\":1,\"\u017ftream\":2}"), HasSubstr("same key"));
    EXPECT_THAT(refusal("{\"think\":1,\"thin\u212a\":2}"), HasSubstr("same key"));
    EXPECT_THAT(refusal(R"({"\u006fptions":1})"), HasSubstr("escape"));
    EXPECT_THAT(refusal(R"({"a\\b":1})"), HasSubstr("escape"));
    // Inside values that the door does not read, keys are the caller's business.
    EXPECT_EQ(refusal(R"({"format":{"a":1,"A":2,"\u0061":3,"a":4}})"), "accepted");
    EXPECT_EQ(refusal("{\"straße\":1,\"strasse\":2,\"\u0130\":3,\"i\":4}"), "accepted");
}

TEST(ScanObject, FindsRepeatedKeysAmongManyToo) {
    for (const unsigned others : {0u, 10u, 22u, 23u, 24u, 100u}) {
        std::string text = "{\"thin\u212a\":0";
        for (unsigned i = 0; i < others; ++i)
            text += ",\"k" + std::to_string(i) + "\":0";
        EXPECT_EQ(refusal(text + "}"), "accepted") << others;
        EXPECT_THAT(refusal(text + ",\"THINK\":0}"), HasSubstr("same key")) << others;
        EXPECT_THAT(refusal(text + ",\"thin\u212a\":0}"), HasSubstr("twice")) << others;
    }
}

TEST(ScanObject, BoundsTheNumberOfMembers) {
    const auto many = [](std::size_t n) {
        std::string text = "{";
        for (std::size_t i = 0; i < n; ++i)
            text += "\"k" + std::to_string(i) + "\":0,";
        text.back() = '}';
        return text;
    };
    EXPECT_TRUE(scan_object(many(max_json_members)));
    const auto more = scan_object(many(max_json_members + 1));
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, errc::too_large);
}

TEST(ScanObject, ShowsLongKeysShortened) {
    const auto text = refusal("{\"" + std::string(63, 'k') + "éé\\n\":1}");
    EXPECT_THAT(text, HasSubstr(std::string(63, 'k') + "…"));
    EXPECT_TRUE(nlohmann::json::accept(nlohmann::json(text).dump()));
}

// Whatever an established parser refuses is refused; and what it accepts only for the rules about keys.
TEST(ScanObject, AgreesWithAnotherParserAboutDamagedTexts) {
    const std::string whole =
        "{\"model\":\"glm\",\"messages\":[{\"role\":\"user\",\"content\":\"Olá, \\\"açaí\\\" \\ud83d\\ude00 "
        "😀 and a "
        "longer text\"}],\"options\":{\"top_p\":0.95e-1,\"stop\":[\"a\",\"b\"],\"x\":null},\"stream\":false}";
    const std::string bytes = "\"\\{}[]:,0x1eE+-.tu \n\xc3\xa9\x80\xff\x01";
    std::mt19937 random{42};
    unsigned accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        auto text = whole;
        for (unsigned changes = 1 + random() % 2; changes > 0; --changes) {
            const auto at = random() % text.size();
            switch (random() % 3) {
            case 0: text[at] = bytes[random() % bytes.size()]; break;
            case 1: text.erase(at, 1); break;
            default: text.insert(at, 1, bytes[random() % bytes.size()]);
            }
        }
        const auto r = scan_object(text);
        const bool other = nlohmann::json::accept(with_halves_replaced(text)); // it refuses halves, Ollama does not
        if (r) {
            ++accepted;
            ASSERT_TRUE(other) << text;
        } else if (other) {
            ASSERT_THAT(r.error().detail,
                        testing::AnyOf(HasSubstr("escape"), HasSubstr("twice"), HasSubstr("same key")))
                << text;
        }
    }
    EXPECT_GT(accepted, 200u);
}

TEST(ScanArray, GivesTheElements) {
    EXPECT_TRUE(scan_array("[]").empty());
    EXPECT_TRUE(scan_array("[ ]").empty());
    EXPECT_THAT(scan_array("[1, [2,3] ,{\"a\":[4]},\"5,6\"]"),
                testing::ElementsAre("1", "[2,3]", "{\"a\":[4]}", "\"5,6\""));
    EXPECT_TRUE(scan_array("{}").empty());
}

TEST(JsonStrings, ComeBackAsTheyWere) {
    std::string all;
    for (int c = 0; c < 0x80; ++c)
        all += static_cast<char>(c);
    all += "é€😀";
    const auto quoted = quote_json(all);
    EXPECT_EQ(json_string(quoted), all);
    EXPECT_EQ(nlohmann::json::parse(quoted).get<std::string>(), all);
}

TEST(JsonStrings, AreUnescaped) {
    EXPECT_EQ(json_string(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00 x")"), "\"\\/\b\f\n\r\tAé€😀 x");
    EXPECT_EQ(json_string("\"\""), "");
    EXPECT_FALSE(json_string("1"));
    EXPECT_FALSE(json_string("null"));
    EXPECT_FALSE(json_string("\""));
}

native_request accepted(call_kind kind, std::string_view body) {
    auto r = read_native(kind, body);
    EXPECT_TRUE(r) << body << ": " << r.error().detail;
    return r ? *r : native_request{};
}

std::string refused(call_kind kind, std::string_view body) {
    const auto r = read_native(kind, body);
    if (r) return "accepted";
    EXPECT_EQ(r.error().whose, fault::client);
    EXPECT_EQ(r.error().code, errc::bad_request);
    return r.error().detail;
}

TEST(ReadNative, KnowsWhatTheDoorAsksOfARequest) {
    const auto r = accepted(call_kind::chat, R"({"model":"g\u006cm","messages":[{}],"stream":false,
        "options":{"temperature":1, "other":[]},"unknown":{"x":1}})");
    EXPECT_EQ(r.model, "glm");
    EXPECT_FALSE(r.stream);
    EXPECT_FALSE(r.unloads);
    ASSERT_NE(r.find("unknown"), nullptr);
    EXPECT_EQ(r.find("absent"), nullptr);
    ASSERT_NE(r.find_option("temperature"), nullptr);
    const auto& option = *r.find_option("other");
    EXPECT_EQ(r.body.substr(option.begin, option.end - option.begin), "\"other\":[]");
}

TEST(ReadNative, ReadsAbsentAndNullAlike) {
    for (const std::string body :
         {R"({"messages":[1]})",
          R"({"model":null,"stream":null,"options":null,"messages":[1],"keep_alive":null})"}) {
        const auto r = accepted(call_kind::chat, body);
        EXPECT_TRUE(r.model.empty());
        EXPECT_TRUE(r.stream);
        EXPECT_TRUE(r.options.empty());
        EXPECT_FALSE(r.unloads);
    }
}

TEST(ReadNative, SpeaksOllamasWords) {
    EXPECT_EQ(refused(call_kind::chat, ""), "missing request body");
    EXPECT_EQ(refused(call_kind::chat, " \n"), "missing request body");
    EXPECT_EQ(refused(call_kind::chat, R"({"options":{"num_ctx":"4096"}})"),
              "option \"num_ctx\" must be of type integer");
    EXPECT_EQ(refused(call_kind::chat, R"({"options":{"temperature":true}})"),
              "option \"temperature\" must be of type float32");
    EXPECT_EQ(refused(call_kind::chat, R"({"options":{"use_mmap":1}})"),
              "option \"use_mmap\" must be of type boolean");
    EXPECT_EQ(refused(call_kind::chat, R"({"options":{"stop":"a"}})"),
              "option \"stop\" must be of type array");
    EXPECT_EQ(refused(call_kind::chat, R"({"options":{"stop":["a",1]}})"),
              "option \"stop\" must be of an array of strings");
    EXPECT_THAT(refused(call_kind::chat, R"({"think":"some"})"), HasSubstr("invalid think value"));
}

TEST(ReadNative, RefusesWrongTypes) {
    const auto wrong = [](call_kind kind, const std::string& member) {
        return refused(kind, "{" + member + "}");
    };
    EXPECT_EQ(wrong(call_kind::chat, R"("model":1)"), "\"model\" must be a string");
    EXPECT_EQ(wrong(call_kind::chat, R"("stream":"false")"), "\"stream\" must be a boolean");
    EXPECT_EQ(wrong(call_kind::chat, R"("options":[])"), "\"options\" must be an object");
    EXPECT_EQ(wrong(call_kind::chat, R"("messages":{})"), "\"messages\" must be an array");
    EXPECT_EQ(wrong(call_kind::chat, R"("think":1)"), "\"think\" must be a boolean or a string");
    EXPECT_EQ(wrong(call_kind::chat, R"("keep_alive":[])"), "\"keep_alive\" must be a number or a string");
    EXPECT_EQ(wrong(call_kind::generate, R"("prompt":[])"), "\"prompt\" must be a string");
    EXPECT_EQ(wrong(call_kind::embed, R"("input":1)"), "\"input\" must be a string or an array");
    EXPECT_EQ(wrong(call_kind::embeddings, R"("prompt":1)"), "\"prompt\" must be a string");
    // Of another call: unknown, and passes.
    EXPECT_EQ(wrong(call_kind::chat, R"("prompt":1)"), "accepted");
}

TEST(ReadNative, SaysHowAKeyIsSpelled) {
    EXPECT_EQ(refused(call_kind::chat, R"({"OPTIONS":{}})"), "write \"options\", not \"OPTIONS\"");
    EXPECT_EQ(refused(call_kind::chat, "{\"\u017ftream\":true}"), "write \"stream\", not \"\u017ftream\"");
    EXPECT_EQ(refused(call_kind::chat, "{\"\u212aeep_alive\":1}"),
              "write \"keep_alive\", not \"\u212aeep_alive\"");
    EXPECT_EQ(refused(call_kind::chat, R"({"options":{"Num_Ctx":1}})"), "write \"num_ctx\", not \"Num_Ctx\"");
    EXPECT_THAT(refused(call_kind::chat, R"({"options":{"num_ctx":1,"num_ctx":2}})"), HasSubstr("twice"));
    EXPECT_THAT(refused(call_kind::chat, R"({"options":{"num\u005fctx":1}})"), HasSubstr("escape"));
    EXPECT_EQ(refused(call_kind::chat, R"({"Unknown":1})"), "accepted");
}

TEST(ReadNative, WantsNumbersThatOllamaCanHold) {
    const auto option = [](const std::string& text) {
        return refused(call_kind::generate, "{\"options\":{" + text + "}}");
    };
    for (const std::string text :
         {"\"temperature\":1e999", "\"temperature\":1e39", "\"num_predict\":2147483648",
          "\"num_predict\":-1e300", "\"top_p\":-1e309"})
        EXPECT_THAT(option(text), HasSubstr("out of range")) << text;
    EXPECT_THAT(option("\"temperature\":" + std::string(5000, '9')), HasSubstr("out of range"));
    for (const std::string text :
         {"\"temperature\":0.70000000000000000000000000000000000000000001", "\"num_predict\":-1",
          "\"seed\":1700000000000", "\"unknown\":1e999", "\"num_predict\":null"})
        EXPECT_EQ(option(text), "accepted") << text;
}

TEST(ReadNative, NoticesWhatLoadsOrUnloads) {
    for (const std::string keep : {"0", "-0", "0.0", "0e5", "1e-10", "\"0\"", "\"0s\"", "\"0h0m\""})
        EXPECT_TRUE(accepted(call_kind::chat, "{\"messages\":[{}],\"keep_alive\":" + keep + "}").unloads)
            << keep;
    for (const std::string keep : {"-1", "1", "0.5", "\"5m\"", "\"0.5s\"", "null"})
        EXPECT_FALSE(accepted(call_kind::chat, "{\"messages\":[{}],\"keep_alive\":" + keep + "}").unloads)
            << keep;
    EXPECT_TRUE(accepted(call_kind::chat, "{}").unloads);
    EXPECT_TRUE(accepted(call_kind::chat, R"({"messages":[ ]})").unloads);
    EXPECT_TRUE(accepted(call_kind::generate, R"({"prompt":""})").unloads);
    EXPECT_TRUE(accepted(call_kind::generate, R"({"prompt":null})").unloads);
    EXPECT_FALSE(accepted(call_kind::generate, R"({"prompt":"x"})").unloads);
    EXPECT_FALSE(accepted(call_kind::embed, R"({"input":"x"})").unloads);
}

TEST(ReadNative, BoundsTheBody) {
    const auto r = read_native(call_kind::chat, "{\"a\":\"" + std::string(max_body_bytes, 'x') + "\"}");
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, errc::too_large);
}

TEST(ReadMessages, SaysWhereContentsAre) {
    const std::string body =
        R"({"messages":[ {"role":"SYSTEM","content":"s"} ,{"content":"tool \u00e9","role":"tool","tool_name":"f"},)"
        R"({"role":"assistant","thinking":"t","tool_calls":[{}],"content":null},{}]})";
    const auto r = accepted(call_kind::chat, body);
    const auto messages = read_messages(r);
    ASSERT_TRUE(messages) << messages.error().detail;
    ASSERT_EQ(messages->size(), 4u);
    const auto& system = (*messages)[0];
    EXPECT_EQ(system.role, "system");
    EXPECT_EQ(system.text, R"({"role":"SYSTEM","content":"s"})");
    EXPECT_EQ(body.substr(system.begin, system.end - system.begin), system.text);
    const auto& tool = (*messages)[1];
    EXPECT_EQ(tool.role, "tool");
    EXPECT_EQ(tool.content, R"("tool \u00e9")");
    EXPECT_EQ(tool.content_kind, json_kind::string);
    EXPECT_EQ(body.substr(tool.content_begin, tool.content_end - tool.content_begin), tool.content);
    EXPECT_EQ(tool.tool_name, "\"f\"");
    const auto& assistant = (*messages)[2];
    EXPECT_EQ(assistant.content_kind, json_kind::null);
    EXPECT_EQ(assistant.thinking, "\"t\"");
    EXPECT_EQ(assistant.tool_calls, "[{}]");
    EXPECT_TRUE((*messages)[3].role.empty());
    EXPECT_TRUE((*messages)[3].content.empty());
}

TEST(ReadMessages, AreNoneWhereThereAreNone) {
    for (const std::string body :
         {"{}", R"({"messages":null})", R"({"messages":[]})", R"({"messages":[ ]})"}) {
        const auto r = accepted(call_kind::chat, body);
        const auto messages = read_messages(r);
        ASSERT_TRUE(messages) << body;
        EXPECT_TRUE(messages->empty());
    }
}

TEST(ReadMessages, AreAsStrictAsTheRequest) {
    const auto refused_messages = [](const std::string& list) {
        const auto body = "{\"messages\":" + list + "}";
        const auto r = accepted(call_kind::chat, body);
        const auto messages = read_messages(r);
        return messages ? "accepted" : messages.error().detail;
    };
    EXPECT_EQ(refused_messages("[{},1]"), "messages[1]: must be an object");
    EXPECT_EQ(refused_messages(R"([{"Role":"tool"}])"), "messages[0]: write \"role\", not \"Role\"");
    EXPECT_THAT(refused_messages(R"([{"role":"user","role":"tool"}])"), HasSubstr("twice"));
    EXPECT_THAT(refused_messages(R"([{"r\u006fle":"user"}])"), HasSubstr("escape"));
    EXPECT_THAT(refused_messages("[{\"tool_call\u017f\":[]}]"), HasSubstr("tool_calls"));
    EXPECT_EQ(refused_messages(R"([{"content":[]}])"), "messages[0]: \"content\" must be a string");
    EXPECT_EQ(refused_messages(R"([{"role":1}])"), "messages[0]: \"role\" must be a string");
    EXPECT_EQ(refused_messages(R"([{"role":null,"name":"x"}])"), "accepted");
}

TEST(ReadMessages, BoundsTheirNumber) {
    std::string body = "{\"messages\":[";
    for (std::size_t i = 0; i <= max_messages; ++i)
        body += "{},";
    body.back() = ']';
    body += '}';
    const auto r = accepted(call_kind::chat, body);
    const auto messages = read_messages(r);
    ASSERT_FALSE(messages);
    EXPECT_EQ(messages.error().code, errc::too_large);
}

} // namespace
