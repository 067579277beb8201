#pragma once

#include "pod/backup.hpp"
#include "state_fixture.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace clawgate::pod::test {

namespace fs = std::filesystem;

inline const std::string token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq";

class Backup : public testing::Test {
protected:
    Backup() {
        fs::create_directories(home + "/.openclaw/agents/main/agent");
        fs::create_directories(home + "/workspace/project");
        put(home + "/.openclaw/openclaw.json",
            "{\"gateway\":{\"auth\":{\"password\":\"" + token + "\"}},\"x\":1}");
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
    int open_file(int flags = O_RDWR | O_CREAT | O_TRUNC) {
        return ::open(file.c_str(), flags | O_CLOEXEC, 0600);
    }
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

} // namespace clawgate::pod::test
