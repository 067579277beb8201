#pragma once

#include "pod/manifest.hpp"
#include "pod/snapshot.hpp"
#include "pod/tree_writer.hpp"
#include "pod_fixture.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

namespace clawgate::pod::test {

/// Two folders as an agent has them: one on "local disk", one on "the volume".
class agent_folders {
public:
    agent_folders() {
        std::filesystem::create_directories(places.local + "/" + state_name);
        std::filesystem::create_directories(places.volume);
    }
    std::string live(const std::string& name) const { return places.local + "/" + state_name + "/" + name; }
    std::string kept(const std::string& name) const { return places.volume + "/" + state_name + "/" + name; }

    temporary_folder folder;
    snapshot_places places{"agent_1", folder / "local/agent_1", folder / "volume/agents/agent_1"};
};

/// A database in WAL mode, used as an agent does.
class wal_database {
public:
    explicit wal_database(const std::string& path) {
        if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) std::abort();
        sqlite3_busy_timeout(db_, 10'000);
        run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, twice INTEGER, filler BLOB)");
    }
    ~wal_database() { sqlite3_close(db_); }
    wal_database(const wal_database&) = delete;
    wal_database& operator=(const wal_database&) = delete;
    void run(const std::string& sql) {
        char* wrong = nullptr;
        if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &wrong) != SQLITE_OK) {
            std::fprintf(stderr, "%s: %s\n", sql.c_str(), wrong);
            std::abort();
        }
    }
    /// Two rows that belong together, in one transaction.
    void add(int n) {
        const auto a = std::to_string(2 * n);
        const auto b = std::to_string(2 * n + 1);
        run("BEGIN IMMEDIATE; INSERT INTO t VALUES(" + a + "," + a + "*2,randomblob(300));" +
            "INSERT INTO t VALUES(" + b + "," + b + "*2,randomblob(300)); COMMIT");
    }

private:
    sqlite3* db_ = nullptr;
};

/// Rows of the table `t`; -1 when the database is damaged, or when it shows half a transaction.
inline int sound_rows(const std::string& path) {
    sqlite3* db = nullptr;
    if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK) {
        sqlite3_close(db);
        return -1;
    }
    const auto number = [&](const char* sql) {
        sqlite3_stmt* s = nullptr;
        int out = -1;
        if (sqlite3_prepare_v2(db, sql, -1, &s, nullptr) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(s, 0));
            out = std::string_view{text} == "ok" ? 0 : std::atoi(text);
        }
        sqlite3_finalize(s);
        return out;
    };
    const bool sound =
        number("PRAGMA integrity_check") == 0 && number("SELECT count(*) FROM t WHERE twice != n*2") == 0;
    const int rows = number("SELECT count(*) FROM t");
    sqlite3_close(db);
    return sound && rows % 2 == 0 ? rows : -1;
}

/// Everything in a folder: paths, and contents or targets.
inline std::map<std::string, std::string> picture(const std::string& root) {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> out;
    for (const auto& e : fs::recursive_directory_iterator{root}) {
        const auto name = e.path().lexically_relative(root).string();
        if (e.is_symlink())
            out[name] = "→ " + fs::read_symlink(e.path()).string();
        else if (e.is_directory())
            out[name] = "folder";
        else if (e.is_regular_file())
            out[name] = contents(e.path());
        else
            out[name] = "other";
    }
    return out;
}

} // namespace clawgate::pod::test
