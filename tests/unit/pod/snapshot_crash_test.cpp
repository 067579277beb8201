// Snapshots that are killed at every step, and at random moments: afterwards there is always one whole state
// on the volume, the one before or the new one, and the next start brings it back.
#include "pod/snapshot.hpp"

#include "state_fixture.hpp"

#include "core/file.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <random>
#include <thread>

namespace clawgate::pod::test {
namespace {

namespace fs = std::filesystem;

// Kills this process at its n-th step.
step_hook killer(int n) {
    return [n, seen = std::make_shared<int>(0)](std::string_view) { // hooks are copied
        if (++*seen == n) ::raise(SIGKILL);
    };
}

// True when the child was killed, false when it got through.
template <class Work>
bool dies(Work work) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(work() ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

// Which generation lies in a state: all its files must be of the same one. -1 when they are not, or when it
// does not match its list.
int generation(const std::string& state) {
    const auto first = contents(state + "/file_0");
    for (int i = 0; i < 12; ++i)
        if (contents(state + "/sub/file_" + std::to_string(i)) != first) return -1;
    const auto text = read_file(state + "/" + manifest_name, 1 << 20);
    if (text) {
        const auto list = parse_manifest(*text, "snapshot");
        const auto fd = open_folder(state);
        if (!list || !fd || !verify_tree(fd->get(), list->entries)) return -1;
    }
    return first.empty() ? -1 : std::atoi(first.c_str());
}

void write_generation(const agent_folders& a, int n) {
    fs::create_directories(a.live("sub"));
    const std::string text = std::to_string(n) + std::string(3000, '.');
    put(a.live("file_0"), text);
    for (int i = 0; i < 12; ++i)
        put(a.live("sub/file_" + std::to_string(i)), text);
}

int generation_on_volume(const agent_folders& a) {
    EXPECT_TRUE(settle_volume(a.places.volume));
    for (const auto* left : {new_snapshot_name, old_snapshot_name})
        EXPECT_FALSE(fs::exists(a.places.volume + "/" + left)) << left;
    return generation(a.places.volume + "/" + state_name);
}

TEST(SnapshotCrash, AtAnyStepLeavesTheOldOrTheNewStateWhole) {
    int kills = 0;
    int old_ones = 0;
    for (int n = 1;; ++n) {
        agent_folders a;
        write_generation(a, 1);
        ASSERT_TRUE(take_snapshot(a.places));
        write_generation(a, 2);
        if (!dies([&] { return take_snapshot(a.places, killer(n)).has_value(); })) break;
        ++kills;
        const int found = generation_on_volume(a);
        EXPECT_TRUE(found == 1 || found == 2) << "killed at step " << n;
        old_ones += found == 1;
        // The local state goes on: it is newer or the same, never put aside.
        const auto fetched_now = fetch_state(a.places);
        ASSERT_TRUE(fetched_now);
        EXPECT_EQ(fetched_now->how, fetched::continued) << "killed at step " << n;
        EXPECT_EQ(generation(a.places.local + "/" + state_name), 2);
        const auto again = take_snapshot(a.places);
        ASSERT_TRUE(again) << again.error().detail;
        EXPECT_EQ(generation_on_volume(a), 2) << "and the next one goes through";
    }
    EXPECT_GE(kills, 20);
    EXPECT_GT(old_ones, 0);
    EXPECT_LT(old_ones, kills);
}

TEST(SnapshotCrash, OfTheFirstOneLeavesNothingHalf) {
    for (int n = 1;; ++n) {
        agent_folders a;
        write_generation(a, 1);
        if (!dies([&] { return take_snapshot(a.places, killer(n)).has_value(); })) break;
        ASSERT_TRUE(settle_volume(a.places.volume));
        if (!fs::exists(a.places.volume + "/" + state_name)) continue;
        EXPECT_EQ(generation_on_volume(a), 1) << n;
    }
}

TEST(SnapshotCrash, AtAnyStepOfARestoreTheNextStartRestoresAgain) {
    int kills = 0;
    for (int n = 1;; ++n) {
        agent_folders a;
        write_generation(a, 1);
        ASSERT_TRUE(take_snapshot(a.places));
        fs::remove_all(a.places.local);
        fs::create_directories(a.places.local);
        if (!dies([&] { return fetch_state(a.places, killer(n)).has_value(); })) break;
        ++kills;
        ASSERT_TRUE(fetch_state(a.places));
        EXPECT_EQ(generation(a.places.local + "/" + state_name), 1) << "killed at step " << n;
        EXPECT_EQ(generation_on_volume(a), 1);
        EXPECT_FALSE(fs::exists(a.places.local + "/.openclaw.restoring"));
    }
    EXPECT_GE(kills, 15);
}

// With a database that another process writes to all the time.
TEST(SnapshotCrash, AtSixtyRandomMomentsLeavesASoundDatabase) {
    agent_folders a;
    write_generation(a, 1);
    const auto path = a.live("agent.sqlite");
    { wal_database{path}.add(0); }
    const pid_t writer = ::fork();
    if (writer == 0) {
        wal_database w{path};
        for (int n = 1;; ++n)
            w.add(n);
    }
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(take_snapshot(a.places));
    const auto one =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);

    std::mt19937 random{20260101};
    std::uniform_int_distribution<long> moment{0, one.count() * 3 / 2};
    int killed = 0;
    int last = 0;
    for (int i = 0; i < 60; ++i) {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(take_snapshot(a.places) ? 0 : 1);
        std::this_thread::sleep_for(std::chrono::microseconds{moment(random)});
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        killed += WIFSIGNALED(status);
        ASSERT_EQ(generation_on_volume(a), 1) << i;
        const auto copy = a.folder / "opened.sqlite";
        fs::copy_file(a.kept("agent.sqlite"), copy, fs::copy_options::overwrite_existing);
        const int rows = sound_rows(copy);
        ASSERT_GE(rows, last) << "time does not go back, round " << i;
        last = rows;
    }
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    EXPECT_GE(killed, 10);
    EXPECT_GT(sound_rows(path), 0);
}

} // namespace
} // namespace clawgate::pod::test
