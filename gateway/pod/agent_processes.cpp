#include "pod/agent_processes.hpp"

#include "core/config.hpp"
#include "core/file.hpp"
#include "pod/layout.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

namespace clawgate::pod {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_environment = 4u << 20;

std::optional<uid_t> own_user(const std::string& state) {
    struct stat st {};
    if (::lstat(state.c_str(), &st) != 0 || st.st_uid <= first_uid || st.st_uid > first_uid + max_agents)
        return std::nullopt;
    return st.st_uid;
}

// The value after "Uid:" or "State:" and white space, up to the next one.
std::string_view status_field(std::string_view status, std::string_view name) {
    const auto at = status.find(name);
    if (at == status.npos) return {};
    auto value = status.substr(at + name.size());
    value.remove_prefix(std::min(value.find_first_not_of("\t "), value.size()));
    return value.substr(0, value.find_first_of("\t \n"));
}

// Nothing when the environment cannot be read.
std::optional<bool> has_variable(const std::string& process, const std::string& wanted) {
    const auto text = read_file(process + "/environ", largest_environment);
    if (!text) return std::nullopt;
    const std::string_view all = *text;
    for (std::size_t begin = 0; begin < all.size();) {
        const auto end = std::min(all.find('\0', begin), all.size());
        if (all.substr(begin, end - begin) == wanted) return true;
        begin = end + 1;
    }
    return false;
}

} // namespace

std::vector<pid_t> agent_processes(const std::string& state) {
    const auto user = own_user(state);
    const auto wanted = "OPENCLAW_STATE_DIR=" + state;
    std::vector<pid_t> found;
    std::error_code ec;
    for (fs::directory_iterator it{"/proc", ec}, end; !ec && it != end; it.increment(ec)) {
        const auto name = it->path().filename().string();
        pid_t pid = 0;
        const auto [rest, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (bad != std::errc{} || rest != name.data() + name.size() || pid == ::getpid()) continue;
        const auto status = read_file(it->path().string() + "/status", 64 * 1024);
        if (!status || status_field(*status, "\nState:") == "Z") continue;
        const bool his = user && status_field(*status, "\nUid:") == std::to_string(*user);
        if (has_variable(it->path().string(), wanted).value_or(his)) found.push_back(pid);
    }
    return found;
}

bool wait_until_stopped(const std::vector<std::string>& states, std::chrono::seconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    const auto running = [](const std::string& state) { return !agent_processes(state).empty(); };
    while (std::any_of(states.begin(), states.end(), running)) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
    }
    return true;
}

} // namespace clawgate::pod
