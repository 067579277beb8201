#include "ollama_client/parameters.hpp"

#include "go_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace clawgate;
using namespace clawgate::ollama;
using json = nlohmann::json;

model_facts known_model(std::string name, bool thinking) {
    model_facts m;
    m.name = std::move(name);
    m.thinking = thinking;
    m.known = true;
    return m;
}

call_policy policy(const std::string& model = "plain:latest", bool thinking = true) {
    return policy_for(config{}, nullptr, known_model(model, thinking));
}

std::string rewritten(call_kind kind, const std::string& body, const call_policy& p) {
    const auto r = read_native(kind, body);
    EXPECT_TRUE(r) << body << ": " << r.error().detail;
    if (!r) return {};
    edited_text text{body};
    EXPECT_TRUE(set_parameters(*r, p, text));
    return text.str();
}

json chat(const std::string& body, const call_policy& p) {
    return json::parse(rewritten(call_kind::chat, body, p));
}

TEST(Parameters, FillInWhatIsAbsent) {
    const auto out = chat(R"({"model":"x","messages":[]})", policy());
    EXPECT_EQ(out["model"], "plain:latest");
    EXPECT_EQ(out["stream"], true);
    EXPECT_EQ(out["shift"], false);
    EXPECT_EQ(out["keep_alive"], -1);
    EXPECT_EQ(out["think"], true);
    EXPECT_EQ(out["options"], json::parse(R"({"temperature":0.7,"top_p":0.95,"repeat_penalty":1,
                                              "num_predict":32768,"num_ctx":131072,"num_gpu":999})"));
}

TEST(Parameters, LeaveWhatTheCallerChoseUnlessForced) {
    const std::string body =
        R"({"options":{"temperature":0.10,"top_p":null,"repeat_penalty":1.3,"num_predict":7,"seed":4}})";
    auto p = policy();
    const auto text = rewritten(call_kind::chat, body, p);
    EXPECT_THAT(text, testing::HasSubstr("\"temperature\":0.10,"));
    const auto filled = json::parse(text)["options"];
    EXPECT_EQ(filled["top_p"], 0.95);
    EXPECT_EQ(filled["repeat_penalty"], 1.3);
    EXPECT_EQ(filled["num_predict"], 7);
    EXPECT_EQ(filled["seed"], 4);

    p.parameters = param_policy::force;
    const auto forced = chat(body, p)["options"];
    EXPECT_EQ(forced["temperature"], 0.7);
    EXPECT_EQ(forced["top_p"], 0.95);
    EXPECT_EQ(forced["repeat_penalty"], 1.0);
    EXPECT_EQ(forced["num_predict"], 32768);
    EXPECT_EQ(forced["seed"], 4);
}

TEST(Parameters, GlmKeepsItsRepeatPenaltyWhoeverAsks) {
    config c;
    c.sampling.repeat_penalty = 1.2;
    c.given.insert("OPENCLAW_REPEAT_PENALTY");
    const auto p = policy_for(c, nullptr, known_model("hf.co/someone/GLM-4.7-Flash-GGUF:Q4", true));
    EXPECT_EQ(p.sampling.repeat_penalty, 1.0);
    EXPECT_EQ(chat(R"({"options":{"repeat_penalty":1.3}})", p)["options"]["repeat_penalty"], 1.0);
    EXPECT_EQ(chat("{}", p)["options"]["repeat_penalty"], 1.0);
    // Elsewhere the user's choice holds.
    EXPECT_EQ(policy_for(c, nullptr, known_model("plain", true)).sampling.repeat_penalty, 1.2);
}

TEST(Parameters, CapTheLengthOfAnAnswer) {
    auto p = policy();
    const auto predicted = [&](const std::string& asked) {
        return chat("{\"options\":{\"num_predict\":" + asked + "}}", p)["options"]["num_predict"];
    };
    EXPECT_EQ(predicted("100"), 100);
    EXPECT_EQ(predicted("32768"), 32768);
    EXPECT_EQ(predicted("32769"), 32768);
    EXPECT_EQ(predicted("-1"), 32768);
    EXPECT_EQ(predicted("-2"), 32768);
    EXPECT_EQ(predicted("null"), 32768);
    EXPECT_EQ(predicted("0"), 1);
    EXPECT_EQ(predicted("0.9"), 1);
    EXPECT_EQ(predicted("2147483647"), 32768);
    p.max_context_tokens = 4096;
    EXPECT_EQ(predicted("10000"), 4096);
    p.runner.num_ctx = 2048;
    EXPECT_EQ(predicted("10000"), 2048);
    p.facts.context_length = 1024;
    EXPECT_EQ(predicted("-1"), 1024);
    p.parameters = param_policy::force;
    EXPECT_EQ(predicted("5"), 1024);
}

