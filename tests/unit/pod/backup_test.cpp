#include "pod/backup.hpp"

#include "backup_fixture.hpp"

#include "core/file.hpp"
#include "pod/state_contents.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace clawgate::pod::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(Backup, ComesBackAsItWas) {
    const auto m = write();
    EXPECT_EQ(m.files(), 3u);
    auto before = picture(home);
    fs::remove_all(home);
    fs::create_directories(home);
    const auto r = restore();
    ASSERT_TRUE(r) << r.error().detail;
    auto after = picture(home);
    before.erase(".openclaw/token"); // a start makes one
    before[".openclaw/openclaw.json"] = unmask_token(after[".openclaw/openclaw.json"], token);
    after[".openclaw/openclaw.json"] = before[".openclaw/openclaw.json"];
    EXPECT_EQ(after, before);
    EXPECT_THAT(before[".openclaw/openclaw.json"], HasSubstr("\"password\":\"" + token));
    EXPECT_EQ(mode_of(home + "/workspace/project/odd \xff name"), 0755u);
    EXPECT_EQ(mode_of(home + "/.openclaw"), 0700u);
    EXPECT_TRUE(r->aside.empty());
}

TEST_F(Backup, NeverHoldsTheServiceToken) {
    put(home + "/.openclaw/log", "it said " + token + " aloud");
    write();
    const auto all = unpacked();
    EXPECT_THAT(all, HasSubstr("aloud")) << "the file was unpacked";
    EXPECT_EQ(all.find(token), std::string::npos);
}

TEST_F(Backup, KeepsWhatWasThereAndTheCurrentToken) {
    write();
    put(home + "/.openclaw/notes", "newer");
    put(home + "/.openclaw/token", "a token of a later start that is just as long\n");
    const auto r = restore();
    ASSERT_TRUE(r) << r.error().detail;
    EXPECT_EQ(contents(home + "/.openclaw/notes"), "mine");
    EXPECT_EQ(contents(home + "/.openclaw/token"), "a token of a later start that is just as long\n");
    EXPECT_THAT(contents(home + "/.openclaw/openclaw.json"),
                HasSubstr("a token of a later start that is just as long\""));
    ASSERT_EQ(r->aside.size(), 2u);
    EXPECT_THAT(r->aside[0], HasSubstr(".openclaw.before-restore-"));
    EXPECT_EQ(contents(r->aside[0] + "/notes"), "newer");
    EXPECT_THAT(r->aside[1], HasSubstr("workspace.before-restore-"));
}

TEST_F(Backup, OfADatabaseInUseIsOneStateOfIt) {
    const auto path = home + "/.openclaw/agents/main/agent/agent.sqlite";
    wal_database writer{path};
    std::atomic<bool> stop{false};
    std::atomic<int> written{0};
    std::thread thread{[&] {
        while (!stop)
            writer.add(written++);
    }};
    while (written < 20)
        std::this_thread::yield();
    const int at_least = written.load() - 1;
    const auto m = write();
    stop = true;
    thread.join();
    EXPECT_FALSE(m.has_damage());
    fs::remove_all(home);
    fs::create_directories(home);
    ASSERT_TRUE(restore());
    EXPECT_GE(sound_rows(path), 2 * at_least);
    EXPECT_FALSE(fs::exists(path + "-shm"));
}

TEST_F(Backup, WithoutSecretsHasNone) {
    {
        wal_database w{home + "/.openclaw/openclaw.sqlite"};
        w.run("CREATE TABLE device_identities(id TEXT, private_key_pem TEXT); INSERT INTO device_identities "
              "VALUES('d', "
              "'PRIVATE-1'); CREATE TABLE some_later_oauth_thing(x TEXT); INSERT INTO some_later_oauth_thing "
              "VALUES('PRIVATE-2'); CREATE TABLE sessions(x TEXT); INSERT INTO sessions VALUES('a "
              "conversation');"
              "CREATE TRIGGER keep BEFORE DELETE ON device_identities BEGIN SELECT RAISE(ABORT, 'no'); END;"
              "CREATE TABLE \"odd \"\" token\"(x TEXT); INSERT INTO \"odd \"\" token\" VALUES('PRIVATE-3')");
        w.add(1);
    }
    fs::create_directories(home + "/.openclaw/credentials");
    put(home + "/.openclaw/credentials/whatsapp.json", "PRIVATE-4");
    put(home + "/.openclaw/openclaw.json",
        "{\"channels\":{\"x\":{\"botToken\":\"PRIVATE-5\",\"name\":\"kept name\"}}}");
    put(home + "/.openclaw/openclaw.json.bak", "PRIVATE-6");
    put(home + "/workspace/.env", "KEY=PRIVATE-7");
    write();
    EXPECT_THAT(unpacked(), HasSubstr("PRIVATE-1")) << "otherwise the search below would prove nothing";
    from.without_secrets = true;
    const auto m = write();
    EXPECT_TRUE(m.without_secrets);
    const auto all = unpacked();
    for (const auto* each :
         {"PRIVATE-1", "PRIVATE-2", "PRIVATE-3", "PRIVATE-4", "PRIVATE-5", "PRIVATE-6", "PRIVATE-7"})
        EXPECT_EQ(all.find(each), std::string::npos) << each;
    EXPECT_THAT(all, HasSubstr("a conversation"));
    EXPECT_THAT(all, HasSubstr("kept name"));
    fs::remove_all(home);
    fs::create_directories(home);
    ASSERT_TRUE(restore());
    EXPECT_EQ(sound_rows(home + "/.openclaw/openclaw.sqlite"), 2);
}

