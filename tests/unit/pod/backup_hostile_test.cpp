// Archives made by hand, with everything right but one thing.
#include "backup_fixture.hpp"

#include "pod/checksum.hpp"

#include <gmock/gmock.h>

namespace clawgate::pod::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class HostileBackup : public Backup {};

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
        if (m.type == AE_IFREG && !m.hard)
            archive_entry_set_size(e, static_cast<la_int64_t>(m.content.size()));
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

TEST_F(HostileBackup, MadeByHandIsTakenWhenEverythingIsRight) {
    write_hostile(file, harmless);
    const auto r = restore();
    ASSERT_TRUE(r) << r.error().detail;
    EXPECT_EQ(contents(home + "/.openclaw/x"), "x");
}

TEST_F(HostileBackup, HostileMembersAreRefusedByName) {
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

TEST_F(HostileBackup, ALinkIsNotAWayForLaterMembers) {
    auto members = harmless;
    members.push_back({.path = "openclaw/a", .type = AE_IFLNK, .target = "b"});
    members.push_back({.path = "openclaw/b", .type = AE_IFDIR});
    members.push_back({.path = "openclaw/a/x", .content = "through the link"});
    write_hostile(file, members);
    const auto before = picture(home);
    EXPECT_FALSE(restore());
    EXPECT_EQ(picture(home), before);
}

TEST_F(HostileBackup, AFileIsNotAFolderForLaterMembers) {
    auto members = harmless;
    members.push_back({.path = "openclaw/x/y", .content = "below a file"});
    write_hostile(file, members);
    EXPECT_FALSE(restore());
    EXPECT_THAT(names(), ElementsAre(".openclaw", "workspace"));
}

} // namespace
} // namespace clawgate::pod::test