TEST(Parameters, PinOrRemoveWhatWouldReloadTheModel) {
    auto p = policy();
    const std::string body =
        R"({"shift":true,"keep_alive":"1h","stream":false,"truncate":true,"options":{"num_ctx":1,"num_batch":2,
            "num_gpu":3,"main_gpu":4,"use_mmap":true,"num_thread":5,"low_vram":true,"stop":["a"]}})";
    auto out = chat(body, p);
    EXPECT_EQ(out["shift"], false);
    EXPECT_EQ(out["keep_alive"], -1);
    EXPECT_EQ(out["stream"], true);
    EXPECT_EQ(out["truncate"], true);
    EXPECT_EQ(out["options"]["num_ctx"], 131072);
    EXPECT_EQ(out["options"]["num_gpu"], 999);
    EXPECT_EQ(out["options"]["stop"], json::parse(R"(["a"])"));
    for (const char* removed : {"num_batch", "main_gpu", "use_mmap", "num_thread", "low_vram"})
        EXPECT_FALSE(out["options"].contains(removed)) << removed;
    p.runner.num_batch = 512;
    p.runner.shift = true;
    out = chat(body, p);
    EXPECT_EQ(out["options"]["num_batch"], 512);
    EXPECT_EQ(out["shift"], true);
}

TEST(Parameters, DecideAboutThinking) {
    const auto think = [](const std::string& member, const call_policy& p) {
        const auto out = chat("{" + member + "}", p);
        return out.contains("think") ? out["think"].dump() : "absent";
    };
    auto thinker = policy("plain", true);
    EXPECT_EQ(think("", thinker), "true");
    EXPECT_EQ(think(R"("think":null)", thinker), "true");
    EXPECT_EQ(think(R"("think":false)", thinker), "false");
    EXPECT_EQ(think(R"("think":"high")", thinker), "\"high\"");
    thinker.thinking = false; // OPENCLAW_THINKING_DEFAULT=off
    EXPECT_EQ(think("", thinker), "false");
    EXPECT_EQ(think(R"("think":true)", thinker), "true");

    const auto other = policy("plain", false);
    for (const std::string member : {"", R"("think":true)", R"("think":"low")", R"("think":false)"})
        EXPECT_EQ(think(member, other), "false") << member;

    auto unknown = policy_for(config{}, nullptr, model_facts{});
    EXPECT_EQ(think("", unknown), "absent");
    EXPECT_EQ(think(R"("think":true)", unknown), "true");
    unknown.thinking = false;
    EXPECT_EQ(think("", unknown), "false");
}

TEST(Parameters, FollowTheProfileOfWhatTheModelIsAskedToDo) {
    const auto p = policy("qwen3:8b", true);
    const auto thinking = chat("{}", p)["options"];
    EXPECT_EQ(thinking["temperature"], 0.6);
    EXPECT_EQ(thinking["top_p"], 0.95);
    EXPECT_EQ(thinking["top_k"], 20);
    EXPECT_EQ(thinking["min_p"], 0);
    const auto plain = chat(R"({"think":false,"options":{"top_k":1}})", p)["options"];
    EXPECT_EQ(plain["temperature"], 0.7);
    EXPECT_EQ(plain["top_p"], 0.8);
    EXPECT_EQ(plain["top_k"], 1);
    EXPECT_EQ(chat("{}", policy("qwen3-coder:30b", false))["options"]["repeat_penalty"], 1.05);
}

TEST(Parameters, OfEmbeddingsAreTheModelAndTheRunnerOnly) {
    const auto p = policy("nomic-embed-text:latest", false);
    for (const auto kind : {call_kind::embed, call_kind::embeddings}) {
        const auto bare = json::parse(rewritten(kind, R"({"model":"x"})", p));
        EXPECT_EQ(bare, json::parse(R"({"model":"nomic-embed-text:latest","keep_alive":-1,
                                        "options":{"num_gpu":999}})"));
        const auto full = json::parse(rewritten(
            kind, R"({"truncate":false,"options":{"num_ctx":9,"temperature":1,"num_batch":2}})", p));
        EXPECT_EQ(full["options"], json::parse(R"({"temperature":1,"num_gpu":999})"));
        EXPECT_EQ(full["truncate"], false);
    }
}

