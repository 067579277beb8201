#include "pod/snapshot.hpp"

#include "state_fixture.hpp"

#include "core/file.hpp"
#include "pod/run_as.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace clawgate::pod::test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class Snapshot : public testing::Test {
protected:
    snapshot_report take() {
        auto r = take_snapshot(a.places);
        EXPECT_TRUE(r) << (r ? "" : r.error().detail);
        return r ? *r : snapshot_report{};
    }
    fetch_report fetch() {
        auto r = fetch_state(a.places);
        EXPECT_TRUE(r) << (r ? "" : r.error().detail);
        return r ? *r : fetch_report{};
    }
    void lose_the_machine() { fs::remove_all(a.places.local), fs::create_directories(a.places.local); }
    std::map<std::string, std::string> kept() const {
        auto p = picture(a.places.volume + "/" + state_name);
        p.erase(manifest_name);
        return p;
    }
    std::map<std::string, std::string> live() const { return picture(a.places.local + "/" + state_name); }

    agent_folders a;
};

TEST_F(Snapshot, CopiesFilesFoldersAndLinks) {
    fs::create_directories(a.live("agents/main/agent"));
    put(a.live("openclaw.json"), "{}");
    put(a.live("agents/main/agent/x"), std::string(700'000, 'x'));
    put(a.live("name with \xff and % and \n"), "odd");
    fs::create_symlink("agents/main/agent", a.live("memory"));
    fs::create_symlink("/etc/passwd", a.live("elsewhere"));
    ::chmod(a.live("openclaw.json").c_str(), 0640);
    const auto r = take();
    EXPECT_TRUE(r.made);
    EXPECT_EQ(r.files, 3u);
    EXPECT_EQ(kept(), live());
    EXPECT_EQ(mode_of(a.kept("openclaw.json")), 0640u);
    EXPECT_EQ(fs::last_write_time(a.kept("openclaw.json")), fs::last_write_time(a.live("openclaw.json")));
    EXPECT_EQ(fs::read_symlink(a.kept("elsewhere")), "/etc/passwd") << "as a link, not what it points to";
    EXPECT_THAT(r.remarks, IsEmpty());
    EXPECT_EQ(picture(a.places.volume).count(new_snapshot_name), 0u);
    EXPECT_EQ(picture(a.places.volume).count(old_snapshot_name), 0u);
}

TEST_F(Snapshot, IsNotMadeWhenNothingHasChanged) {
    put(a.live("x"), "1");
    EXPECT_TRUE(take().made);
    EXPECT_FALSE(take().made);
    put(a.live("x"), "22");
    EXPECT_TRUE(take().made);
    EXPECT_EQ(kept(), live());
}

TEST_F(Snapshot, ComesBackOnANewMachine) {
    fs::create_directories(a.live("sub"));
    put(a.live("sub/x"), "1");
    fs::create_symlink("sub", a.live("memory"));
    ::chmod(a.live("sub").c_str(), 0500);
    take();
    const auto before = live();
    ::chmod(a.live("sub").c_str(), 0700);
    lose_the_machine();
    const auto r = fetch();
    EXPECT_EQ(r.how, fetched::restored);
    EXPECT_EQ(r.files, 1u);
    EXPECT_THAT(r.remarks, IsEmpty());
    EXPECT_EQ(live(), before);
    EXPECT_EQ(mode_of(a.live("sub")), 0500u);
    EXPECT_EQ(fetch().how, fetched::continued);
    ::chmod(a.live("sub").c_str(), 0700);
}

TEST_F(Snapshot, ALocalStateThatGoesOnIsNewerThanItsCopy) {
    put(a.live("x"), "old");
    take();
    put(a.live("x"), "new, and the machine crashed before it was copied");
    EXPECT_EQ(fetch().how, fetched::continued);
    EXPECT_THAT(contents(a.live("x")), HasSubstr("new"));
}

TEST_F(Snapshot, AnotherPodsWorkOnTheVolumeWinsAndOursIsKeptAside) {
    put(a.live("x"), "ours");
    take();
    agent_folders other; // another machine, the same volume
    other.places.volume = a.places.volume;
    fs::remove_all(other.places.local + "/" + state_name);
    ASSERT_TRUE(fetch_state(other.places));
    put(other.live("x"), "theirs");
    ASSERT_TRUE(take_snapshot(other.places));
    put(a.live("x"), "ours, later");
    const auto r = fetch();
    EXPECT_EQ(r.how, fetched::restored);
    EXPECT_EQ(contents(a.live("x")), "theirs");
    ASSERT_EQ(r.remarks.size(), 1u);
    EXPECT_THAT(r.remarks[0], HasSubstr("moved to"));
    const auto aside = r.remarks[0].substr(r.remarks[0].find("moved to ") + 9);
    EXPECT_EQ(contents(aside + "/x"), "ours, later");
}

TEST_F(Snapshot, AStateThatAgentsWorkedOnDirectlyIsTakenOver) {
    lose_the_machine();
    fs::create_directories(a.kept("sub"));
    put(a.kept("sub/x"), "1");
    EXPECT_EQ(fetch().how, fetched::restored);
    EXPECT_EQ(contents(a.live("sub/x")), "1");
    put(a.live("sub/x"), "changed here");
    EXPECT_EQ(fetch().how, fetched::continued) << "before the first snapshot too";
    EXPECT_EQ(contents(a.live("sub/x")), "changed here");
}

TEST_F(Snapshot, WithoutAnyStateThereIsNothingToFetch) {
    lose_the_machine();
    EXPECT_EQ(fetch().how, fetched::fresh);
    EXPECT_FALSE(take_snapshot(a.places));
}

TEST_F(Snapshot, SaysWhichFileDiffersAndRestoresTheRest) {
    put(a.live("good"), "1");
    put(a.live("bad"), "22222");
    put(a.live("gone"), "3");
    take();
    put(a.kept("bad"), "2x222");
    fs::remove(a.kept("gone"));
    lose_the_machine();
    const auto r = fetch();
    EXPECT_THAT(r.remarks, Contains(HasSubstr("bad differs from its checksum")));
    EXPECT_THAT(r.remarks, Contains(HasSubstr("gone is in the snapshot's list and missing")));
    EXPECT_EQ(r.remarks.size(), 2u);
    EXPECT_EQ(contents(a.live("good")), "1");
}

TEST_F(Snapshot, GoesHomeToTheVolume) {
    put(a.live("x"), "old");
    take();
    put(a.live("x"), "new");
    const auto r = bring_home(a.places);
    ASSERT_TRUE(r) << r.error().detail;
    EXPECT_EQ(contents(a.kept("x")), "new");
    EXPECT_FALSE(fs::exists(a.kept(manifest_name))) << "the list would soon be wrong";
    EXPECT_FALSE(fs::exists(a.places.local + "/" + state_name));
    ASSERT_TRUE(bring_home(a.places));
    EXPECT_EQ(contents(a.kept("x")), "new");
}

TEST_F(Snapshot, LeavesOutWhatIsNoFileAndDoesNotWaitForIt) {
    put(a.live("x"), "1");
    ASSERT_EQ(::mkfifo(a.live("fifo").c_str(), 0600), 0);
    const int s = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", a.live("sock").c_str());
    ASSERT_EQ(::bind(s, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const auto r = take();
    ::close(s);
    EXPECT_THAT(r.remarks, Contains(HasSubstr("fifo is a FIFO")));
    EXPECT_THAT(r.remarks, Contains(HasSubstr("sock is a socket")));
    EXPECT_EQ(kept(), (std::map<std::string, std::string>{{"x", "1"}}));
}

TEST_F(Snapshot, FollowsNoLinkOutOfTheTree) {
    const temporary_folder elsewhere;
    put(elsewhere / "secret", "not for you");
    fs::create_directory_symlink(elsewhere.path(), a.live("folder"));
    fs::create_symlink(elsewhere / "secret", a.live("file.sqlite"));
    // What the volume's folder may hold if its owner is hostile:
    fs::create_directory_symlink(elsewhere.path(), a.places.volume + "/" + new_snapshot_name);
    fs::create_directory_symlink(elsewhere.path(), a.places.volume + "/" + old_snapshot_name);
    fs::create_directory(a.places.volume + "/" + state_name);
    take();
    EXPECT_EQ(picture(elsewhere.path()).size(), 1u) << "nothing was written or removed there";
    for (const auto& [name, what] : kept())
        EXPECT_THAT(what, HasSubstr("→ ")) << name;
}

TEST_F(Snapshot, AStateThatIsALinkIsRefused) {
    const temporary_folder elsewhere;
    put(elsewhere / "secret", "not for you");
    fs::remove_all(a.places.local + "/" + state_name);
    fs::create_directory_symlink(elsewhere.path(), a.places.local + "/" + state_name);
    EXPECT_FALSE(take_snapshot(a.places));
    EXPECT_FALSE(fs::exists(a.places.volume + "/" + state_name));
}

TEST_F(Snapshot, ASparseFileStaysSmall) {
    put(a.live("sparse"), "x");
    fs::resize_file(a.live("sparse"), 200u << 20);
    take();
    struct stat st {};
    ASSERT_EQ(::stat(a.kept("sparse").c_str(), &st), 0);
    EXPECT_EQ(st.st_size, 200 << 20);
    EXPECT_LT(st.st_blocks * 512, 1 << 20);
}

TEST_F(Snapshot, AHugeHoleIsLeftOut) {
    put(a.live("hole"), "x");
    std::error_code ec;
    fs::resize_file(a.live("hole"), std::uintmax_t{1} << 40, ec);
    if (ec) GTEST_SKIP() << "no files of this size here: " << ec.message();
    EXPECT_THAT(take().remarks, Contains(HasSubstr("hole is a large file with almost nothing in it")));
    EXPECT_FALSE(fs::exists(a.kept("hole")));
}

// Whatever an agent makes of its folder on the volume: the next start must go through.
TEST_F(Snapshot, AHostileVolumeFolderDoesNotKeepThePodFromStarting) {
    put(a.live("x"), "1");
    take();
    int fd = ::open(a.places.volume.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_EQ(::mkdirat(fd, new_snapshot_name, 0700), 0);
    int in = ::openat(fd, new_snapshot_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; ++i) { // more levels than there are descriptors
        ::mkdirat(in, "d", 0700);
        const int next = ::openat(in, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ::close(in);
        in = next;
    }
    ::close(in);
    ::close(fd);
    put(a.places.volume + "/" + old_snapshot_name, "a file");
    ASSERT_EQ(::mkfifo((a.places.local + "/" + record_name).c_str(), 0600), -1) << "it exists already";
    fs::remove(a.places.local + "/" + record_name);
    ASSERT_EQ(::mkfifo((a.places.local + "/" + record_name).c_str(), 0600), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit few{256, 256};
        ::setrlimit(RLIMIT_NOFILE, &few);
        ::_exit(fetch_state(a.places) && take_snapshot(a.places) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(contents(a.kept("x")), "1");
    EXPECT_EQ(std::system(("rm -rf '" + a.places.volume + "'").c_str()), 0) << "std::filesystem cannot";
    fs::create_directories(a.places.volume);
}

TEST_F(Snapshot, FoldersWithoutEndInThePlaceOfARestoreAreMovedAway) {
    put(a.live("x"), "1");
    take();
    lose_the_machine();
    // Deeper than any path may be, so made one by one.
    int at = ::open(a.places.local.c_str(), O_RDONLY | O_DIRECTORY);
    for (int depth = 0; depth < 4200; ++depth) {
        const auto* name = depth == 0 ? ".openclaw.restoring" : "d";
        ASSERT_EQ(::mkdirat(at, name, 0700), 0);
        const int below = ::openat(at, name, O_RDONLY | O_DIRECTORY);
        ::close(at);
        at = below;
    }
    ::close(at);
    EXPECT_EQ(fetch().how, fetched::restored);
    EXPECT_EQ(contents(a.live("x")), "1");
    ASSERT_EQ(std::system(("rm -rf " + a.places.local).c_str()), 0); // remove_all() recurses
}

TEST_F(Snapshot, AFolderInThePlaceOfTheListKeepsNothingFromComingBack) {
    fs::create_directories(a.kept(manifest_name) + "/full");
    put(a.kept("x"), "1");
    lose_the_machine();
    EXPECT_EQ(fetch().how, fetched::restored);
    EXPECT_EQ(contents(a.live("x")), "1");
    EXPECT_EQ(fetch().how, fetched::continued);
}

TEST_F(Snapshot, AStateOnTheVolumeThatIsNoFolderIsMovedAside) {
    lose_the_machine();
    put(a.places.volume + "/" + state_name, "a file");
    EXPECT_EQ(fetch().how, fetched::fresh);
    const auto left = picture(a.places.volume);
    ASSERT_EQ(left.size(), 1u);
    EXPECT_THAT(left.begin()->first, HasSubstr(".openclaw.aside-"));
    EXPECT_EQ(left.begin()->second, "a file");
}

TEST_F(Snapshot, WhatItsOwnerClosedToHimselfIsLeftOutAndNamed) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    put(a.live("open"), "1");
    put(a.live("closed"), "2");
    fs::create_directories(a.live("shut/below"));
    ::chmod(a.live("closed").c_str(), 0);
    ::chmod(a.live("shut").c_str(), 0);
    ASSERT_EQ(std::system(("chown -R 20001:20001 '" + a.folder.path() + "'").c_str()), 0);
    const auto as_agent = [&](auto work) {
        return run_as(owner{20001, 20001}, std::chrono::seconds{60}, [&]() -> result<std::string> {
            const auto r = work();
            if (!r) return r.error();
            std::string out;
            for (const auto& each : r->remarks)
                out += each + "\n";
            return out;
        });
    };
    const auto taken = as_agent([&] { return take_snapshot(a.places); });
    ASSERT_TRUE(taken) << taken.error().detail;
    EXPECT_THAT(*taken, HasSubstr("closed cannot be read"));
    EXPECT_THAT(*taken, HasSubstr("shut cannot be opened"));
    EXPECT_EQ(contents(a.kept("open")), "1");
    ::chmod(a.kept("open").c_str(), 0);
    ASSERT_EQ(std::system(("rm -rf '" + a.places.local + "/.openclaw'").c_str()), 0);
    const auto fetched_back = as_agent([&] { return fetch_state(a.places); });
    ASSERT_TRUE(fetched_back) << fetched_back.error().detail;
    EXPECT_THAT(*fetched_back, HasSubstr("open: Permission denied; it was left out"));
}

TEST_F(Snapshot, NestingHasAnEnd) {
    std::string path = a.live("deep");
    for (int i = 0; i < 300; ++i)
        path += "/d";
    fs::create_directories(path);
    EXPECT_THAT(take().remarks, Contains(HasSubstr("nested too deeply")));
}

TEST_F(Snapshot, SoHaveNames) {
    int in = ::open((a.places.local + "/" + state_name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::string name(200, 'n');
    for (int i = 0; i < 30; ++i) {
        ASSERT_EQ(::mkdirat(in, name.c_str(), 0700), 0);
        const int next = ::openat(in, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ::close(in);
        in = next;
    }
    ::close(in);
    EXPECT_THAT(take().remarks, Contains(HasSubstr("too long and was left out")));
}

TEST_F(Snapshot, KeepsTheLastGoodOneWhenTheVolumeIsFull) {
    put(a.live("x"), "1");
    take();
    put(a.live("x"), std::string(2'000'000, '2'));
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{1'000'000, 1'000'000}; // like a full disk: write(2) fails
        ::setrlimit(RLIMIT_FSIZE, &small);
        const auto r = take_snapshot(a.places);
        ::_exit(!r && r.error().code == errc::io ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(contents(a.kept("x")), "1");
    EXPECT_FALSE(fs::exists(a.places.volume + "/" + new_snapshot_name)) << "what was begun is not in the way";
}

TEST_F(Snapshot, TakesADatabaseThatIsBeingWrittenTo) {
    const auto path = a.live("agent.sqlite");
    wal_database writer{path};
    writer.add(0);
    std::atomic<bool> stop{false};
    std::atomic<int> written{1};
    std::thread thread{[&] {
        while (!stop)
            writer.add(written++);
    }};
    int last = 0;
    for (int i = 0; i < 10; ++i) {
        const int before = written.load();
        while (written.load() < before + 5) // it is at work, also between two snapshots
            std::this_thread::yield();
        const int at_least = written.load() - 1;
        const auto r = take();
        EXPECT_TRUE(r.made);
        EXPECT_THAT(r.remarks, IsEmpty());
        const auto copy = a.folder / "opened.sqlite";
        fs::copy_file(a.kept("agent.sqlite"), copy, fs::copy_options::overwrite_existing);
        const int rows = sound_rows(copy);
        EXPECT_GE(rows, 2 * at_least) << "what was committed before is in it";
        EXPECT_GE(rows, last);
        last = rows;
        EXPECT_FALSE(fs::exists(a.kept("agent.sqlite-wal")));
        EXPECT_FALSE(fs::exists(a.kept("agent.sqlite-shm")));
    }
    stop = true;
    thread.join();
    EXPECT_GT(last, 20) << "the writer was at work meanwhile";
    EXPECT_FALSE(fs::exists(a.places.local + "/.clawgate-scratch"));
}

TEST_F(Snapshot, ADatabaseComesBackAndIsGoneOnWith) {
    {
        wal_database w{a.live("agent.sqlite")};
        for (int i = 0; i < 50; ++i)
            w.add(i);
        take();
    }
    lose_the_machine();
    EXPECT_EQ(fetch().how, fetched::restored);
    EXPECT_EQ(sound_rows(a.live("agent.sqlite")), 100);
    wal_database w{a.live("agent.sqlite")};
    w.add(50);
    EXPECT_EQ(sound_rows(a.live("agent.sqlite")), 102);
}

TEST_F(Snapshot, AWalBesideADatabaseOnTheVolumeComesAlong) {
    lose_the_machine();
    fs::create_directories(a.kept(""));
    {
        wal_database w{a.folder / "used.sqlite"};
        w.run("PRAGMA wal_autocheckpoint=0");
        for (int i = 0; i < 20; ++i)
            w.add(i);
        for (const auto* ending : {"", "-wal", "-shm"}) // as a crash leaves them
            fs::copy_file(a.folder / ("used.sqlite" + std::string{ending}),
                          a.kept("agent.sqlite" + std::string{ending}));
    }
    EXPECT_EQ(fetch().how, fetched::restored);
    EXPECT_FALSE(fs::exists(a.live("agent.sqlite-shm"))) << "made again from the WAL";
    EXPECT_EQ(sound_rows(a.live("agent.sqlite")), 40);
}

TEST_F(Snapshot, WhatOnlyLooksLikeADatabaseIsCopiedAsItIs) {
    const std::string fake = std::string{"SQLite format 3\0", 16} + std::string(5000, 'x');
    put(a.live("fake.db"), fake);
    put(a.live("fake.db-wal"), "not a wal");
    const auto r = take();
    EXPECT_EQ(contents(a.kept("fake.db")), fake);
    EXPECT_EQ(contents(a.kept("fake.db-wal")), "not a wal");
    EXPECT_THAT(r.remarks, Contains(HasSubstr("fake.db: cannot")));
}

TEST_F(Snapshot, TheLastSoundCopyOfADatabaseThatGetsDamagedIsKept) {
    {
        wal_database w{a.live("agent.sqlite")};
        for (int i = 0; i < 500; ++i)
            w.add(i);
    }
    take();
    { // bytes in the middle of a page of the table
        std::fstream f{a.live("agent.sqlite"), std::ios::in | std::ios::out | std::ios::binary};
        f.seekp(3 * 4096);
        f << std::string(4096, '\x7f');
    }
    const auto r = take();
    EXPECT_THAT(r.remarks, Contains(HasSubstr("damaged database")));
    EXPECT_THAT(r.remarks, Contains(HasSubstr(undamaged_name)));
    EXPECT_EQ(sound_rows(a.places.volume + "/" + undamaged_name + "/agent.sqlite"), 1000);
    put(a.live("more"), "x");
    take();
    EXPECT_EQ(sound_rows(a.places.volume + "/" + undamaged_name + "/agent.sqlite"), 1000) << "and stays";
}

TEST_F(Snapshot, TheListIsRefusedWhenItIsOfANewerVersion) {
    put(a.live("x"), "1");
    take();
    auto text = contents(a.kept(manifest_name));
    const auto at = text.find("\"version\": 1");
    ASSERT_NE(at, std::string::npos);
    text.replace(at, 12, "\"version\": 2");
    const auto m = parse_manifest(text, "snapshot");
    ASSERT_FALSE(m);
    EXPECT_THAT(m.error().detail, HasSubstr("version 2"));
}

} // namespace
} // namespace clawgate::pod::test
