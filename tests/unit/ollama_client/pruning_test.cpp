#include "ollama_client/pruning.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <random>

namespace clawgate::ollama {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view cleared_note{"[Old tool result, removed to save context]"};

struct pruned {
    std::string body;
    pruning_report report;
    [[nodiscard]] json messages() const { return json::parse(body)["messages"]; }
};

pruned prune_body(const std::string& body, const pruning_policy& p, call_kind kind = call_kind::chat) {
    const auto r = read_native(kind, body);
    EXPECT_TRUE(r) << (r ? "" : r.error().detail);
    edited_text text{body};
    pruned out;
    out.report = prune(*r, p, text);
    out.body = text.str();
    return out;
}

std::string body_of(const json& messages) {
    // In this order, so that a growing conversation has a common beginning.
    return R"({"model":"m","messages":)" + messages.dump() + R"(,"stream":true})";
}

json tool_turn(int n, std::string content) {
    return json::array({{{"role", "assistant"},
                         {"content", "step " + std::to_string(n)},
                         {"thinking", "I should look"},
                         {"tool_calls",
                          {{{"id", "call_" + std::to_string(n)},
                            {"function", {{"name", "read"}, {"arguments", json::object()}}}}}}},
                        {{"role", "tool"},
                         {"tool_name", "read"},
                         {"tool_call_id", "call_" + std::to_string(n)},
                         {"content", std::move(content)}}});
}

json beginning() {
    return json::array({{{"role", "system"}, {"content", "You are agent 1."}},
                        {{"role", "user"}, {"content", "Look at all of it."}}});
}

void append(json& messages, json turn) {
    for (auto& m : turn)
        messages.push_back(std::move(m));
}

/// `turns` tool calls with results of `bytes` each.
json conversation(int turns, std::size_t bytes) {
    auto messages = beginning();
    for (int n = 0; n < turns; ++n)
        append(messages, tool_turn(n, std::string(bytes, static_cast<char>('a' + n % 26))));
    return messages;
}

/// A context of 100,000 bytes.
pruning_policy policy_of(pruning_mode mode = pruning_mode::adaptive) {
    pruning_policy p;
    p.mode = mode;
    p.context_tokens = 25'000;
    p.bytes_per_token = 4.0;
    return p;
}

std::size_t count_content(const json& messages, std::string_view part) {
    std::size_t n = 0;
    for (const auto& m : messages)
        n += m["content"].get<std::string>().find(part) != std::string::npos ? 1 : 0;
    return n;
}

TEST(Pruning, TakesItsPolicyFromTheAgentsVariables) {
    behaviour_options b;
    b.pruning = pruning_mode::aggressive;
    b.context_tokens = 4096;
    b.keep_last_assistants = 7;
    b.soft_trim_ratio = 0.2;
    b.hard_clear_ratio = 0.9;
    const auto p = pruning_for(b);
    EXPECT_EQ(p.mode, pruning_mode::aggressive);
    EXPECT_EQ(p.context_tokens, 4096);
    EXPECT_EQ(p.keep_last_assistants, 7);
    EXPECT_EQ(p.soft_trim_ratio, 0.2);
    EXPECT_EQ(p.hard_clear_ratio, 0.9);
}

TEST(Pruning, LeavesAConversationBelowTheSoftRatioAlone) {
    const auto body = body_of(conversation(9, 3000)); // 27 KB and some, of 30
    const auto out = prune_body(body, policy_of());
    EXPECT_EQ(out.body, body);
    EXPECT_EQ(out.report.trimmed + out.report.cleared, 0u);
    EXPECT_EQ(out.report.bytes_after, out.report.bytes_before);
}

TEST(Pruning, ShortensTheOldestResultsAboveTheSoftRatio) {
    const auto messages = conversation(9, 4500); // 42 KB
    const auto out = prune_body(body_of(messages), policy_of());
    EXPECT_GT(out.report.trimmed, 0u);
    EXPECT_EQ(out.report.cleared, 0u);
    const auto after = out.messages();
    const auto oldest = after[3]["content"].get<std::string>();
    EXPECT_THAT(oldest, StartsWith(std::string(1500, 'a') + "\n[... 2500 characters left out"));
    EXPECT_THAT(oldest, EndsWith("...]\n" + std::string(500, 'a')));
    EXPECT_LT(out.report.bytes_after, 30'000u);
    EXPECT_EQ(out.report.bytes_before - out.report.bytes_after, body_of(messages).size() - out.body.size());
    EXPECT_EQ(count_content(after, "left out"), out.report.trimmed);
}

TEST(Pruning, ClearsTheOldestResultsAboveTheHardRatio) {
    const auto out = prune_body(body_of(conversation(40, 4500)), policy_of());
    EXPECT_GT(out.report.cleared, 0u);
    const auto after = out.messages();
    EXPECT_EQ(after[3]["content"], cleared_note);
    EXPECT_EQ(count_content(after, cleared_note), out.report.cleared);
    EXPECT_EQ(count_content(after, "left out"), out.report.trimmed);
    EXPECT_LE(out.report.bytes_after, 62'500u);
}

TEST(Pruning, AggressiveBeginsAtHalfTheRatioAndClearsAtTheSoftOne) {
    const auto early = conversation(9, 2900); // 28 KB: above 15, below 30
    EXPECT_EQ(prune_body(body_of(early), policy_of()).report.trimmed, 0u);
    const auto out = prune_body(body_of(early), policy_of(pruning_mode::aggressive));
    EXPECT_GT(out.report.trimmed, 0u);
    EXPECT_EQ(out.report.cleared, 0u);
    EXPECT_THAT(out.messages()[3]["content"].get<std::string>(),
                StartsWith(std::string(500, 'a') + "\n[... 2200 characters left out"));

    const auto late = prune_body(body_of(conversation(30, 3000)), policy_of(pruning_mode::aggressive));
    EXPECT_GT(late.report.cleared, 0u);
    EXPECT_LT(late.report.bytes_after,
              prune_body(body_of(conversation(30, 3000)), policy_of()).report.bytes_after);
}

TEST(Pruning, OffDoesNothing) {
    const auto body = body_of(conversation(60, 9000));
    const auto out = prune_body(body, policy_of(pruning_mode::off));
    EXPECT_EQ(out.body, body);
    EXPECT_GT(out.report.bytes_after, 500'000u);
}

TEST(Pruning, OnlyContentsOfOldToolResultsChange) {
    for (const auto mode : {pruning_mode::adaptive, pruning_mode::aggressive}) {
        for (const int keep : {0, 1, 3, 8}) {
            const auto before = conversation(40, 4500);
            auto p = policy_of(mode);
            p.keep_last_assistants = keep;
            const auto out = prune_body(body_of(before), p);
            auto after = out.messages();
            ASSERT_EQ(after.size(), before.size());
            ASSERT_GT(out.report.cleared, 0u);
            const auto first_kept = before.size() - 2 * static_cast<std::size_t>(std::max(keep, 1));
            for (std::size_t i = 0; i < before.size(); ++i) {
                if (before[i]["role"] == "tool" && i < first_kept) after[i]["content"] = before[i]["content"];
                ASSERT_EQ(after[i], before[i]) << i;
            }
        }
    }
}

TEST(Pruning, ProtectsEverythingWhileThereAreFewAnswers) {
    auto p = policy_of();
    p.keep_last_assistants = 5;
    const auto body = body_of(conversation(5, 30'000));
    EXPECT_EQ(prune_body(body, p).body, body);
    EXPECT_EQ(prune_body(body_of(conversation(6, 30'000)), p).report.cleared, 1u);
}

TEST(Pruning, ResultsTheModelWasNotYetShownStayEvenWhenNothingIsToBeKept) {
    auto p = policy_of(pruning_mode::aggressive);
    p.keep_last_assistants = 0;
    auto messages = conversation(10, 9000);
    messages.push_back({{"role", "tool"}, {"tool_name", "read"}, {"content", std::string(9000, 'z')}});
    const auto after = prune_body(body_of(messages), p).messages();
    EXPECT_EQ(after[after.size() - 1], messages[messages.size() - 1]);
    EXPECT_EQ(after[after.size() - 2], messages[messages.size() - 2]);
    EXPECT_EQ(after[3]["content"], cleared_note);
}

TEST(Pruning, CutsBetweenCharactersWhateverTheirForm) {
    // Raw and escaped characters of one to four bytes, in every phase against the cut.
    const std::vector<std::string> forms{"é",    "€",   "🦀", "\\ud83e\\udd80", "\\u20AC", "\\\\",
                                         "\\\"", "\\n", "x"};
    for (std::size_t phase = 0; phase < forms.size(); ++phase) {
        std::string content;
        for (std::size_t i = 0; i < 6000; ++i)
            content += forms[(i + phase) % forms.size()];
        std::string body{R"({"messages":[)"};
        for (int n = 0; n < 9; ++n)
            body += R"({"role":"assistant","content":""},{"role":"tool","content":")" + content + "\"},";
        body += R"({"role":"user","content":"go on"}]})";
        auto p = policy_of();
        p.context_tokens = 100'000;
        p.hard_clear_ratio = 0.9;
        const auto out = prune_body(body, p);
        ASSERT_GT(out.report.trimmed, 0u);
        const auto again = read_native(call_kind::chat, out.body);
        ASSERT_TRUE(again) << again.error().detail;
        const auto whole = json::parse("\"" + content + "\"").get<std::string>();
        std::string shortened;
        for (const auto& m : out.messages())
            if (m["content"].get<std::string>().find("left out") != std::string::npos)
                shortened = m["content"];
        const auto gap = shortened.find("\n[... ");
        ASSERT_NE(gap, std::string::npos);
        EXPECT_THAT(whole, StartsWith(shortened.substr(0, gap)));
        const auto tail = shortened.find(" ...]\n", gap) + 6;
        EXPECT_THAT(whole, EndsWith(shortened.substr(tail)));
        EXPECT_THAT(shortened, HasSubstr("[... " + std::to_string(6000 - 1500 - 500) + " characters"));
    }
}

TEST(Pruning, LeavesShortResultsAndThoseWithoutTextAlone) {
    auto messages = beginning();
    for (int n = 0; n < 12; ++n) {
        append(messages, tool_turn(n, "ok"));
        append(messages, tool_turn(n, std::string(2400, 'x')));
        append(messages, tool_turn(n, std::string(9000, 'y')));
        messages.push_back({{"role", "tool"}, {"content", nullptr}});
        messages.push_back({{"role", "tool"}});
    }
    auto p = policy_of();
    p.hard_clear_ratio = 1;
    const auto trimmed = prune_body(body_of(messages), p);
    EXPECT_GT(trimmed.report.trimmed, 0u);
    std::size_t whole = 0;
    for (const auto& m : trimmed.messages())
        whole += m.value("content", json{}) == std::string(2400, 'x') ? 1 : 0;
    EXPECT_EQ(whole, 12u);

    const auto cleared = prune_body(body_of(messages), policy_of(pruning_mode::aggressive));
    EXPECT_GT(cleared.report.cleared, 0u);
    std::size_t ok = 0;
    std::size_t null = 0;
    for (const auto& m : cleared.messages()) {
        ok += m.value("content", json{}) == "ok" ? 1 : 0;
        null += m.contains("content") && m["content"].is_null() ? 1 : 0;
    }
    EXPECT_EQ(ok, 12u);
    EXPECT_EQ(null, 12u);
}

TEST(Pruning, APictureIsNotItsBase64) {
    auto messages = conversation(7, 3000);
    messages[1]["images"] = {std::string(200'000, 'A'), std::string(100'000, 'B')};
    const auto body = body_of(messages);
    const auto out = prune_body(body, policy_of());
    EXPECT_EQ(out.body, body);
    EXPECT_LT(out.report.bytes_before, 35'000u);
    EXPECT_GT(out.report.bytes_before, 21'000u + 8'000u);
}

TEST(Pruning, ToolDefinitionsCountToo) {
    const auto messages = conversation(7, 3000);
    const auto with_tools =
        R"({"tools":[")" + std::string(60'000, 't') + R"("],"messages":)" + messages.dump() + "}";
    EXPECT_EQ(prune_body(body_of(messages), policy_of()).report.trimmed, 0u);
    EXPECT_GT(prune_body(with_tools, policy_of()).report.bytes_before, 80'000u);
}

TEST(Pruning, OtherCallsPassUntouched) {
    const auto body = R"({"prompt":")" + std::string(200'000, 'p') + "\"}";
    EXPECT_EQ(prune_body(body, policy_of(), call_kind::generate).body, body);
    const std::string empty{R"({"model":"m"})"};
    EXPECT_EQ(prune_body(empty, policy_of()).body, empty);
}

TEST(Pruning, WhatIsPrunedOnceNeedsNoSecondPass) {
    // A caller that sends back what it was shown must not be pruned into nothing.
    const auto once = prune_body(body_of(conversation(60, 4500)), policy_of());
    const auto twice = prune_body(once.body, policy_of());
    EXPECT_LE(twice.body.size(), once.body.size());
    EXPECT_GT(twice.body.size(), once.body.size() / 2);
}

struct growth {
    double common_prefix = 0; ///< mean over the turns, relative to the shorter prompt
    int steps = 0;            ///< turns in which the beginning changed
    double largest = 0;       ///< pruned prompt, as a share of the context
    double excess = 0;        ///< … above its ratio, or above what no pruning may touch where that is more
    pruning_report last;
};

/// A conversation of 100 turns as the door sees it: each request has the originals of all turns before.
growth grow(const pruning_policy& p, double ratio, unsigned seed) {
    constexpr std::size_t largest_result = 12'000;
    const auto context = p.context_tokens * p.bytes_per_token;
    std::mt19937 random{seed};
    std::uniform_int_distribution<std::size_t> result_size{500, largest_result};
    std::uniform_int_distribution<std::size_t> answer_size{200, 1500};
    std::string body{R"({"messages":[{"role":"system","content":")" + std::string(24'000, 's') + "\"}"};
    std::size_t results = 0;
    std::string before;
    growth g;
    for (int n = 0; n < 100; ++n) {
        const auto size = result_size(random);
        auto turn = tool_turn(n, std::string(size, static_cast<char>('a' + n % 26)));
        turn[0]["content"] = std::string(answer_size(random), 'A');
        body += "," + turn[0].dump() + "," + turn[1].dump();
        results += size;
        auto out = prune_body(body + "]}", p);
        EXPECT_LE(out.report.bytes_after, out.report.bytes_before);
        const auto untouchable = out.report.bytes_before - results + 3 * largest_result +
                                 static_cast<std::size_t>(n) * (cleared_note.size() + 2);
        const auto after = static_cast<double>(out.report.bytes_after) / context;
        g.largest = std::max(g.largest, after);
        g.excess = std::max(g.excess, after - std::max(ratio, static_cast<double>(untouchable) / context));
        g.last = out.report;
        // Without the brackets that end the body: they are no part of the prompt.
        out.body.resize(out.body.size() - 2);
        if (n > 0) {
            const auto shorter = std::min(out.body.size(), before.size());
            const auto differs =
                std::mismatch(before.begin(), before.begin() + static_cast<long>(shorter), out.body.begin());
            const auto common = static_cast<std::size_t>(differs.first - before.begin());
            g.common_prefix += static_cast<double>(common) / static_cast<double>(shorter) / 99;
            g.steps += common < shorter ? 1 : 0;
        }
        before = std::move(out.body);
    }
    return g;
}

void expect_a_stable_beginning(const pruning_policy& p, double ratio) {
    for (unsigned seed = 1; seed <= 2; ++seed) {
        const auto g = grow(p, ratio, seed);
        EXPECT_GE(g.common_prefix, 0.93) << seed;
        EXPECT_GE(g.steps, 3) << "or nothing was tested";
        EXPECT_LE(g.steps, 12) << seed;
        EXPECT_LE(g.excess, 1.0 / 8) << seed;
        EXPECT_GT(g.last.cleared, 0u) << seed;
        std::cout << "  common prefix " << g.common_prefix << ", " << g.steps << " steps, largest prompt "
                  << g.largest << " of the context; at the end " << g.last.trimmed << " shortened, "
                  << g.last.cleared << " cleared\n";
    }
}

TEST(Pruning, AGrowingConversationKeepsItsBeginning) {
    const pruning_policy p;
    expect_a_stable_beginning(p, p.hard_clear_ratio);
}

TEST(Pruning, AGrowingConversationKeepsItsBeginningWhenPruningIsAggressive) {
    pruning_policy p;
    p.mode = pruning_mode::aggressive;
    expect_a_stable_beginning(p, p.soft_trim_ratio);
}

TEST(Pruning, WhatWasDecidedOfTheBeginningStaysWithMoreAnswersToCome) {
    // The same property from one turn to the next, on a small context where steps are frequent: a result that
    // was shortened or cleared is never whole again.
    const auto p = policy_of();
    auto messages = beginning();
    std::mt19937 random{3};
    std::uniform_int_distribution<std::size_t> size{100, 6000};
    std::vector<std::size_t> before;
    for (int n = 0; n < 80; ++n) {
        append(messages, tool_turn(n, std::string(size(random), 'r')));
        const auto after = prune_body(body_of(messages), p).messages();
        for (std::size_t i = 0; i < before.size(); ++i)
            ASSERT_LE(after[i]["content"].get<std::string>().size(), before[i]) << n << ' ' << i;
        before.clear();
        for (const auto& m : after)
            before.push_back(m["content"].get<std::string>().size());
    }
}

} // namespace
} // namespace clawgate::ollama