TEST(Parameters, TakeCommasWithThem) {
    const auto p = policy();
    const std::vector<std::string> members{"\"num_batch\" : 1", " \"num_thread\":2 ", "\"seed\":3",
                                           "\"main_gpu\":4",    "\"top_k\":5",        "\"use_mmap\" :true "};
    for (unsigned chosen = 0; chosen < 1u << members.size(); ++chosen) {
        std::string options = "{ ";
        for (std::size_t i = 0; i < members.size(); ++i)
            if ((chosen >> i & 1) != 0) options += (options == "{ " ? "" : " ,") + members[i];
        const auto text = rewritten(call_kind::chat, "{\"options\":" + options + "}}", p);
        ASSERT_TRUE(json::accept(text)) << text;
        const auto out = json::parse(text)["options"];
        EXPECT_EQ(out.contains("seed"), (chosen & 4) != 0);
        EXPECT_EQ(out.contains("top_k"), (chosen & 16) != 0);
        EXPECT_EQ(out.size(), 6u + out.contains("seed") + out.contains("top_k")) << text;
    }
}

TEST(Parameters, ReplaceOptionsThatAreNull) {
    const auto out = chat(R"({"options":null,"messages":[]})", policy());
    EXPECT_EQ(out["options"]["num_ctx"], 131072);
}

TEST(Parameters, LeaveConversationsAlone) {
    const std::string messages =
        R"([ {"role":"user","content":"num_ctx \"options\":{} \u00e9"} , {"x":[1, 2]}])";
    EXPECT_THAT(rewritten(call_kind::chat, "{\"a\":1,\"messages\": " + messages + " ,\"z\":0}", policy()),
                testing::HasSubstr("\"messages\": " + messages));
    EXPECT_THAT(rewritten(call_kind::generate, R"({"prompt" : "a \"b\"","model":"x"})", policy()),
                testing::HasSubstr(R"("prompt" : "a \"b\"")"));
    EXPECT_THAT(rewritten(call_kind::embed, R"({"input" : [ "a" ]})", policy()),
                testing::HasSubstr(R"("input" : [ "a" ])"));
}

TEST(Parameters, LeaveABodyThatConformsAsItIs) {
    const auto p = policy();
    const auto once =
        rewritten(call_kind::chat, R"({"model":"x","options":{"num_thread":1},"messages":[{}]})", p);
    EXPECT_EQ(rewritten(call_kind::chat, once, p), once);
}

TEST(Parameters, QuoteTheModelsName) {
    auto p = policy();
    p.model = "a\"b\\c";
    EXPECT_EQ(chat("{}", p)["model"], "a\"b\\c");
}

TEST(SharedRunner, SaysKeepAliveAsOllamaReadsIt) {
    config c;
    const auto keep_alive = [&c](const std::string& text) {
        c.ollama.keep_alive = text;
        return shared_runner(c).keep_alive;
    };
    EXPECT_EQ(keep_alive("-1"), "-1");
    EXPECT_EQ(keep_alive("300"), "300");
    EXPECT_EQ(keep_alive("+5"), "5");
    EXPECT_EQ(keep_alive("007"), "7");
    EXPECT_EQ(keep_alive("5m"), "\"5m\"");
    EXPECT_EQ(keep_alive("-1m"), "\"-1m\"");
    EXPECT_EQ(keep_alive("1h30m"), "\"1h30m\"");
}

TEST(SharedRunner, IsTheConfigurations) {
    config c;
    c.num_ctx = 4096;
    c.ollama.num_gpu = 12;
    auto r = shared_runner(c);
    EXPECT_FALSE(r.shift);
    EXPECT_EQ(runner_options_json(r), R"({"num_ctx":4096,"num_gpu":12})");
    r.num_batch = 256;
    EXPECT_EQ(runner_options_json(r), R"({"num_ctx":4096,"num_gpu":12,"num_batch":256})");
}

TEST(SharedRunner, WarmsUpWithWhatRequestsCarry) {
    auto p = policy();
    p.runner.num_batch = 128;
    const auto warm_up = json::parse(runner_options_json(p.runner));
    const auto options = chat(R"({"options":{"num_batch":1,"num_ctx":2}})", p)["options"];
    for (const auto& [name, value] : warm_up.items())
        EXPECT_EQ(options[name], value) << name;
}

