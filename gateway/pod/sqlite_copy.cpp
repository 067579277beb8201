#include "pod/sqlite_copy.hpp"

#include "core/encoding.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace clawgate::pod {
namespace {

constexpr std::string_view magic{"SQLite format 3\0", 16};
constexpr int patience_ms = 5000;
constexpr int pages_at_once = 2048;

struct closer {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using database = std::unique_ptr<sqlite3, closer>;
using statement = std::unique_ptr<sqlite3_stmt, closer>;

error failure(int code, sqlite3* db, std::string_view doing, const std::string& path) {
    auto kind = errc::io;
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: kind = errc::timeout; break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: kind = errc::corrupt; break;
    default: break;
    }
    return error{kind, fault::gateway, retry::later,
                 "cannot " + std::string{doing} + " the database " + path + ": " +
                     (db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code))};
}

result<database> open(const std::string& name, int flags, const char* vfs) {
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &raw, flags | SQLITE_OPEN_PRIVATECACHE, vfs);
    database db{raw};
    if (code != SQLITE_OK) return failure(code, raw, "open", name);
    sqlite3_busy_timeout(raw, patience_ms);
    // The schema is the agent's: nothing in it may call functions with side effects.
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    return db;
}

int execute(sqlite3* db, const char* sql) {
    return sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
}

// The copy alone, by a connection that changes nothing. True unless SQLite says that it is damaged: a check
// that cannot be made (a function of the agent's own in the schema) is no damage.
bool passes_check(const std::string& path) {
    auto db = open("file:" + percent_encode(path) + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                   nullptr);
    if (!db) return db.error().code != errc::corrupt;
    sqlite3_stmt* raw = nullptr;
    int code = sqlite3_prepare_v2(db->get(), "PRAGMA quick_check(1)", -1, &raw, nullptr);
    const statement check{raw};
    if (code == SQLITE_OK) code = sqlite3_step(raw);
    if (code == SQLITE_ROW) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, 0));
        return text != nullptr && std::string_view{text} == "ok";
    }
    return (code & 0xff) != SQLITE_CORRUPT && (code & 0xff) != SQLITE_NOTADB;
}

} // namespace

bool is_database(int fd) {
    std::array<char, magic.size()> head{};
    return ::pread(fd, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) &&
           std::string_view{head.data(), head.size()} == magic;
}

std::string_view database_of_companion(std::string_view name) {
    for (const std::string_view ending : {"-wal", "-shm", "-journal"})
        if (name.size() > ending.size() && name.ends_with(ending))
            return name.substr(0, name.size() - ending.size());
    return {};
}

result<database_copy> copy_database(const std::string& from, const std::string& to) {
    // For writing: a journal that a crash left has to be rolled back first, and the WAL's index may have to
    // be made. The last one to close must not also write the WAL into somebody's database.
    auto source = open(from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, nullptr);
    if (!source) return source.error();
    sqlite3_db_config(source->get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    // Nobody else knows the new file, and the file system may know no locks.
    auto target = open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, "unix-none");
    if (!target) return target.error();
    int code = execute(target->get(),
                       "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF");
    if (code != SQLITE_OK) return failure(code, target->get(), "make", to);

    // One read transaction around all steps: otherwise every write of somebody else begins the copy anew.
    code = execute(source->get(), "BEGIN; SELECT count(*) FROM sqlite_schema");
    if (code != SQLITE_OK) return failure(code, source->get(), "read", from);
    sqlite3_backup* const backup = sqlite3_backup_init(target->get(), "main", source->get(), "main");
    if (backup == nullptr) return failure(sqlite3_errcode(target->get()), target->get(), "copy", from);
    do
        code = sqlite3_backup_step(backup, pages_at_once);
    while (code == SQLITE_OK);
    const int finished = sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) return failure(code, nullptr, "copy", from);
    if (finished != SQLITE_OK) return failure(finished, target->get(), "copy", from);
    target->reset();
    return database_copy{passes_check(to)};
}

} // namespace clawgate::pod
