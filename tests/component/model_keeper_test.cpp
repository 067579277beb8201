#include "ollama_client/model_keeper.hpp"

#include "component/model_keeper_fixture.hpp"
#include "core/log.hpp"
#include "support/raw_client.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace clawgate::ollama::test {
namespace {

using std::chrono::milliseconds;
using support::fake_ollama;
using support::fake_ollama_options;
using support::raw_client;
using testing::HasSubstr;

fake_ollama_options two_models_fit() {
    fake_ollama_options o;
    o.max_loaded_models = 2;
    o.parallel = 2;
    return o;
}

keeper_options quick(std::vector<wanted_model> models = {{glm, false}, {nomic, true}}) {
    keeper_options o;
    o.models = std::move(models);
    o.runner = small_runner();
    o.first_connect = o.last_connect = milliseconds{5};
    o.first_retry = o.last_retry = milliseconds{5};
    o.look = milliseconds{10};
    return o;
}

class keeper_under_test : public server_side {
public:
    keeper_under_test(std::uint16_t port, keeper_options o)
        : server_side{port}
        , keeper{link(), std::move(o)} {
        net::asio::co_spawn(io, keeper.run(), net::asio::detached);
    }
    const model_status& of(std::string_view model) const { return *keeper.status().find(model); }
    bool reaches(std::string_view model, model_phase p) {
        return run_until([&] { return of(model).phase == p; });
    }
    bool all_ready() {
        return run_until([&] { return keeper.status().server_up && keeper.status().all_ready(); });
    }

    model_keeper keeper;
};

std::string call_of(std::string_view prompt) {
    return R"({"model":"glm-4.7-flash:latest","prompt":")" + std::string{prompt} +
           R"(","shift":false,"keep_alive":-1,"options":)" + runner_options_json(small_runner()) + "}";
}

TEST(ModelKeeper, LoadsWhatIsThereWithTheOptionsOfEveryCall) {
    fake_ollama server{two_models_fit()};
    keeper_under_test k{server.port(), quick()};
    ASSERT_TRUE(k.all_ready());
    EXPECT_EQ(k.keeper.status().server_version, "0.33.0-fake");
    EXPECT_EQ(server.loads(), 2u);
    EXPECT_EQ(asked(server, "/api/pull"), 0u) << "a pull asks the registry even for what is there";
    raw_client c{server.port()};
    EXPECT_EQ(c.request("POST", "/api/generate", {}, call_of("hello")).status(), 200);
    EXPECT_EQ(server.reloads(), 0u);
    EXPECT_EQ(server.loads(), 2u);
}

TEST(ModelKeeper, LeavesTheEmbeddingModelOutWhereItWouldPushTheOtherOut) {
    fake_ollama server;
    auto o = quick();
    o.warm_up_embedding = false;
    keeper_under_test k{server.port(), o};
    ASSERT_TRUE(k.all_ready());
    EXPECT_EQ(server.loads(), 1u);
    EXPECT_EQ(server.counters().evictions, 0u);
}

TEST(ModelKeeper, LoadsNothingWithoutWarmUp) {
    fake_ollama server;
    auto o = quick();
    o.warm_up = false;
    keeper_under_test k{server.port(), o};
    ASSERT_TRUE(k.all_ready());
    EXPECT_EQ(server.loads(), 0u);
}

TEST(ModelKeeper, WaitsForAServerThatComesLate) {
    std::uint16_t port = 0;
    {
        fake_ollama first;
        port = first.port();
    }
    keeper_under_test k{port, quick()};
    ASSERT_TRUE(k.run_until([&] { return !k.keeper.status().server_problem.empty(); }));
    EXPECT_FALSE(k.keeper.status().server_up);
    auto o = two_models_fit();
    o.port = port;
    fake_ollama server{o};
    EXPECT_TRUE(k.all_ready());
}