TEST(Policy, TakesAnAgentsOverrides) {
    config c;
    c.parameters = param_policy::force;
    agent_options agent;
    agent.number = 2;
    agent.model = "qwen3:8b";
    agent.sampling.temperature = 0.2;
    agent.sampling.max_tokens = 100;
    agent.behaviour.thinking = false;
    agent.behaviour.context_tokens = 5000;
    c.given = {"OPENCLAW_AGENT_2_TEMPERATURE", "OPENCLAW_AGENT_1_TOP_P", "OPENCLAW_MAX_TOKENS"};
    const auto p = policy_for(c, &agent, known_model("qwen3:8b", true));
    EXPECT_THAT(p.given, testing::UnorderedElementsAre("TEMPERATURE", "MAX_TOKENS"));
    EXPECT_EQ(p.model, "qwen3:8b");
    EXPECT_EQ(p.sampling.temperature, 0.2);
    EXPECT_EQ(p.sampling.top_p, 0.8); // does not think, and agent 1's variable is not its own
    EXPECT_EQ(p.sampling.max_tokens, 100);
    EXPECT_EQ(p.max_context_tokens, 5000);
    EXPECT_FALSE(p.thinking);
    EXPECT_EQ(p.parameters, param_policy::force);
    // What the user set is not replaced when the model is asked to think, either.
    const auto out = chat(R"({"think":true})", p)["options"];
    EXPECT_EQ(out["temperature"], 0.2);
    EXPECT_EQ(out["top_p"], 0.95);
}

TEST(Policy, PrefersWhatTheUserSetToTheProfileAndTheProfileToTheDefault) {
    config c;
    c.sampling.temperature = 0.9;
    c.sampling.top_p = 0.5;
    c.given = {"OPENCLAW_TEMPERATURE"};
    const auto p = policy_for(c, nullptr, known_model("qwen3-coder", false));
    EXPECT_EQ(p.sampling.temperature, 0.9);
    EXPECT_EQ(p.sampling.top_p, 0.8);
    EXPECT_EQ(p.sampling.repeat_penalty, 1.05);
    EXPECT_EQ(policy_for(c, nullptr, known_model("plain", false)).sampling.top_p, 0.5);
    // A recommended penalty yields to the user's; only a forced one does not.
    c.sampling.repeat_penalty = 1.2;
    c.given.insert("OPENCLAW_REPEAT_PENALTY");
    EXPECT_EQ(policy_for(c, nullptr, known_model("qwen3-coder", false)).sampling.repeat_penalty, 1.2);
}

TEST(Policy, NamesTheModelWithItsTag) {
    config c;
    agent_options agent;
    agent.model = "mine";
    EXPECT_EQ(policy_for(c, nullptr, model_facts{}).model, "glm-4.7-flash:latest");
    EXPECT_EQ(policy_for(c, &agent, model_facts{}).model, "mine:latest");
    EXPECT_EQ(policy_for(c, &agent, known_model("a:5000/b", false)).model, "a:5000/b:latest");
    EXPECT_EQ(policy_for(c, &agent, known_model("b:q4", false)).model, "b:q4");
}

// Random requests, hostile spellings included: what is accepted is read by nlohmann's parser and by Go's
// rules alike, and as the policy says.
class RandomRequests : public testing::Test {
protected:
    std::string one_of(std::initializer_list<const char*> choices) {
        return *(choices.begin() + random_() % choices.size());
    }
    std::string object(std::initializer_list<const char*> keys, bool with_options) {
        std::string out = "{";
        for (auto n = random_() % 7; n > 0; --n) {
            if (out != "{") out += one_of({",", " , ", ",\n"});
            const auto key = one_of(keys);
            out += '"' + key + "\":";
            if (with_options && go_model::decoder::equal_fold(key, "options") && random_() % 4 != 0)
                out +=
                    object({"num_ctx", "num_gpu", "num_batch", "temperature", "num_predict", "repeat_penalty",
                            "top_p", "NUM_CTX", "num_\u212aeep", "use_mmap", "\\u006eum_ctx", "x"},
                           false);
            else
                out += one_of(
                    {"1", "0.5", "-1", "true", "false", "null", "\"x\"", "[]", "[1, 2]", "\"1h\"", "99999"});
        }
        return out + "}";
    }
    std::mt19937 random_{2024};
};

