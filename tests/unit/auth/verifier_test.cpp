#include "auth/verifier.hpp"

#include "support.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace clawgate::auth {
namespace {

using namespace std::chrono_literals;

std::string hash_of(const std::string& text) {
    std::string out(crypto_pwhash_STRBYTES, '\0');
    EXPECT_EQ(crypto_pwhash_str(out.data(), text.data(), text.size(), crypto_pwhash_OPSLIMIT_MIN,
                                crypto_pwhash_MEMLIMIT_MIN),
              0);
    return out.substr(0, out.find('\0'));
}

// Agent 1 has a plain password, agent 2 a hash of "hashed", agent 3 none.
config three_doors() {
    auto c = test::make_config(3);
    c.agents[1].password = secret{};
    c.agents[1].password_hash = secret{hash_of("hashed")};
    c.agents[2].password = secret{};
    return c;
}

class Verifier : public ::testing::Test {
protected:
    static candidate offer(const std::string& password, door where = 1,
                           const std::string& client = "198.51.100.1", const std::string& lane = {}) {
        return {where, boost::asio::ip::make_address(client), lane, secret{password}};
    }

    verdict ask(candidate c) {
        std::promise<verdict> answer;
        checks.verify(std::move(c), [&](verdict v) { answer.set_value(v); });
        return answer.get_future().get();
    }

    // What was posted to the owner before this has been done.
    void settle() {
        std::promise<void> reached;
        checks.post([&] { reached.set_value(); });
        reached.get_future().get();
    }

    void guess(int count, const std::string& client = "198.51.100.1", int from = 0, door where = 1) {
        for (int n = from; n < from + count; ++n)
            EXPECT_EQ(ask(offer("wrong" + std::to_string(n), where, client)).what, outcome::wrong) << n;
    }

    std::atomic<std::int64_t> seconds{1'000'000};
    const keyed_digest compare{test::make_key('c'), "compare"};
    const door_passwords doors{three_doors(), compare, keyed_digest{test::make_key('m'), "mark"}};
    verifier checks{doors, compare, verifier::limits{},
                    [this] { return steady_time{std::chrono::seconds{seconds}}; }};
};

TEST_F(Verifier, AcceptsTheRightPasswordOfEachDoor) {
    EXPECT_EQ(ask(offer("correct horse", 1)).what, outcome::accepted);
    EXPECT_EQ(ask(offer("hashed", 2)).what, outcome::accepted);
    EXPECT_EQ(ask(offer("correct horse", control_door)).what, outcome::accepted);
    EXPECT_EQ(ask(offer("hashed", 1)).what, outcome::wrong);
    EXPECT_EQ(ask(offer("correct horse", 2)).what, outcome::wrong);
    EXPECT_EQ(ask(offer("", 3)).what, outcome::wrong);
    EXPECT_EQ(ask(offer("correct horse", 9)).what, outcome::wrong);
}

TEST_F(Verifier, DecidesAPlainRightPasswordAtOnce) {
    ASSERT_TRUE(checks.verify_now(offer("correct horse")));
    EXPECT_EQ(checks.verify_now(offer("correct horse"))->what, outcome::accepted);
    EXPECT_FALSE(checks.verify_now(offer("wrong"))) << "it must be counted";
    EXPECT_FALSE(checks.verify_now(offer("hashed", 2))) << "it must be hashed";
    EXPECT_FALSE(checks.verify_now(offer("", 3)));
    EXPECT_FALSE(checks.verify_now(offer("correct horse", 77)));
}

TEST_F(Verifier, AnswersTenWrongPasswordsAndThenLocks) {
    guess(10);
    const auto locked = ask(offer("wrong10"));
    EXPECT_EQ(locked.what, outcome::locked);
    EXPECT_EQ(locked.retry_after, 300s);
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::locked) << "the right one is refused, too";
    EXPECT_EQ(ask(offer("correct horse", control_door)).what, outcome::locked) << "at every door";
    EXPECT_EQ(ask(offer("correct horse", 1, "198.51.100.2")).what, outcome::accepted);
    seconds += 300;
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::accepted);
}

TEST_F(Verifier, CountsTheSixtyFourBitsOfAnIPv6AddressAsOneClient) {
    for (int n = 0; n < 10; ++n)
        guess(1, "2001:db8::" + std::to_string(n + 1), n);
    EXPECT_EQ(ask(offer("correct horse", 1, "2001:db8::ffff")).what, outcome::locked);
    EXPECT_EQ(ask(offer("correct horse", 1, "2001:db8:0:1::1")).what, outcome::accepted);
}

TEST_F(Verifier, CountsAllOfLoopbackAsOneClient) {
    for (int n = 0; n < 10; ++n)
        guess(1, "127.0.0." + std::to_string(n + 1), n);
    EXPECT_EQ(ask(offer("correct horse", 1, "::1")).what, outcome::locked);
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::accepted);
}

