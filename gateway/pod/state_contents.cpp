#include "pod/state_contents.hpp"

#include "pod/sqlite_copy.hpp"

#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <memory>

namespace clawgate::pod {
namespace {

using nlohmann::json;

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

bool names_a_secret(std::string_view key) {
    static constexpr std::array<std::string_view, 9> parts{"token",   "password",   "passwd",
                                                           "secret",  "apikey",     "api_key",
                                                           "api-key", "credential", "authorization"};
    const auto low = lower(key);
    return low == "key" || low.ends_with("privatekey") || low.ends_with("cookie") ||
           std::any_of(parts.begin(), parts.end(), [&](auto part) { return low.find(part) != low.npos; });
}

// Text only: maxTokens is a number.
void strip(json& value) {
    if (value.is_array())
        for (auto& each : value)
            strip(each);
    if (!value.is_object()) return;
    for (auto it = value.begin(); it != value.end();) {
        if (it->is_string() && names_a_secret(it.key())) {
            it = value.erase(it);
            continue;
        }
        strip(*it);
        ++it;
    }
}

struct closer {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

// Exact names are those of OpenClaw 2026.9.6; the patterns are for versions that add more.
constexpr const char* secret_tables =
    "SELECT name FROM sqlite_schema WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND (name IN ("
    "'auth_profile_store','auth_profile_state','device_identities','device_pairing_paired','device_pairing_"
    "pending',"
    "'device_pairing_join_codes','device_pair_setup_completions','channel_pairing_requests',"
    "'channel_pairing_allow_entries','apns_registrations','web_push_subscriptions','audit_identity_keys',"
    "'config_revision_keys') OR name LIKE '%token%' OR name LIKE '%secret%' OR name LIKE '%credential%' OR "
    "name "
    "LIKE '%oauth%' OR name LIKE '%password%')";

error failure(sqlite3* db, const std::string& path) {
    return error{errc::io, fault::gateway, retry::never,
                 "cannot take the secrets out of the database " + path + ": " + sqlite3_errmsg(db)};
}

} // namespace

bool is_disposable(std::string_view path) {
    return path == "cache" || path == "tmp";
}

bool is_service_token(std::string_view path) {
    return path == "token";
}

bool is_secret_file(std::string_view path) {
    static constexpr std::array<std::string_view, 6> folders{"credentials", "identity", "devices",
                                                             "secrets",     "oauth",    ".ssh"};
    static constexpr std::array<std::string_view, 9> files{
        ".env",   "auth.json",        "auth-profiles.json", "oauth.json",         "secrets.json",
        ".netrc", ".git-credentials", "device-auth.json",   "exec-approvals.json"};
    const auto name = lower(path.substr(path.rfind('/') + 1)); // npos + 1 is 0
    // Older copies of the configuration, with older secrets in them.
    if (path.starts_with("openclaw.json.")) return true;
    return is_one_of(name, folders) || is_one_of(name, files) || name.starts_with(".env.") ||
           name.ends_with(".key") || name.ends_with(".pem") || name.starts_with("id_rsa") ||
           name.starts_with("id_ed25519");
}

result<std::string> config_without_secrets(std::string_view text) {
    const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= 64; };
    auto whole = json::parse(text, shallow, false, true);
    if (!whole.is_object())
        return error{errc::corrupt, fault::gateway, retry::never, "openclaw.json is not valid JSON"};
    strip(whole);
    return whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

result<void> remove_secrets(const std::string& path) {
    sqlite3* raw = nullptr;
    const int opened =
        sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, "unix-none");
    const std::unique_ptr<sqlite3, closer> db{raw};
    if (opened != SQLITE_OK) return failure(raw, path);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    const auto run = [&](const std::string& sql) {
        return sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
    };
    if (!run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA secure_delete=ON; PRAGMA foreign_keys=OFF"))
        return failure(raw, path);
    std::vector<std::string> statements;
    {
        sqlite3_stmt* list = nullptr;
        if (sqlite3_prepare_v2(raw, secret_tables, -1, &list, nullptr) != SQLITE_OK)
            return failure(raw, path);
        const std::unique_ptr<sqlite3_stmt, closer> guard{list};
        while (sqlite3_step(list) == SQLITE_ROW) {
            char* sql = sqlite3_mprintf("DELETE FROM \"%w\"", sqlite3_column_text(list, 0));
            if (sql != nullptr) statements.emplace_back(sql);
            sqlite3_free(sql);
        }
    }
    if (statements.empty()) return {};
    for (const auto& each : statements)
        if (!run(each)) return failure(raw, path);
    // Pages that were free before may hold older rows.
    if (!run("PRAGMA journal_mode=DELETE") || !run("VACUUM")) return failure(raw, path);
    return {};
}

byte_source mask_token(byte_source from, std::string token) {
    if (token.empty()) return from;
    std::string mask;
    while (mask.size() < token.size())
        mask += token_mask;
    mask.resize(token.size());
    // Bytes that were read and not handed on: the end of them may be the beginning of a token.
    struct state {
        std::string held;
        bool ended = false;
    };
    return [from = std::move(from), token = std::move(token), mask = std::move(mask),
            s = std::make_shared<state>()](char* buffer, std::size_t size) -> result<std::size_t> {
        while (!s->ended && s->held.size() < size + token.size()) {
            std::array<char, 64 * 1024> more;
            const auto n = from(more.data(), more.size());
            if (!n) return n.error();
            s->ended = *n == 0;
            s->held.append(more.data(), *n);
        }
        for (auto at = s->held.find(token); at != std::string::npos; at = s->held.find(token, at))
            s->held.replace(at, token.size(), mask);
        const auto safe = s->ended ? s->held.size() : s->held.size() - token.size() + 1;
        const auto n = std::min(size, safe);
        std::copy_n(s->held.begin(), n, buffer);
        s->held.erase(0, n);
        return n;
    };
}

std::string unmask_token(std::string text, std::string_view token) {
    for (auto at = text.find(token_mask); at != std::string::npos;
         at = text.find(token_mask, at + token.size()))
        text.replace(at, token_mask.size(), token);
    return text;
}

} // namespace clawgate::pod
