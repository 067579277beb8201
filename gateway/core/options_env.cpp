// Where variables come from: the process and the environment file.
#include "core/file.hpp"
#include "core/options.hpp"
#include "core/pod_users.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

namespace clawgate {
namespace {

constexpr std::size_t largest_env_file = 1 << 20;

// They decide where the file is, so they cannot stand in it.
constexpr std::string_view decide_the_file[] = {"CLAWGATE_ENV_FILE", "CLAWGATE_WORKSPACE"};

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool is_name(std::string_view text) {
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
    return !text.empty() && letter(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

struct value_or_mistake {
    std::string value;
    std::string_view mistake;
};

// 'literal', "with \" \\ \$ \` escapes", or bare to the end of the line. A bare # after a space could be a
// comment or a part of a password: refused rather than guessed.
value_or_mistake unquote(std::string_view text) {
    if (text.empty()) return {};
    if (text.front() == '\'') {
        const auto end = text.find('\'', 1);
        if (end == text.npos) return {{}, "the closing ' is missing"};
        const auto rest = trim(text.substr(end + 1));
        if (!rest.empty() && rest.front() != '#') return {{}, "something follows the closing '"};
        return {std::string{text.substr(1, end - 1)}, {}};
    }
    if (text.front() == '"') {
        std::string out;
        std::size_t i = 1;
        for (; i < text.size() && text[i] != '"'; ++i) {
            const bool escape = text[i] == '\\' && i + 1 < text.size() &&
                                std::string_view{"\"\\$`"}.find(text[i + 1]) != std::string_view::npos;
            out += text[escape ? ++i : i];
        }
        if (i >= text.size()) return {{}, "the closing \" is missing"};
        const auto rest = trim(text.substr(i + 1));
        if (!rest.empty() && rest.front() != '#') return {{}, "something follows the closing \""};
        return {std::move(out), {}};
    }
    if (text.find(" #") != text.npos || text.find("\t#") != text.npos)
        return {{}, "a # after a space may be a comment or a part of the value; put the value in quotes"};
    return {std::string{text}, {}};
}

// What is wrong with one line, or nothing. Never repeats the line: it may hold a secret.
std::string_view read_line(std::string_view line, environment& out) {
    line = trim(line);
    if (line.empty() || line.front() == '#') return {};
    if (line.starts_with("export ") || line.starts_with("export\t")) line = trim(line.substr(7));
    const auto equals = line.find('=');
    if (equals == line.npos) return "it is not NAME=value";
    const auto name = line.substr(0, equals);
    if (!is_name(name)) return "what stands before = is not the name of a variable";
    for (const auto forbidden : decide_the_file)
        if (name == forbidden)
            return "CLAWGATE_ENV_FILE and CLAWGATE_WORKSPACE decide where this file is; set them in the "
                   "environment";
    auto [value, mistake] = unquote(trim(line.substr(equals + 1)));
    if (!mistake.empty()) return mistake;
    out.insert_or_assign(std::string{name}, std::move(value)); // the last one wins, as in a shell
    return {};
}

std::string env_file_path(const environment& process) {
    const auto value = [&](std::string_view name) -> std::string_view {
        const auto found = process.find(name);
        return found == process.end() ? std::string_view{} : std::string_view{found->second};
    };
    if (const auto path = value("CLAWGATE_ENV_FILE"); !path.empty()) return std::string{path};
    const auto workspace = value("CLAWGATE_WORKSPACE");
    return std::string{workspace.empty() ? "/workspace" : workspace} + "/.clawgate/env";
}

// The agent (or Ollama) that can have put the file there: it owns the file, a folder on the way, or a link in their
// place. Whoever is served by such a file would let an agent choose the password, and what root makes.
std::optional<uid_t> agent_behind(const std::string& path) {
    std::filesystem::path way;
    for (const auto& part : std::filesystem::path{path}) {
        way /= part;
        struct stat st {};
        for (const auto look : {::lstat, ::stat})
            if (look(way.c_str(), &st) == 0 && is_pod_user(st.st_uid) && st.st_uid != first_uid &&
                st.st_uid != ::geteuid())
                return st.st_uid;
    }
    return {};
}

} // namespace

environment process_environment() {
    environment out;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        if (const auto equals = text.find('='); equals != text.npos && equals > 0)
            out.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    // Nobody here may use it, so nobody here shall hold it.
    out.erase("RUNPOD_API_KEY");
    return out;
}

environment read_env_file(const std::string& path, std::vector<problem>& problems) {
    environment out;
    const auto text = read_file(path, largest_env_file);
    if (text.has_error()) {
        if (text.error().code != errc::not_found) problems.push_back({path, text.error().detail});
        return out;
    }
    std::string_view rest = *text;
    static constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
    for (int number = 1; !rest.empty(); ++number) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        const auto mistake = line.find('\0') != line.npos ? "it contains a NUL" : read_line(line, out);
        if (!mistake.empty())
            problems.push_back(
                {path, "line " + std::to_string(number) + " is not understood: " + std::string{mistake}});
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    return out;
}

load_outcome load_config(const environment& process, const environment& over) {
    std::vector<problem> file_problems;
    std::vector<std::string> file_warnings;
    environment merged = process;
    // A path that is not absolute is reported by the table; nothing is read from it.
    const auto path = env_file_path(process);
    if (const auto agent = path.starts_with('/') ? agent_behind(path) : std::nullopt) {
        file_warnings.push_back(path + " is not read: user " + std::to_string(*agent) +
                                ", one of the agents', owns it or a folder on the way. Look at it, then chown it to "
                                "root or write a new one");
    } else if (path.starts_with('/')) {
        for (auto& [name, value] : read_env_file(path, file_problems))
            merged.insert_or_assign(name, std::move(value));
        struct stat info {};
        if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0)
            file_warnings.push_back(
                path + " can be read by other users; it may hold the password: chmod 600 " + path);
    }
    for (const auto& [name, value] : over)
        merged.insert_or_assign(name, value);
    merged.erase("RUNPOD_API_KEY");
    auto out = parse_config(merged);
    out.problems.insert(out.problems.begin(), file_problems.begin(), file_problems.end());
    out.warnings.insert(out.warnings.begin(), file_warnings.begin(), file_warnings.end());
    return out;
}

} // namespace clawgate