TEST_F(Verifier, ALookIsNoGuessAndMeetsNoLock) {
    const auto look = [&](const std::string& value, const std::string& lane, door where = 1) {
        auto c = offer(value, where, "198.51.100.1", lane);
        c.why = intent::look;
        return ask(std::move(c)).what;
    };
    EXPECT_EQ(look("correct horse", "lane"), outcome::accepted);
    EXPECT_EQ(look("device token", "lane"), outcome::wrong);
    EXPECT_EQ(look("hashed", "lane", 2), outcome::accepted);
    for (int n = 0; n < 9; ++n)
        EXPECT_EQ(look("a" + std::to_string(n), "lane" + std::to_string(n)), outcome::wrong);
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::accepted) << "nothing was counted";
    guess(10, "198.51.100.1", 100);
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::locked);
    EXPECT_EQ(look("correct horse", "lane"), outcome::accepted);
}

TEST_F(Verifier, ALookCannotBeUsedToFindThePassword) {
    const auto look = [&](const std::string& value, const std::string& lane) {
        auto c = offer(value, 1, "198.51.100.1", lane);
        c.why = intent::look;
        return ask(std::move(c)).what;
    };
    for (int n = 0; n < 100; ++n)
        EXPECT_EQ(look("the one device token", "lane"), outcome::wrong) << "the same value counts once";
    for (int n = 0; n < 9; ++n)
        EXPECT_EQ(look("guess" + std::to_string(n), "lane"), outcome::wrong);
    EXPECT_EQ(look("guess9", "lane"), outcome::locked);
    EXPECT_EQ(look("correct horse", "lane"), outcome::locked) << "the right one looks the same";
    EXPECT_EQ(look("correct horse", "another"), outcome::accepted);
    EXPECT_EQ(ask(offer("correct horse", 1, "198.51.100.1", "lane")).what, outcome::accepted);
}

TEST_F(Verifier, NeverAcceptsAtOnceWhileSomebodyIsLocked) {
    guess(10);
    EXPECT_FALSE(checks.verify_now(offer("correct horse")));
    EXPECT_FALSE(checks.verify_now(offer("correct horse", 1, "198.51.100.2")));
    seconds += 299;
    EXPECT_FALSE(checks.verify_now(offer("correct horse")));
    seconds += 1;
    EXPECT_TRUE(checks.verify_now(offer("correct horse")));
}

TEST_F(Verifier, NeverAcceptsAtOnceUnderTheCeiling) {
    for (int n = 0; n < 100; ++n)
        guess(1, "203.0.113." + std::to_string(n), n);
    EXPECT_FALSE(checks.verify_now(offer("correct horse")));
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::locked);
    EXPECT_EQ(ask(offer("correct horse", 1, "198.51.100.1", "lane")).what, outcome::accepted);
    seconds += 60;
    EXPECT_TRUE(checks.verify_now(offer("correct horse")));
}

TEST_F(Verifier, NeverAcceptsAtOnceBeforeAnEarlierPasswordIsDecided) {
    std::promise<void> let_go;
    checks.post([wait = let_go.get_future().share()] { wait.get(); });
    std::promise<verdict> answer;
    checks.verify(offer("wrong"), [&](verdict v) { answer.set_value(v); });
    EXPECT_FALSE(checks.verify_now(offer("correct horse")));
    let_go.set_value();
    EXPECT_EQ(answer.get_future().get().what, outcome::wrong);
    EXPECT_TRUE(checks.verify_now(offer("correct horse")));
}

TEST_F(Verifier, ForgetsAClientsWrongPasswordsWhenItsRightOneCame) {
    guess(9);
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::accepted);
    guess(9, "198.51.100.1", 100);
    EXPECT_TRUE(checks.verify_now(offer("correct horse"))) << "and the quick way forgets them, too";
    settle();
    guess(9, "198.51.100.1", 200);
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::accepted);
}

TEST_F(Verifier, CountsWrongPasswordsOfAHashedDoor) {
    guess(10, "198.51.100.1", 0, 2);
    EXPECT_EQ(ask(offer("hashed", 2)).what, outcome::locked);
    seconds += 300;
    EXPECT_EQ(ask(offer("hashed", 2)).what, outcome::accepted);
}

TEST_F(Verifier, RefusesALockedClientEvenWhatTheCacheKnows) {
    EXPECT_EQ(ask(offer("hashed", 2)).what, outcome::accepted);
    guess(10);
    EXPECT_EQ(ask(offer("hashed", 2)).what, outcome::locked);
}

