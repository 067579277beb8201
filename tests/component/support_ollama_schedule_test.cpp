// The parts of fake_ollama that decide without a socket: scheduler, slots, decoding, prompts.

#include "support/fake_ollama_decode.hpp"
#include "support/fake_ollama_prompt.hpp"
#include "support/fake_ollama_schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clawgate::support {
namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

const schedule_time start{};

scheduled_call call_of(const std::string& model, std::int64_t num_ctx = 4096, std::string prompt = {}) {
    scheduled_call c;
    c.model = model;
    c.settings.num_ctx = num_ctx;
    c.settings.num_ctx_given = true;
    c.prompt = std::move(prompt);
    return c;
}

/// A call that has its slot; the model loads if it must.
call_ticket running(model_scheduler& s, const scheduled_call& c) {
    const auto t = s.submit(c, start).value();
    if (s.phase_of(t) == call_phase::loading) s.loaded(t);
    EXPECT_EQ(s.phase_of(t), call_phase::running);
    return t;
}

TEST(Slots, ChooseTheLongestCommonBeginning) {
    prefix_slots slots{3};
    slots.release(slots.take("the quick brown fox")->slot);
    const auto other = slots.take("a lazy dog sleeps here");
    slots.release(other->slot);
    const auto again = slots.take("a lazy dog sleeps there");
    EXPECT_EQ(again->slot, other->slot);
    EXPECT_EQ(again->common, std::string_view{"a lazy dog sleeps "}.size());
}

TEST(Slots, ChooseTheLongestIdleWhenLittleIsShared) {
    prefix_slots slots{2};
    const auto first = slots.take("aaaaaaaaaaaaaaaaaaaa")->slot;
    const auto second = slots.take("bbbbbbbbbbbbbbbbbbbb")->slot;
    slots.release(second);
    slots.release(first);
    // One byte of twenty is less than a tenth.
    const auto third = slots.take("accccccccccccccccccc");
    EXPECT_EQ(third->slot, second);
    slots.release(third->slot);
    EXPECT_EQ(slots.take("dddd")->slot, first);
}

TEST(Slots, AnUnusedOneComesBeforeAUsedOne) {
    prefix_slots slots{2};
    const auto first = slots.take("aaaa")->slot;
    slots.release(first);
    EXPECT_NE(slots.take("bbbb")->slot, first);
}

TEST(Slots, KeepTheAnswerAndForgetWhatWasNotEvaluated) {
    prefix_slots slots{1};
    slots.take("question ");
    slots.append(0, "answer ");
    slots.release(0);
    EXPECT_EQ(slots.take("question answer next")->common, 16U);
    slots.keep(0, 4);
    slots.release(0);
    EXPECT_EQ(slots.take("question answer next")->common, 4U);
}

TEST(Scheduler, LoadsOnceForCallsThatAgree) {
    model_scheduler s{{.parallel = 2}};
    const auto first = s.submit(call_of("m"), start).value();
    const auto second = s.submit(call_of("m"), start).value();
    EXPECT_EQ(s.phase_of(first), call_phase::loading);
    EXPECT_EQ(s.phase_of(second), call_phase::pending);
    s.loaded(first);
    EXPECT_EQ(s.phase_of(first), call_phase::running);
    EXPECT_EQ(s.phase_of(second), call_phase::running);
    EXPECT_EQ(s.counts().loads, 1U);
    EXPECT_EQ(s.counts().peak, 2U);
}

TEST(Scheduler, ServesWaitersOfASlotInTheirOrder) {
    model_scheduler s{{}};
    const auto first = running(s, call_of("m"));
    const auto second = s.submit(call_of("m"), start).value();
    const auto third = s.submit(call_of("m"), start).value();
    EXPECT_EQ(s.counts().queued, 2U);
    s.leave(first, start);
    EXPECT_EQ(s.phase_of(second), call_phase::running);
    EXPECT_EQ(s.phase_of(third), call_phase::waiting);
    s.leave(second, start);
    EXPECT_EQ(s.phase_of(third), call_phase::running);
}

TEST(Scheduler, BoundsOnlyTheCallsThatWaitForALoad) {
    model_scheduler s{{.max_queue = 2}};
    const auto first = running(s, call_of("m"));
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(s.submit(call_of("m"), start));
    // The head and two behind it.
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(s.submit(call_of("m", 8192), start));
    EXPECT_FALSE(s.submit(call_of("m", 8192), start));
    EXPECT_TRUE(s.submit(call_of("m"), start));
    s.leave(first, start);
}