TEST(ModelKeeper, DownloadsWhatIsAbsentAndSaysHowFarItIs) {
    auto o = two_models_fit();
    o.models = {nomic};
    o.pull_pace = milliseconds{5};
    fake_ollama server{o};
    keeper_under_test k{server.port(), quick()};
    ASSERT_TRUE(k.run_until([&] {
        const auto& m = k.of(glm);
        return m.phase == model_phase::pulling && m.progress && m.progress->percent().value_or(0) >= 50;
    }));
    EXPECT_EQ(k.of(nomic).phase, model_phase::ready) << "nobody waits for another model's download";
    ASSERT_TRUE(k.all_ready());
    EXPECT_FALSE(k.of(glm).progress);
    EXPECT_EQ(k.of(glm).pulls, 1u);
    EXPECT_EQ(server.loads(), 2u);
}

TEST(ModelKeeper, GoesOnWhereADownloadStopped) {
    auto o = two_models_fit();
    o.models = {nomic};
    fake_ollama server{o};
    ASSERT_TRUE(server.fault("pull-error"));
    keeper_under_test k{server.port(), quick()};
    ASSERT_TRUE(k.run_until([&] { return k.of(glm).failed_pulls == 1; }));
    EXPECT_THAT(k.of(glm).reason, HasSubstr("connection reset by peer"));
    ASSERT_TRUE(k.all_ready());
    EXPECT_EQ(k.of(glm).pulls, 2u);
    EXPECT_EQ(k.of(glm).reason, "");
}

TEST(ModelKeeper, KeepsTheReasonOfAFailedDownload) {
    fake_ollama server{two_models_fit()};
    auto o = quick({{"missing:latest", false}});
    o.first_retry = o.last_retry = std::chrono::hours{1};
    keeper_under_test k{server.port(), o};
    ASSERT_TRUE(k.reaches("missing:latest", model_phase::failed));
    EXPECT_THAT(k.of("missing:latest").reason, HasSubstr("pull model manifest: file does not exist"));
    EXPECT_GT(k.of("missing:latest").next_try, steady_clock::now());
}

TEST(ModelKeeper, GivesUpADownloadThatStalls) {
    auto server_options = two_models_fit();
    server_options.models = {};
    server_options.pull_pace = std::chrono::hours{1};
    fake_ollama server{server_options};
    auto o = quick({{glm, false}});
    o.pull.stall = milliseconds{30};
    o.first_retry = o.last_retry = std::chrono::hours{1};
    keeper_under_test k{server.port(), o};
    ASSERT_TRUE(k.reaches(glm, model_phase::failed));
    EXPECT_THAT(k.of(glm).reason, HasSubstr("no progress"));
}

TEST(ModelKeeper, SaysHowToGetAnAbsentModelAndNoticesItWhenItCame) {
    auto server_options = two_models_fit();
    server_options.models = {nomic};
    fake_ollama server{server_options};
    auto o = quick();
    o.auto_pull = false;
    keeper_under_test k{server.port(), o};
    ASSERT_TRUE(k.reaches(glm, model_phase::absent));
    EXPECT_EQ(k.of(glm).reason, "clawgate model pull glm-4.7-flash:latest");
    EXPECT_EQ(asked(server, "/api/pull"), 0u);
    raw_client c{server.port()};
    EXPECT_EQ(c.request("POST", "/api/pull", {}, R"({"model":"glm-4.7-flash"})").status(), 200);
    EXPECT_TRUE(k.all_ready());
}

TEST(ModelKeeper, LoadsAgainWhatARestartedServerHasLost) {
    auto o = two_models_fit();
    auto server = std::make_unique<fake_ollama>(o);
    o.port = server->port();
    keeper_under_test k{o.port, quick()};
    ASSERT_TRUE(k.all_ready());
    server.reset();
    server = std::make_unique<fake_ollama>(o);
    ASSERT_TRUE(k.run_until([&] { return server->loads() == 2; }));
    EXPECT_TRUE(k.all_ready());
}

TEST(ModelKeeper, LoadsAgainWhatSomebodyUnloaded) {
    fake_ollama server{two_models_fit()};
    keeper_under_test k{server.port(), quick()};
    ASSERT_TRUE(k.all_ready());
    ASSERT_TRUE(k.wait_for(unload(k.link(), glm, milliseconds{5000})));
    EXPECT_TRUE(k.run_until([&] { return server.loads() == 3; }));
    EXPECT_EQ(k.of(glm).warm_ups + k.of(nomic).warm_ups >= 2, true);
}