TEST_F(Verifier, SharesOneCheckAmongCallersWithTheSamePassword) {
    constexpr int callers = 200; // more than different passwords would find room
    std::atomic<int> accepted{0};
    std::promise<void> all;
    std::atomic<int> left{callers};
    for (int n = 0; n < callers; ++n)
        checks.verify(offer("hashed", 2, "203.0.113." + std::to_string(n)), [&](verdict v) {
            accepted += v.what == outcome::accepted ? 1 : 0;
            if (--left == 0) all.set_value();
        });
    all.get_future().get();
    EXPECT_EQ(accepted, callers);
}

TEST_F(Verifier, AnswersEverybodyWhileManyThreadsAsk) {
    std::atomic<int> accepted{0};
    std::atomic<int> others{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int n = 0; n < 200; ++n) {
                const auto client = "203.0.113." + std::to_string(t);
                auto c = offer(n % 8 == 0 ? "wrong" : "correct horse", 1, client);
                const auto at_once = checks.verify_now(c);
                const auto v = at_once ? *at_once : ask(std::move(c));
                ++(v.what == outcome::accepted ? accepted : others);
            }
        });
    for (auto& t : threads)
        t.join();
    EXPECT_EQ(accepted, 700);
    EXPECT_EQ(others, 100);
}

// Here and below the owner is held until everything was offered, so that it looks at all of it before the
// first result of a hash arrives.
TEST_F(Verifier, TakesOnlySomeHashesOfOneClientAtATime) {
    std::promise<void> let_go;
    checks.post([wait = let_go.get_future().share()] { wait.get(); });
    constexpr int offered = 8;
    std::atomic<int> wrong{0};
    std::atomic<int> refused{0};
    std::promise<void> all;
    for (int n = 0; n < offered; ++n)
        checks.verify(offer("wrong" + std::to_string(n), 2), [&](verdict v) {
            ++(v.what == outcome::wrong ? wrong : refused);
            EXPECT_TRUE(v.what == outcome::wrong || v.what == outcome::busy);
            EXPECT_EQ(v.retry_after, v.what == outcome::busy ? 2s : 0s);
            if (wrong + refused == offered) all.set_value();
        });
    let_go.set_value();
    all.get_future().get();
    EXPECT_EQ(wrong, 4);
    EXPECT_EQ(refused, 4);
    EXPECT_EQ(ask(offer("hashed", 2)).what, outcome::accepted) << "and there is room again";
}

TEST_F(Verifier, RefusesAHashedPasswordWhoseClientWasLockedMeanwhile) {
    guess(9);
    std::promise<void> let_go;
    checks.post([wait = let_go.get_future().share()] { wait.get(); });
    std::promise<verdict> hashed;
    std::promise<verdict> plain;
    checks.verify(offer("hashed", 2), [&](verdict v) { hashed.set_value(v); });
    checks.verify(offer("the tenth"), [&](verdict v) { plain.set_value(v); });
    let_go.set_value();
    EXPECT_EQ(plain.get_future().get().what, outcome::wrong);
    EXPECT_EQ(hashed.get_future().get().what, outcome::locked);
}

TEST_F(Verifier, BoundsTheHashesThatWait) {
    std::promise<void> let_go;
    checks.post([wait = let_go.get_future().share()] { wait.get(); });
    constexpr int offered = 60;
    std::atomic<int> wrong{0};
    std::atomic<int> refused{0};
    std::promise<void> all;
    for (int n = 0; n < offered; ++n)
        checks.verify(offer("wrong" + std::to_string(n), 2, "203.0.113." + std::to_string(n)),
                      [&](verdict v) {
                          ++(v.what == outcome::wrong ? wrong : refused);
                          if (wrong + refused == offered) all.set_value();
                      });
    let_go.set_value();
    all.get_future().get();
    EXPECT_EQ(wrong, 34);
    EXPECT_EQ(refused, 26);
}

TEST_F(Verifier, StrangersThatGuessTakeNoRoomFromThoseWithALane) {
    std::promise<void> let_go;
    checks.post([wait = let_go.get_future().share()] { wait.get(); });
    constexpr int strangers = 60;
    std::atomic<int> decided{0};
    std::atomic<int> left{strangers + 2};
    std::atomic<int> before_look{-1}, before_login{-1};
    std::promise<void> all;
    const auto one_less = [&] {
        if (--left == 0) all.set_value();
    };
    for (int n = 0; n < strangers; ++n)
        checks.verify(offer("wrong" + std::to_string(n), 2, "203.0.113." + std::to_string(n)), [&](verdict v) {
            if (v.what == outcome::wrong) ++decided;
            one_less();
        });
    auto look = offer("device token", 2, "198.51.100.1", "lane");
    look.why = intent::look;
    checks.verify(std::move(look), [&](verdict v) {
        EXPECT_EQ(v.what, outcome::wrong);
        before_look = decided.load();
        one_less();
    });
    checks.verify(offer("hashed", 2, "198.51.100.1", "lane"), [&](verdict v) {
        EXPECT_EQ(v.what, outcome::accepted);
        before_login = decided.load();
        one_less();
    });
    let_go.set_value();
    all.get_future().get();
    EXPECT_EQ(decided, 34);
    // Two strangers were being hashed when they came; whoever had to wait came after them.
    EXPECT_LE(before_look, 6);
    EXPECT_LE(before_login, 6);
}