TEST(Scheduler, ReloadsOnlyWhenNothingRuns) {
    model_scheduler s{{.parallel = 2}};
    const auto first = running(s, call_of("m", 4096));
    const auto second = running(s, call_of("m", 4096));
    const auto other = s.submit(call_of("m", 8192), start).value();
    s.leave(first, start);
    EXPECT_EQ(s.phase_of(other), call_phase::pending);
    s.leave(second, start);
    EXPECT_EQ(s.phase_of(other), call_phase::loading);
    EXPECT_EQ(s.counts().loads, 2U);
    EXPECT_EQ(s.counts().reloads, 1U);
}

TEST(Scheduler, KnowsWhichOptionsNeedAReload) {
    runner_settings loaded;
    loaded.num_ctx = 4096;
    loaded.num_ctx_given = true;
    loaded.num_gpu = 999;
    auto wanted = loaded;
    EXPECT_FALSE(needs_reload(loaded, wanted));
    wanted.num_gpu = -1; // left out: whatever is there will do
    EXPECT_FALSE(needs_reload(loaded, wanted));
    wanted.num_gpu = 0;
    EXPECT_TRUE(needs_reload(loaded, wanted));
    wanted = loaded;
    wanted.shift = false;
    EXPECT_TRUE(needs_reload(loaded, wanted));
    wanted = loaded;
    wanted.num_batch = 1024;
    EXPECT_TRUE(needs_reload(loaded, wanted));
    wanted = loaded;
    wanted.use_mmap = false;
    EXPECT_TRUE(needs_reload(loaded, wanted));
    // Loaded with an explicit context, asked for the default one.
    wanted = loaded;
    wanted.num_ctx_given = false;
    wanted.num_ctx = 131'072;
    EXPECT_TRUE(needs_reload(loaded, wanted));
    loaded.num_ctx_given = false;
    EXPECT_FALSE(needs_reload(loaded, wanted));
}

TEST(Scheduler, AnotherModelEvictsAnIdleOne) {
    model_scheduler s{{}};
    const auto first = running(s, call_of("chat"));
    auto embedding = call_of("embed");
    embedding.one_slot = true;
    const auto second = s.submit(embedding, start).value();
    EXPECT_EQ(s.phase_of(second), call_phase::pending);
    s.leave(first, start);
    EXPECT_EQ(s.phase_of(second), call_phase::loading);
    EXPECT_EQ(s.counts().evictions, 1U);
    EXPECT_EQ(s.counts().reloads, 0U);
    ASSERT_EQ(s.models().size(), 1U);
    EXPECT_EQ(s.models()[0].model, "embed");
}

TEST(Scheduler, TwoModelsStayWhereThereIsRoom) {
    model_scheduler s{{.parallel = 4, .max_loaded = 2}};
    running(s, call_of("chat"));
    auto embedding = call_of("embed");
    embedding.one_slot = true;
    running(s, embedding);
    ASSERT_EQ(s.models().size(), 2U);
    EXPECT_EQ(s.models()[0].slots.size(), 4U);
    EXPECT_EQ(s.models()[1].slots.size(), 1U);
    EXPECT_EQ(s.counts().evictions, 0U);
}

TEST(Scheduler, TheLastKeepAliveThatWasSetCounts) {
    model_scheduler s{{}};
    auto c = call_of("m");
    c.keep_alive = 1min;
    const auto first = running(s, c);
    c.keep_alive = for_ever;
    const auto second = s.submit(c, start).value();
    c.keep_alive.reset();
    s.leave(first, start);
    s.leave(second, start);
    s.expire(start + 240h);
    EXPECT_EQ(s.models().size(), 1U);
    c.keep_alive = 1min;
    s.leave(running(s, c), start);
    s.expire(start + 59s);
    EXPECT_EQ(s.models().size(), 1U);
    s.expire(start + 60s);
    EXPECT_TRUE(s.models().empty());
}

TEST(Scheduler, AnUnloadWaitsForTheCallsOfTheModel) {
    model_scheduler s{{}};
    const auto t = running(s, call_of("m"));
    s.unload("m");
    EXPECT_EQ(s.models().size(), 1U);
    s.leave(t, start);
    EXPECT_TRUE(s.models().empty());
}

