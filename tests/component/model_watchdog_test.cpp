#include "ollama_client/model_watchdog.hpp"

#include "component/model_keeper_fixture.hpp"
#include "support/raw_client.hpp"

#include <gmock/gmock.h>

namespace clawgate::ollama::test {
namespace {

using std::chrono::milliseconds;
using support::fake_ollama;
using support::fake_ollama_options;
using support::raw_client;
using support::request_text;
using testing::HasSubstr;

fake_ollama_options two_slots() {
    fake_ollama_options o;
    o.parallel = 2;
    o.max_loaded_models = 2;
    return o;
}

watchdog_limits quick() {
    watchdog_limits l;
    l.silence = l.beyond_calls = milliseconds{20};
    l.probe = milliseconds{100};
    l.tick = milliseconds{5};
    l.unload = l.load = milliseconds{5000};
    return l;
}

std::string streaming_call() {
    const auto body =
        R"({"model":"glm-4.7-flash:latest","prompt":"tell me","shift":false,"keep_alive":-1,"options":)" +
        runner_options_json(small_runner()) + "}";
    return request_text("POST", "/api/generate", {{"Host", "127.0.0.1"}}, body);
}

/// A keeper whose models are ready, a watchdog, and a door with one silent call.
class watchdog_under_test : public server_side {
public:
    explicit watchdog_under_test(std::uint16_t port, watchdog_limits limits = quick())
        : server_side{port}
        , keeper{link(), settled()}
        , dog{link(),
              keeper,
              limits,
              {[this] { return activity; },
               [this](const error& e) {
                   told = e.detail;
                   activity.dispatched = 0;
                   calls.clear();
               },
               {}}} {
        net::asio::co_spawn(io, keeper.run(), net::asio::detached);
        if (!run_until([this] { return keeper.status().server_up && keeper.status().all_ready(); }))
            throw std::runtime_error{"the models are not ready"};
        net::asio::co_spawn(io, dog.run(), net::asio::detached);
    }

    /// A call in mid-stream.
    raw_client& begin_call() {
        auto& c = calls.emplace_back(static_cast<std::uint16_t>(pool_port()));
        c.send(streaming_call());
        return c;
    }
    std::uint16_t pool_port() const {
        return static_cast<std::uint16_t>(std::stoi(host.substr(host.find(':') + 1)));
    }

    door_activity activity;
    std::vector<raw_client> calls;
    std::string told;
    model_keeper keeper;
    model_watchdog dog;

private:
    static keeper_options settled() {
        keeper_options o;
        o.models = {{glm, false}, {nomic, true}};
        o.runner = small_runner();
        o.look = std::chrono::hours{1};
        o.first_connect = o.last_connect = milliseconds{5};
        o.first_retry = o.last_retry = milliseconds{5};
        return o;
    }
};

TEST(ModelWatchdog, TakesAServerThatAnswersForBusy) {
    fake_ollama server{two_slots()};
    watchdog_under_test w{server.port()};
    w.activity.dispatched = 1; // and never a record
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().suspicions >= 2; }));
    EXPECT_EQ(w.dog.status().recoveries, 0u);
    EXPECT_EQ(w.told, "");
    EXPECT_EQ(server.reloads(), 0u) << "the probe asks for the same runner";
}

TEST(ModelWatchdog, LeavesAServerAloneThatGivesRecordsMeanwhile) {
    fake_ollama server{two_slots()};
    auto limits = quick();
    watchdog_under_test w{server.port(), limits};
    ASSERT_TRUE(server.fault("hang", 1));
    w.activity.dispatched = 1;
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().suspicions == 1; }));
    w.activity.last_record = steady_clock::now() + std::chrono::hours{1};
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().hung_probes == 1; }));
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().last_event.find("busy") != std::string::npos; }));
    EXPECT_EQ(w.dog.status().recoveries, 0u);
}