TEST_F(Backup, LeavesOutWhatCannotComeBack) {
    ASSERT_EQ(::mkfifo((home + "/workspace/fifo").c_str(), 0600), 0);
    fs::create_symlink("/usr/bin/python3", home + "/workspace/python");
    fs::create_symlink("../../agent_2/.openclaw", home + "/workspace/up");
    fs::create_directories(home + "/.openclaw/cache/big");
    put(home + "/.openclaw/cache/big/x", "again");
    fs::create_directories(home + "/.openclaw/tmp");
    put(home + "/.openclaw/tmp/gateway.lock", "{}");
    const auto m = write();
    EXPECT_THAT(m.remarks, Contains(HasSubstr("fifo is a FIFO")));
    EXPECT_THAT(m.remarks, Contains(HasSubstr("/usr/bin/python3")));
    EXPECT_THAT(m.remarks, Contains(HasSubstr("agent_2")));
    for (const auto& e : m.entries)
        EXPECT_THAT(e.path, Not(testing::AnyOf(HasSubstr("cache"), HasSubstr("tmp"), HasSubstr("python"),
                                               HasSubstr("fifo"))));
    ASSERT_TRUE(restore());
}

TEST_F(Backup, LeavesItselfOut) {
    file = home + "/workspace/backup.tar.zst";
    const auto m = write();
    for (const auto& e : m.entries)
        EXPECT_THAT(e.path, Not(HasSubstr("backup.tar.zst")));
}

TEST_F(Backup, TellsHowFarItIs) {
    put(home + "/workspace/large", std::string(3'000'000, 'x'));
    std::uint64_t told = 0;
    from.on_progress = [&](std::uint64_t n) { told += n; };
    const auto m = write();
    EXPECT_EQ(told, m.bytes());
    told = 0;
    to.on_progress = from.on_progress;
    ASSERT_TRUE(restore());
    EXPECT_EQ(told, m.bytes());
}

// ---- damage

TEST_F(Backup, IsRefusedWhenAnyByteIsDifferent) {
    put(home + "/workspace/noise", [] {
        std::string s;
        for (unsigned i = 0, x = 1; i < 40'000; ++i)
            s += static_cast<char>((x = x * 1664525u + 1013904223u) >> 24);
        return s;
    }());
    write();
    const auto good = contents(file);
    const auto before = picture(home);
    int refused = 0;
    for (std::size_t at = 0; at < good.size(); at += good.size() / 80) {
        auto bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x20);
        put(file, bad);
        const auto r = restore();
        if (r) { // a bit that means nothing, in a frame's header: everything was checked and is as it was
            EXPECT_LT(at, 64u) << at;
            for (const auto& each : r->aside)
                fs::remove_all(each);
            continue;
        }
        ++refused;
        EXPECT_EQ(r.error().code, errc::corrupt) << at << " " << r.error().detail;
        EXPECT_EQ(picture(home), before) << "nothing has changed";
    }
    EXPECT_GE(refused, 78);
}

TEST_F(Backup, IsRefusedWhenItIsCutOff) {
    write();
    const auto good = contents(file);
    const auto before = picture(home);
    for (std::size_t part = 0; part < 20; ++part) {
        put(file, good.substr(0, good.size() * part / 20));
        const auto r = restore();
        ASSERT_FALSE(r) << part;
        EXPECT_EQ(r.error().code, errc::corrupt);
        EXPECT_EQ(picture(home), before);
    }
}

TEST_F(Backup, SomethingElseIsNoBackup) {
    put(file, "not an archive");
    const auto r = restore();
    ASSERT_FALSE(r);
    EXPECT_THAT(r.error().detail, HasSubstr("not a backup"));
    EXPECT_THAT(names(), ElementsAre(".openclaw", "workspace"));
}

// ---- interruption

TEST_F(Backup, ARestoreThatIsKilledLosesNothing) {
    put(home + "/workspace/large", std::string(20'000'000, 'x'));
    write();
    for (int i = 0; i < 10; ++i) {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(restore() ? 0 : 1);
        std::this_thread::sleep_for(std::chrono::milliseconds{i * 4});
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        int found = 0; // under its own name or another one, whole
        for (const auto& name : names())
            found += name.starts_with(".openclaw") && contents(home + "/" + name + "/notes") == "mine" &&
                     fs::exists(home + "/" + name + "/token");
        EXPECT_GE(found, 1) << i;
    }
}

TEST_F(Backup, ADiskThatIsFullIsSaidAndNothingIsLeft) {
    put(home + "/workspace/large", std::string(2'000'000, 'y'));
    write();
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{1'000'000, 1'000'000}; // like a full disk: write(2) fails
        ::setrlimit(RLIMIT_FSIZE, &small);
        const auto r = restore();
        ::_exit(!r && r.error().detail.find("workspace") == std::string::npos && r.error().code == errc::io
                    ? 0
                    : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_THAT(names(), ElementsAre(".openclaw", "workspace"));
}

} // namespace
} // namespace clawgate::pod::test