TEST(Scheduler, ACallerThatLeavesGivesUpTheLoadItTriggered) {
    model_scheduler s{{}};
    const auto first = s.submit(call_of("m"), start).value();
    const auto second = s.submit(call_of("m"), start).value();
    s.leave(first, start);
    EXPECT_EQ(s.phase_of(second), call_phase::loading);
    EXPECT_EQ(s.counts().loads, 2U);
    EXPECT_EQ(s.counts().reloads, 0U);
}

TEST(Scheduler, ALeakedSlotComesBackWithTheNextLoadOnly) {
    model_scheduler s{{}};
    s.leave_and_leak(running(s, call_of("m")), start);
    EXPECT_EQ(s.counts().leaked, 1U);
    const auto stuck = s.submit(call_of("m"), start).value();
    EXPECT_EQ(s.phase_of(stuck), call_phase::waiting);
    s.unload("m");
    s.leave(stuck, start);
    running(s, call_of("m"));
    EXPECT_EQ(s.counts().leaked, 0U);
}

TEST(Scheduler, ADeadlockEndsWithAnUnload) {
    model_scheduler s{{}};
    const auto first = running(s, call_of("m"));
    s.freeze();
    const auto second = s.submit(call_of("m"), start).value();
    EXPECT_EQ(s.phase_of(second), call_phase::pending);
    s.unload("m");
    EXPECT_FALSE(s.frozen());
    EXPECT_EQ(s.phase_of(first), call_phase::failed);
    EXPECT_EQ(s.phase_of(second), call_phase::loading);
    s.leave(first, start);
    EXPECT_EQ(s.phase_of(second), call_phase::loading);
}

TEST(Scheduler, FreezesByItselfOnlyWhenAReloadOverlapsACall) {
    model_scheduler s{{}};
    s.freeze_on_reload(true);
    s.leave(running(s, call_of("m", 4096)), start);
    const auto t = running(s, call_of("m", 8192));
    EXPECT_FALSE(s.frozen());
    EXPECT_TRUE(s.submit(call_of("m", 4096), start));
    EXPECT_TRUE(s.frozen());
    s.leave(t, start);
    EXPECT_EQ(s.counts().loads, 2U);
}

TEST(Scheduler, NamesTheCallsThatMayGoOn) {
    model_scheduler s{{}};
    const auto first = running(s, call_of("m"));
    const auto second = s.submit(call_of("m"), start).value();
    EXPECT_THAT(s.take_changed(), testing::Contains(second));
    s.leave(first, start);
    EXPECT_THAT(s.take_changed(), testing::ElementsAre(second));
    EXPECT_TRUE(s.take_changed().empty());
}

TEST(Decode, MatchesNamesInAnyCaseAndTakesTheLast) {
    const auto r =
        decode_request(R"({"model":"a","MODEL":"b","\u017ftream":false,"\u212aeep_alive":5})", "ChatRequest");
    EXPECT_EQ(r.problem, "");
    EXPECT_EQ(r.value, (json{{"model", "b"}, {"stream", false}, {"keep_alive", 5}}));
}

TEST(Decode, AddsASecondSetOfOptionsToTheFirst) {
    const auto r = decode_request(
        R"({"options":{"num_ctx":1,"top_k":2},"Options":{"num_ctx":3,"NUM_CTX":4}} trailing)", "ChatRequest");
    EXPECT_EQ(r.problem, "");
    EXPECT_EQ(r.value["options"], (json{{"num_ctx", 3}, {"NUM_CTX", 4}, {"top_k", 2}}));
}

TEST(Decode, FoldsTheMembersOfMessagesToo) {
    const auto r = decode_request(
        R"({"messages":[{"Role":"user","CONTENT":"a","content":"b","extra":1}],"options":null})",
        "ChatRequest");
    EXPECT_EQ(r.value, (json{{"messages", {{{"role", "user"}, {"content", "b"}}}}}));
}