TEST(ModelWatchdog, LeavesALongPromptAloneThatHasEverySlot) {
    fake_ollama_options o;
    o.parallel = 1;
    o.max_loaded_models = 2;
    o.prefill = milliseconds{400}; // longer than silence and probe together
    fake_ollama server{o};
    watchdog_under_test w{server.port()};
    const auto loads = server.loads();
    w.activity = {1, true, milliseconds{5000}, {}};
    w.begin_call();
    const auto answered = [&] { return w.calls.empty() || w.calls.front().readable_within(milliseconds{1}); };
    ASSERT_TRUE(w.run_until(answered));
    ASSERT_EQ(w.calls.size(), 1u) << w.told;
    EXPECT_EQ(w.calls.front().read_response().status(), 200);
    EXPECT_EQ(w.dog.status().suspicions, 0u);
    EXPECT_EQ(w.dog.status().unloads, 0u);
    EXPECT_EQ(server.loads(), loads);
}

TEST(ModelWatchdog, SuspectsAServerWhoseCallsAllRanIntoTheirLimits) {
    fake_ollama server{two_slots()};
    watchdog_under_test w{server.port()};
    ASSERT_TRUE(server.fault("deadlock"));
    const auto began = steady_clock::now();
    w.activity = {2, true, milliseconds{300}, {}};
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().recovered == 1; }));
    EXPECT_GE(steady_clock::now() - began, milliseconds{300});
}

TEST(ModelWatchdog, RecoversADeadlockedServerByAnUnload) {
    fake_ollama server{two_slots()};
    watchdog_under_test w{server.port()};
    ASSERT_TRUE(server.fault("deadlock"));
    w.activity.dispatched = 1;
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().recovered == 1; }));
    EXPECT_THAT(w.told, HasSubstr("stuck"));
    EXPECT_EQ(w.dog.status().restarts, 0u);
    EXPECT_FALSE(server.counters().deadlocked);
    raw_client c{server.port()};
    c.send(streaming_call());
    EXPECT_EQ(c.read_response().status(), 200);
}

TEST(ModelWatchdog, RecoversLeakedSlots) {
    auto o = two_slots();
    o.token_pace = milliseconds{5};
    fake_ollama server{o};
    watchdog_under_test w{server.port()};
    ASSERT_TRUE(server.fault("leak"));
    for (unsigned n = 1; n <= 2; ++n) {
        w.begin_call().read_head(); // in mid-stream
        w.calls.clear();
        ASSERT_TRUE(server.wait_for([n](const support::ollama_counters& c) { return c.leaked == n; }));
    }
    w.begin_call(); // waits for a slot that never comes
    w.activity.dispatched = 1;
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().recovered == 1; }));
    EXPECT_EQ(server.counters().leaked, 0u);
    EXPECT_EQ(w.dog.status().unloads, 1u);
}

TEST(ModelWatchdog, RestartsTheServerWhenAnUnloadDoesNotHelp) {
    fake_ollama server{two_slots()};
    auto limits = quick();
    limits.load = milliseconds{50};
    watchdog_under_test w{server.port(), limits};
    bool restarted = false;
    w.dog.set_restart([&]() -> net::awaitable<result<void>> {
        restarted = true;
        server.fault("none");
        co_return result<void>{};
    });
    ASSERT_TRUE(server.fault("hang", 2)); // the probe, and the load after the unload
    w.activity.dispatched = 1;
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().restarts == 1 && w.dog.status().recovered == 1; }));
    EXPECT_TRUE(restarted);
}

TEST(ModelWatchdog, SaysWhatToDoWhereNobodySupervisesTheServer) {
    fake_ollama server{two_slots()};
    auto limits = quick();
    limits.load = milliseconds{50};
    watchdog_under_test w{server.port(), limits};
    ASSERT_TRUE(server.fault("hang", 2));
    w.activity.dispatched = 1;
    ASSERT_TRUE(w.run_until([&] { return w.dog.status().recoveries == 1 && w.dog.status().unloads == 1; }));
    ASSERT_TRUE(
        w.run_until([&] { return w.dog.status().last_event.find("restart it") != std::string::npos; }));
    EXPECT_EQ(w.dog.status().recovered, 0u);
}

} // namespace
} // namespace clawgate::ollama::test