TEST_F(Verifier, WhoAsksWhatAStrangerAskedNeedNotWaitAmongStrangers) {
    std::promise<void> let_go;
    checks.post([wait = let_go.get_future().share()] { wait.get(); });
    std::atomic<int> decided{0};
    std::atomic<int> left{21};
    std::promise<void> all;
    for (int n = 0; n < 20; ++n)
        checks.verify(offer("wrong" + std::to_string(n), 2, "203.0.113." + std::to_string(n)), [&](verdict) {
            ++decided;
            if (--left == 0) all.set_value();
        });
    int before = -1;
    checks.verify(offer("wrong19", 2, "198.51.100.1", "lane"), [&](verdict v) {
        EXPECT_EQ(v.what, outcome::wrong);
        before = decided;
        if (--left == 0) all.set_value();
    });
    let_go.set_value();
    all.get_future().get();
    EXPECT_LE(before, 6);
}

TEST_F(Verifier, ALaneThatWasUsedForGuessesGoesFirstNoMore) {
    const auto of_lane = [&](int n, const char* client) {
        return offer("wrong" + std::to_string(n), 1, client, "lane");
    };
    for (int n = 0; n < 10; ++n)
        EXPECT_EQ(ask(of_lane(n, n < 5 ? "203.0.113.1" : "203.0.113.2")).what, outcome::wrong);
    std::promise<void> let_go;
    checks.post([wait = let_go.get_future().share()] { wait.get(); });
    std::atomic<int> left{35};
    std::promise<void> all;
    for (int n = 0; n < 34; ++n)
        checks.verify(offer("wrong" + std::to_string(n), 2, "203.0.113." + std::to_string(10 + n)),
                      [&](verdict) {
                          if (--left == 0) all.set_value();
                      });
    outcome what = outcome::wrong;
    checks.verify(offer("hashed", 2, "198.51.100.1", "lane"), [&](verdict v) {
        what = v.what;
        if (--left == 0) all.set_value();
    });
    let_go.set_value();
    all.get_future().get();
    EXPECT_EQ(what, outcome::busy) << "no room among strangers";
}

TEST_F(Verifier, DeviceTokensHaveALedgerOfTheirOwn) {
    const auto show = [&](const std::string& value, const std::string& client = "198.51.100.1") {
        auto c = offer(value, 1, client);
        c.why = intent::device_token;
        return ask(std::move(c));
    };
    for (int n = 0; n < 30; ++n)
        EXPECT_EQ(show("token" + std::to_string(n)).what, outcome::wrong);
    EXPECT_EQ(show("token30").what, outcome::locked) << "the shape is no way to guess without end";
    EXPECT_EQ(show("correct horse").what, outcome::locked);
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::accepted) << "but signing in is not locked";
    EXPECT_EQ(show("correct horse", "198.51.100.2").what, outcome::accepted);
    seconds += 60;
    EXPECT_EQ(show("correct horse").what, outcome::accepted);

    for (int n = 0; n < 100; ++n)
        EXPECT_EQ(show("t" + std::to_string(n), "203.0.113." + std::to_string(n)).what, outcome::wrong);
    EXPECT_EQ(show("correct horse", "203.0.113.200").what, outcome::locked) << "there is a ceiling as well";
    EXPECT_EQ(ask(offer("correct horse", 1, "203.0.113.200")).what, outcome::accepted);
    guess(10);
    EXPECT_EQ(ask(offer("correct horse")).what, outcome::locked);
}

TEST_F(Verifier, DropsCallbacksThatHaveNotRunWhenItStops) {
    auto alive = std::make_shared<int>(0);
    const std::weak_ptr<int> watch = alive;
    {
        verifier own{doors, compare, verifier::limits{}, [] { return steady_clock::now(); }};
        std::promise<void> entered;
        std::promise<void> let_go;
        own.post([&entered, wait = let_go.get_future().share()] {
            entered.set_value();
            wait.get();
        });
        entered.get_future().get();
        for (int n = 0; n < 100; ++n)
            own.verify(offer("hashed", n % 2 + 1), [alive](verdict) { ++*alive; });
        alive.reset();
        std::thread stopping{[&own] { own.stop(); }};
        let_go.set_value();
        stopping.join();
    }
    EXPECT_TRUE(watch.expired()) << "neither leaked nor still queued";
}

} // namespace
} // namespace clawgate::auth
