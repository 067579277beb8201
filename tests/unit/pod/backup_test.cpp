#include "pod/backup.hpp"

#include "state_fixture.hpp"

#include "core/file.hpp"
#include "pod/checksum.hpp"
#include "pod/state_contents.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace clawgate::pod::test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq";

class Backup : public testing::Test {
protected:
    Backup() {
        fs::create_directories(home + "/.openclaw/agents/main/agent");
        fs::create_directories(home + "/workspace/project");
        put(home + "/.openclaw/openclaw.json", "{\"gateway\":{\"auth\":{\"password\":\"" + token + "\"}},\"x\":1}");
        put(home + "/.openclaw/token", token + "\n");
        put(home + "/.openclaw/notes", "mine");
        fs::create_symlink("agents/main/agent", home + "/.openclaw/memory");
        put(home + "/workspace/project/odd \xff name", "text");
        ::chmod((home + "/workspace/project/odd \xff name").c_str(), 0755);
        from.agent = "agent_1";
        from.state = home + "/.openclaw";
        from.work = home + "/workspace";
        from.token = token;
        to.state = from.state;
        to.work = from.work;
    }
    int open_file(int flags = O_RDWR | O_CREAT | O_TRUNC) { return ::open(file.c_str(), flags | O_CLOEXEC, 0600); }
    manifest write() {
        const descriptor fd{open_file()};
        auto m = write_backup(fd.get(), from);
        EXPECT_TRUE(m) << (m ? "" : m.error().detail);
        return m ? std::move(*m) : manifest{};
    }
    result<restore_report> restore() {
        const descriptor fd{open_file(O_RDONLY)};
        return restore_backup(fd.get(), to);
    }
    // What may be in the agent's folder beside its own two: nothing half-made.
    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& e : fs::directory_iterator{home})
            out.push_back(e.path().filename().string());
        std::sort(out.begin(), out.end());
        return out;
    }
    // The unpacked bytes, to look for what must not be in them.
    std::string unpacked() const {
        std::string out;
        archive* a = archive_read_new();
        archive_read_support_filter_all(a);
        archive_read_support_format_raw(a);
        if (archive_read_open_filename(a, file.c_str(), 65536) != ARCHIVE_OK) return out;
        archive_entry* e = nullptr;
        archive_read_next_header(a, &e);
        std::vector<char> buffer(65536);
        for (la_ssize_t n = 0; (n = archive_read_data(a, buffer.data(), buffer.size())) > 0;)
            out.append(buffer.data(), static_cast<std::size_t>(n));
        archive_read_free(a);
        return out;
    }

    temporary_folder folder;
    std::string home = folder / "agents/agent_1";
    std::string file = folder / "backup.tar.zst";
    backup_sources from;
    restore_places to;
};

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
    EXPECT_THAT(contents(home + "/.openclaw/openclaw.json"), HasSubstr("a token of a later start that is just as long\""));
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
        w.run("CREATE TABLE device_identities(id TEXT, private_key_pem TEXT); INSERT INTO device_identities VALUES('d', "
              "'PRIVATE-1'); CREATE TABLE some_later_oauth_thing(x TEXT); INSERT INTO some_later_oauth_thing "
              "VALUES('PRIVATE-2'); CREATE TABLE sessions(x TEXT); INSERT INTO sessions VALUES('a conversation');"
              "CREATE TRIGGER keep BEFORE DELETE ON device_identities BEGIN SELECT RAISE(ABORT, 'no'); END;"
              "CREATE TABLE \"odd \"\" token\"(x TEXT); INSERT INTO \"odd \"\" token\" VALUES('PRIVATE-3')");
        w.add(1);
    }
    fs::create_directories(home + "/.openclaw/credentials");
    put(home + "/.openclaw/credentials/whatsapp.json", "PRIVATE-4");
    put(home + "/.openclaw/openclaw.json", "{\"channels\":{\"x\":{\"botToken\":\"PRIVATE-5\",\"name\":\"kept name\"}}}");
    put(home + "/.openclaw/openclaw.json.bak", "PRIVATE-6");
    put(home + "/workspace/.env", "KEY=PRIVATE-7");
    write();
    EXPECT_THAT(unpacked(), HasSubstr("PRIVATE-1")) << "otherwise the search below would prove nothing";
    from.without_secrets = true;
    const auto m = write();
    EXPECT_TRUE(m.without_secrets);
    const auto all = unpacked();
    for (const auto* each : {"PRIVATE-1", "PRIVATE-2", "PRIVATE-3", "PRIVATE-4", "PRIVATE-5", "PRIVATE-6", "PRIVATE-7"})
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
        EXPECT_THAT(e.path, Not(testing::AnyOf(HasSubstr("cache"), HasSubstr("tmp"), HasSubstr("python"), HasSubstr("fifo"))));
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

// ---- hostile archives: made by hand, with everything right but one thing

struct hostile {
    std::string path;
    int type = AE_IFREG;
    std::string content{};
    std::string target{};
    bool hard = false;
    bool listed = true;
    std::string listed_content{};
};