TEST_F(RandomRequests, AreReadByGoAsThePolicySays) {
    auto p = policy("glm-4.7-flash:latest", true);
    unsigned accepted = 0;
    for (int round = 0; round < 30'000; ++round) {
        const auto body =
            object({"model", "stream", "options", "shift", "keep_alive", "think", "messages", "Model",
                    "\u017ftream", "OPTIONS", "\u212aeep_alive", "other", "\\u006fptions"},
                   true);
        const auto r = read_native(call_kind::chat, body);
        if (!r) continue;
        ++accepted;
        p.parameters = round % 2 == 0 ? param_policy::fill_in : param_policy::force;
        const auto once = rewritten(call_kind::chat, body, p);
        const go_model::decoder go{once};
        ASSERT_TRUE(go.valid()) << body << "\n" << once;
        const auto plain = json::parse(once);
        for (const char* name : {"model", "stream", "shift", "keep_alive"}) {
            ASSERT_EQ(go.field(name), plain[name]) << once;
        }
        ASSERT_EQ(go.field("model"), "glm-4.7-flash:latest") << once;
        ASSERT_EQ(go.field("stream"), true) << once;
        ASSERT_EQ(go.field("shift"), false) << once;
        ASSERT_EQ(go.field("keep_alive"), -1) << once;
        ASSERT_FALSE(go.field("think").is_null()) << once;
        ASSERT_EQ(go.option("num_ctx"), 131072) << once;
        ASSERT_EQ(go.option("num_gpu"), 999) << once;
        ASSERT_EQ(go.option("repeat_penalty"), 1.0) << once;
        ASSERT_TRUE(go.option("num_batch").is_null() && go.option("use_mmap").is_null()) << once;
        ASSERT_LE(go.option("num_predict"), 32768) << once;
        ASSERT_GE(go.option("num_predict"), 1) << once;
        ASSERT_EQ(plain["options"]["num_ctx"], 131072) << once;
        ASSERT_EQ(rewritten(call_kind::chat, once, p), once);
    }
    EXPECT_GT(accepted, 3000u);
}

TEST(GoModel, SeesWhatWouldBeSmuggledPast) {
    const go_model::decoder go{
        "{\"options\":{\"num_ctx\":1},\"OPTION\u017f\":{\"num_ctx\":2},\"\\u006dodel\":\"x\"}"};
    ASSERT_TRUE(go.valid());
    EXPECT_EQ(go.option("num_ctx"), 2);
    EXPECT_EQ(go.field("model"), "x");
}

bool reloads(std::string_view body) {
    runner_options r;
    r.num_ctx = 8192;
    r.num_gpu = 999;
    const auto request = read_native(call_kind::chat, body);
    return would_reload(*request, r);
}

TEST(WouldReload, WhateverDiffersInARunnerOptionOrShift) {
    EXPECT_FALSE(reloads(R"({"shift":false,"options":{"num_ctx":8192}})"));
    EXPECT_FALSE(reloads(R"({"shift":false,"options":{"num_ctx":8192,"num_gpu":999,"temperature":2}})"));
    EXPECT_FALSE(reloads(R"({"shift":false,"options":{"num_ctx":8192,"num_gpu":-1,"num_batch":null}})"));
    EXPECT_TRUE(reloads(R"({"options":{"num_ctx":8192}})")) << "Ollama's default of shift is true";
    EXPECT_TRUE(reloads(R"({"shift":true,"options":{"num_ctx":8192}})"));
    EXPECT_TRUE(reloads(R"({"shift":false})"));
    EXPECT_TRUE(reloads(R"({"shift":false,"options":{"num_ctx":4096}})"));
    EXPECT_TRUE(reloads(R"({"shift":false,"options":{"num_ctx":8192,"num_gpu":20}})"));
    EXPECT_TRUE(reloads(R"({"shift":false,"options":{"num_ctx":8192,"num_batch":64}})"));
    EXPECT_TRUE(reloads(R"({"shift":false,"options":{"num_ctx":8192,"use_mmap":true}})"));
}

TEST(KeepAlive, IsForEverWhenItIsNegativeInEitherForm) {
    const auto kept = [](std::string text) {
        config c;
        c.ollama.keep_alive = std::move(text);
        return keeps_for_ever(shared_runner(c));
    };
    EXPECT_TRUE(kept("-1"));
    EXPECT_TRUE(kept("-1s"));
    EXPECT_TRUE(kept("-1h30m"));
    EXPECT_FALSE(kept("5m"));
    EXPECT_FALSE(kept("0"));
    EXPECT_FALSE(kept("300"));
}

} // namespace