TEST(Decode, NamesTheFieldOfAWrongType) {
    const auto problem = [](std::string_view body) { return decode_request(body, "ChatRequest").problem; };
    EXPECT_EQ(problem(R"({"stream":"no"})"),
              "json: cannot unmarshal string into Go struct field ChatRequest.stream of type bool");
    EXPECT_EQ(
        problem(R"({"messages":[{"content":[{"type":"text"}]}]})"),
        "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string");
    EXPECT_EQ(problem(R"({"messages":[{"tool_calls":[{"function":{"arguments":"{}"}}]}]})"),
              "json: cannot unmarshal string into Go struct field "
              "ChatRequest.messages.tool_calls.function.arguments of type map[string]interface {}");
    EXPECT_EQ(problem("[1]"), "json: cannot unmarshal array into Go value of type api.ChatRequest");
    EXPECT_EQ(problem("{\"model\":"), "unexpected EOF");
    EXPECT_EQ(problem("{'"), "invalid character '\'' looking for beginning of value");
    EXPECT_EQ(problem(" \n"), "missing request body");
}

TEST(Decode, ReadsDurationsAsGoDoes) {
    std::string problem;
    EXPECT_EQ(parse_duration("1h30m", problem), 90min);
    EXPECT_EQ(parse_duration("1.5s", problem), 1500ms);
    EXPECT_EQ(parse_duration("0", problem), 0s);
    EXPECT_EQ(problem, "");
    EXPECT_FALSE(parse_duration("-1", problem));
    EXPECT_EQ(problem, "time: missing unit in duration \"-1\"");
    EXPECT_FALSE(parse_duration("1d", problem));
    EXPECT_EQ(problem, "time: unknown unit \"d\" in duration \"1d\"");
    EXPECT_FALSE(parse_duration("soon", problem));
    EXPECT_EQ(problem, "time: invalid duration \"soon\"");
    problem.clear();
    EXPECT_EQ(read_keep_alive(-1, problem), for_ever);
    EXPECT_EQ(read_keep_alive("-1m", problem), for_ever);
    EXPECT_EQ(read_keep_alive(300, problem), 5min);
    EXPECT_FALSE(read_keep_alive(nullptr, problem));
    EXPECT_EQ(problem, "");
}

TEST(Decode, ChecksTheTypesOfOptions) {
    EXPECT_EQ(option_problem({{"temperature", "hot"}}), "option \"temperature\" must be of type float32");
    EXPECT_EQ(option_problem({{"stop", "x"}}), "option \"stop\" must be of type array");
    EXPECT_EQ(option_problem({{"num_gpu", true}}), "option \"num_gpu\" must be of type integer");
    EXPECT_EQ(option_problem({{"unknown", "x"}, {"seed", nullptr}, {"top_k", 4.0}}), "");
}

TEST(Prompt, TheNextTurnBeginsWithThisTurnAndItsAnswer) {
    json request{{"messages", {{{"role", "system"}, {"content", "s"}}, {{"role", "user"}, {"content", "q"}}}},
                 {"tools", {{{"type", "function"}}}}};
    const json answer{
        {"role", "assistant"},
        {"thinking", "hm"},
        {"content", ""},
        {"tool_calls", {{{"id", "x"}, {"function", {{"name", "f"}, {"arguments", {{"a", 1}}}}}}}}};
    const auto before = chat_prompt(request, SIZE_MAX) + assistant_text(answer);
    request["messages"].push_back(answer);
    request["messages"].push_back({{"role", "tool"}, {"content", "r"}});
    EXPECT_TRUE(chat_prompt(request, SIZE_MAX).starts_with(before));
    request["messages"][2].erase("thinking");
    EXPECT_FALSE(chat_prompt(request, SIZE_MAX).starts_with(before));
}

TEST(Prompt, DropsTheOldestMessagesButNeverTheSystemsOrTheLast) {
    const std::string much(400, 'x');
    const json request{{"messages",
                        {{{"role", "system"}, {"content", "rules"}},
                         {{"role", "user"}, {"content", "old" + much}},
                         {{"role", "assistant"}, {"content", "middle"}},
                         {{"role", "user"}, {"content", "new" + much}}}}};
    const auto text = chat_prompt(request, 120);
    EXPECT_NE(text.find("rules"), std::string::npos);
    EXPECT_EQ(text.find("old"), std::string::npos);
    EXPECT_NE(text.find("middle"), std::string::npos);
    EXPECT_NE(chat_prompt(request, 1).find("new"), std::string::npos);
}

} // namespace
} // namespace clawgate::support