void write_hostile(const std::string& file, const std::vector<hostile>& members) {
    archive* a = archive_write_new();
    archive_write_set_format_gnutar(a);
    archive_write_add_filter_zstd(a);
    ASSERT_EQ(archive_write_open_filename(a, file.c_str()), ARCHIVE_OK);
    const auto add = [&](const hostile& m) {
        archive_entry* e = archive_entry_new();
        archive_entry_set_pathname(e, m.path.c_str());
        archive_entry_set_perm(e, m.type == AE_IFDIR ? 0700 : 0600);
        archive_entry_set_mtime(e, 1'700'000'000, 0);
        archive_entry_set_filetype(e, static_cast<unsigned>(m.type));
        if (m.type == AE_IFREG && !m.hard) archive_entry_set_size(e, static_cast<la_int64_t>(m.content.size()));
        if (m.type == AE_IFLNK) archive_entry_set_symlink(e, m.target.c_str());
        if (m.hard) archive_entry_set_hardlink(e, m.target.c_str());
        archive_write_header(a, e);
        if (m.type == AE_IFREG && !m.hard) archive_write_data(a, m.content.data(), m.content.size());
        archive_entry_free(e);
    };
    manifest list;
    list.kind = "backup";
    list.agent = "agent_1";
    add({.path = std::string{header_member}, .content = to_json(list)});
    for (const auto& m : members) {
        add(m);
        if (!m.listed) continue;
        manifest_entry e;
        e.path = m.path;
        e.type = m.type == AE_IFDIR ? node::folder : m.type == AE_IFLNK ? node::link : node::file;
        e.mode = m.type == AE_IFDIR ? 0700 : m.type == AE_IFLNK ? 0600 : 0600;
        e.mtime = 1'700'000'000;
        e.target = m.target;
        if (e.type == node::file) {
            sha256 sum;
            sum.add(m.listed_content.empty() ? m.content : m.listed_content);
            e.size = m.content.size();
            e.sha256 = sum.hex();
        }
        list.entries.push_back(e);
    }
    add({.path = std::string{manifest_member}, .content = to_json(list)});
    archive_write_close(a);
    archive_write_free(a);
}

const std::vector<hostile> harmless{{.path = "openclaw", .type = AE_IFDIR},
                                    {.path = "openclaw/x", .content = "x"},
                                    {.path = "workspace", .type = AE_IFDIR}};

TEST_F(Backup, MadeByHandIsTakenWhenEverythingIsRight) {
    write_hostile(file, harmless);
    const auto r = restore();
    ASSERT_TRUE(r) << r.error().detail;
    EXPECT_EQ(contents(home + "/.openclaw/x"), "x");
}

TEST_F(Backup, HostileMembersAreRefusedByName) {
    const std::vector<std::pair<hostile, std::string>> cases{
        {{.path = "../outside", .content = "x"}, "leads out"},
        {{.path = "openclaw/../../outside", .content = "x"}, "leads out"},
        {{.path = "/tmp/outside", .content = "x"}, "absolute"},
        {{.path = "elsewhere/x", .content = "x"}, "does not belong"},
        {{.path = "openclawx/x", .content = "x"}, "does not belong"},
        {{.path = "openclaw/link", .type = AE_IFLNK, .target = "/etc"}, "leads out"},
        {{.path = "openclaw/link", .type = AE_IFLNK, .target = "../workspace/../../x"}, "leads out"},
        {{.path = "openclaw/hard", .target = "openclaw/x", .hard = true}, "hard link"},
        {{.path = "openclaw/hard", .target = "/etc/passwd", .hard = true}, "hard link"},
        {{.path = "openclaw/fifo", .type = AE_IFIFO}, "neither a file"},
        {{.path = "openclaw/device", .type = AE_IFCHR}, "neither a file"},
        {{.path = "openclaw/disk", .type = AE_IFBLK}, "neither a file"},
        {{.path = "openclaw/x", .content = "again"}, "twice"},
        {{.path = "openclaw/y", .content = "yy", .listed_content = "zz"}, "openclaw/y is damaged"},
        {{.path = "openclaw/y", .content = "yy", .listed = false}, "openclaw/y is not in the backup's list"},
    };
    const auto before = picture(folder.path());
    for (const auto& [bad, why] : cases) {
        auto members = harmless;
        members.push_back(bad);
        write_hostile(file, members);
        const auto r = restore();
        fs::remove(file);
        ASSERT_FALSE(r) << bad.path;
        EXPECT_THAT(r.error().detail, HasSubstr(why)) << bad.path;
        EXPECT_EQ(picture(folder.path()), before) << bad.path;
    }
}

TEST_F(Backup, ALinkIsNotAWayForLaterMembers) {
    auto members = harmless;
    members.push_back({.path = "openclaw/a", .type = AE_IFLNK, .target = "b"});
    members.push_back({.path = "openclaw/b", .type = AE_IFDIR});
    members.push_back({.path = "openclaw/a/x", .content = "through the link"});
    write_hostile(file, members);
    const auto before = picture(home);
    EXPECT_FALSE(restore());
    EXPECT_EQ(picture(home), before);
}

TEST_F(Backup, AFileIsNotAFolderForLaterMembers) {
    auto members = harmless;
    members.push_back({.path = "openclaw/x/y", .content = "below a file"});
    write_hostile(file, members);
    EXPECT_FALSE(restore());
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
        ::_exit(!r && r.error().detail.find("workspace") == std::string::npos && r.error().code == errc::io ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_THAT(names(), ElementsAre(".openclaw", "workspace"));
}

} // namespace
} // namespace clawgate::pod::test