TEST(ModelKeeper, SaysThatALoadHangs) {
    fake_ollama server{two_models_fit()};
    ASSERT_TRUE(server.fault("deadlock"));
    auto o = quick();
    o.load_limit = milliseconds{30};
    keeper_under_test k{server.port(), o};
    ASSERT_TRUE(k.run_until([&] { return k.keeper.status().load_hangs; }));
    EXPECT_THAT(k.of(glm).reason, HasSubstr("not loaded within"));
    ASSERT_TRUE(server.fault("none"));
    ASSERT_TRUE(k.all_ready());
    EXPECT_FALSE(k.keeper.status().load_hangs);
}

TEST(ModelKeeper, PausesWhenTheServerBreaksOffALoad) {
    fake_ollama server{two_models_fit()};
    ASSERT_TRUE(server.fault("close", 1000));
    auto o = quick({{glm, false}});
    o.first_retry = o.last_retry = std::chrono::hours{1};
    keeper_under_test k{server.port(), o};
    ASSERT_TRUE(k.reaches(glm, model_phase::failed));
    EXPECT_TRUE(k.run_until([&] { return asked(server, "/api/ps") >= 3; }));
    // Sent once more, as the idle connection that it went by might have been closed before.
    EXPECT_LE(asked(server, "/api/generate"), 2u) << "one load, and then the pause";
    EXPECT_EQ(k.of(glm).phase, model_phase::failed);
    EXPECT_TRUE(k.keeper.status().server_up);
}

TEST(ModelKeeper, LooksAtOnceWhenItIsTold) {
    auto server_options = two_models_fit();
    server_options.models = {};
    fake_ollama server{server_options};
    auto o = quick({{glm, false}});
    o.auto_pull = false;
    o.look = std::chrono::hours{1};
    keeper_under_test k{server.port(), o};
    ASSERT_TRUE(k.reaches(glm, model_phase::absent));
    raw_client c{server.port()};
    EXPECT_EQ(c.request("POST", "/api/pull", {}, R"({"model":"glm-4.7-flash"})").status(), 200);
    k.keeper.look_again();
    EXPECT_TRUE(k.reaches(glm, model_phase::ready));
}

TEST(WarmUp, AsksForNoTokens) {
    const auto body = nlohmann::json::parse(warm_up_body({glm, false}, small_runner()));
    EXPECT_EQ(body["options"]["num_ctx"], 8192);
    EXPECT_EQ(body["options"]["num_gpu"], 999);
    EXPECT_EQ(body["shift"], false);
    EXPECT_EQ(body["keep_alive"], -1) << "as text Ollama refuses it";
    EXPECT_FALSE(body.contains("prompt"));
}

TEST(WarmUp, OfAnEmbeddingModelLeavesItsContextAlone) {
    const auto body = nlohmann::json::parse(warm_up_body({nomic, true}, small_runner()));
    EXPECT_EQ(body["model"], nomic);
    EXPECT_EQ(body["input"], nlohmann::json::array());
    EXPECT_FALSE(body["options"].contains("num_ctx"));
    EXPECT_EQ(body["options"]["num_gpu"], 999);
}

TEST(ProbeGeneration, TellsHangingFromAnsweringAndFromGone) {
    auto o = two_models_fit();
    o.port = 0;
    auto server = std::make_unique<fake_ollama>(o);
    server_side s{server->port()};
    const auto probe = [&](milliseconds limit) {
        return s.wait_for(probe_generation(s.link(), glm, small_runner(), limit));
    };
    EXPECT_EQ(probe(milliseconds{5000}), probe_outcome::answers);
    ASSERT_TRUE(server->fault("deadlock"));
    EXPECT_EQ(probe(milliseconds{30}), probe_outcome::hangs);
    ASSERT_TRUE(server->fault("none"));
    ASSERT_TRUE(server->fault("error-first"));
    EXPECT_EQ(probe(milliseconds{5000}), probe_outcome::answers) << "an error is an answer";
    server.reset();
    EXPECT_EQ(probe(milliseconds{5000}), probe_outcome::gone);
}

} // namespace
} // namespace clawgate::ollama::test
