#include "translation_support.hpp"

#include "core/encoding.hpp"

namespace clawgate::ollama {
namespace {

using ::testing::HasSubstr;

std::string refused(const std::string& body) {
    const auto r = translate_embeddings(body);
    EXPECT_FALSE(r) << body;
    return r ? std::string{} : r.error().detail;
}

TEST(OpenaiEmbeddings, BecomeEmbed) {
    const auto r = translate_embeddings(
        R"({"model":"m","input":["a","b"],"dimensions":64,"encoding_format":"base64","user":"u","keep_alive":0})");
    ASSERT_TRUE(r);
    EXPECT_EQ(r->body, R"({"model":"m","input":["a","b"],"dimensions":64})");
    EXPECT_EQ(r->model, "m");
    EXPECT_TRUE(r->base64);
    EXPECT_TRUE(read_native(call_kind::embed, r->body));
    const auto one = translate_embeddings(R"({"model":"m","input":"a"})");
    ASSERT_TRUE(one);
    EXPECT_EQ(one->body, R"({"model":"m","input":["a"]})");
    EXPECT_FALSE(one->base64);
}

TEST(OpenaiEmbeddings, RefuseTokensAndNothing) {
    EXPECT_THAT(refused(R"({"model":"m","input":[1,2]})"), HasSubstr("lists of tokens"));
    EXPECT_THAT(refused(R"({"model":"m","input":[[1],[2]]})"), HasSubstr("lists of tokens"));
    EXPECT_THAT(refused(R"({"model":"m","input":["a",2]})"), HasSubstr("array of strings"));
    EXPECT_THAT(refused(R"({"model":"m","input":[]})"), HasSubstr("input is empty"));
    EXPECT_THAT(refused(R"({"model":"m"})"), HasSubstr("input is required"));
    EXPECT_THAT(refused(R"({"input":"a"})"), HasSubstr("model is required"));
    EXPECT_THAT(refused(R"({"model":"m","input":"a","encoding_format":"hex"})"),
                HasSubstr("\"hex\" is not known"));
}

constexpr auto native_answer =
    R"({"model":"real","embeddings":[[0.010071029,-1,2.5],[1,0,0]],"total_duration":1,"prompt_eval_count":7})";

TEST(OpenaiEmbeddings, AreAnsweredAsAList) {
    translated_embeddings r;
    r.model = "m";
    const auto a = embeddings_answer(r, native_answer);
    ASSERT_TRUE(a);
    EXPECT_EQ(*a,
              R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.010071029,-1,2.5]},)"
              R"({"object":"embedding","index":1,"embedding":[1,0,0]}],"model":"m",)"
              R"("usage":{"prompt_tokens":7,"total_tokens":7}})");
}

TEST(OpenaiEmbeddings, ArePackedAsLittleEndianFloats) {
    translated_embeddings r;
    r.base64 = true;
    const auto a = embeddings_answer(r, native_answer);
    ASSERT_TRUE(a);
    const auto packed = ordered_json::parse(*a)["data"][1]["embedding"].get<std::string>();
    EXPECT_EQ(base64_decode(packed), std::string("\x00\x00\x80\x3f\0\0\0\0\0\0\0\0", 12));
}

TEST(OpenaiEmbeddings, DoNotPassGarbageOn) {
    for (const auto* const answer :
         {"", "[]", "{", R"({"error":"x"})", R"({"embeddings":7})", R"({"embeddings":[["x"]]})"}) {
        const auto a = embeddings_answer({}, answer);
        ASSERT_FALSE(a) << answer;
        EXPECT_EQ(a.error().code, errc::bad_upstream);
    }
}

constexpr auto tags = R"({"models":[
    {"name":"glm-4.7-flash:latest","model":"glm-4.7-flash:latest","modified_at":"2026-08-21T10:11:12.123456789+02:00"},
    {"name":"qwen3:8b","modified_at":"1970-01-02T00:00:01Z"},{"name":"odd","modified_at":"yesterday"}]})";

bool every_one(std::string_view) {
    return true;
}

TEST(OpenaiModels, AreListedWithTheirTimes) {
    const auto a = models_answer(tags, every_one);
    ASSERT_TRUE(a);
    const auto list = ordered_json::parse(*a);
    EXPECT_EQ(list["object"], "list");
    ASSERT_EQ(list["data"].size(), 3u);
    EXPECT_EQ(list["data"][0].dump(),
              R"({"id":"glm-4.7-flash:latest","object":"model","created":1787299872,"owned_by":"library"})");
    EXPECT_EQ(list["data"][1]["created"], 86401);
    EXPECT_EQ(list["data"][2]["created"], 0);
}

TEST(OpenaiModels, AreFoundWithAndWithoutTheLatestTag) {
    for (const auto* const id : {"glm-4.7-flash:latest", "glm-4.7-flash"}) {
        const auto a = model_answer(tags, id, every_one);
        ASSERT_TRUE(a) << id;
        EXPECT_EQ(ordered_json::parse(*a)["id"], id);
    }
    const auto none = model_answer(tags, "qwen3", every_one);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, errc::not_found);
    EXPECT_EQ(none.error().detail, "model \"qwen3\" not found");
}

TEST(OpenaiModels, OnlyThoseThatCanBeCalledAreListed) {
    const model_filter served = [](std::string_view name) { return name == "qwen3:8b"; };
    const auto list = ordered_json::parse(*models_answer(tags, served));
    ASSERT_EQ(list["data"].size(), 1u);
    EXPECT_EQ(list["data"][0]["id"], "qwen3:8b");
    EXPECT_TRUE(model_answer(tags, "qwen3:8b", served));
    EXPECT_EQ(model_answer(tags, "glm-4.7-flash", served).error().code, errc::not_found);
}

TEST(OpenaiModels, MayBeNone) {
    EXPECT_EQ(*models_answer(R"({"models":null})", every_one), R"({"object":"list","data":[]})");
    EXPECT_FALSE(models_answer("{}", every_one));
    EXPECT_FALSE(models_answer("Ollama is running", every_one));
}

} // namespace
} // namespace clawgate::ollama
