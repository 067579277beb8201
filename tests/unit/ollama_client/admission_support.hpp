#pragma once
// A hand-made clock and short ways to say what the tests of admission need.

#include "ollama_client/admission.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clawgate::ollama {

class admission_test : public testing::Test {
protected:
    steady_time now{std::chrono::hours{1}};

    [[nodiscard]] static admission_limits limits(unsigned slots) {
        admission_limits l;
        l.slots = slots;
        return l;
    }

    [[nodiscard]] static call_request call(std::string flow, std::uint32_t prompt_tokens = 1000,
                                           priority rank = priority::agent) {
        call_request r;
        r.flow = std::move(flow);
        r.rank = rank;
        r.max_concurrent = 100;
        r.prompt_tokens = prompt_tokens;
        r.bytes = 10;
        return r;
    }

    /// The `turn`-th call of a conversation (from 0), which grows by 1,000 tokens a turn and shares nothing
    /// with others.
    [[nodiscard]] static call_request turn_of(std::string flow, unsigned turn) {
        prefix_builder b;
        b.add("system prompt of " + flow + std::string(5000, '.'));
        for (unsigned i = 0; i < turn; ++i)
            b.add(std::to_string(i) + std::string(999, '.'));
        call_request r = call(std::move(flow));
        r.prefixes = b.take(1.0);
        r.prompt_tokens = r.prefixes.back().tokens;
        return r;
    }

    call_id add(admission& a, call_request r) {
        auto id = a.enqueue(std::move(r), now);
        EXPECT_TRUE(id.has_value());
        return id ? *id : 0;
    }

    [[nodiscard]] std::vector<call_id> dispatched(admission& a) {
        std::vector<call_id> all;
        while (const auto id = a.next(now))
            all.push_back(*id);
        return all;
    }

    /// Runs one call that lasts so long, alone.
    void serve(admission& a, call_request r, std::chrono::milliseconds time) {
        const call_id id = add(a, std::move(r));
        ASSERT_EQ(dispatched(a), std::vector{id});
        now += time;
        a.finish(id, 0, 0, now);
    }
};

} // namespace clawgate::ollama
