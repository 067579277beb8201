#include "pod/sweep.hpp"

#include "pod/become.hpp"
#include "pod/descriptor.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <thread>

namespace clawgate::pod {
namespace {

constexpr int exit_os_error = 71; // EX_OSERR

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// The numbers behind "Name:"; none when there is no such line.
std::vector<unsigned long> numbers_of(const std::string& status, const std::string& name) {
    const auto at = status.find("\n" + name + ":");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 2;
    std::istringstream in{status.substr(begin, status.find('\n', begin) - begin)};
    return {std::istream_iterator<unsigned long>{in}, {}};
}

bool is_pid(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); });
}

/// The descriptor is opened before the process is looked at: its number may be another's by then, the descriptor not.
bool end_if_of(const std::string& pid, owner whose) {
    const descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(pid), 0))};
    if (process.get() < 0 || !is_process_of(text_of("/proc/" + pid + "/status"), whose)) return false;
    return ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == 0;
}

/// True when there was something.
bool sweep_once(owner whose) {
    bool found = false;
    std::error_code ec;
    const auto own = std::to_string(::getpid());
    for (std::filesystem::directory_iterator it{"/proc", ec}, end; !ec && it != end; it.increment(ec)) {
        const auto name = it->path().filename().string();
        if (is_pid(name) && name != own && end_if_of(name, whose)) found = true;
    }
    return found;
}

} // namespace

gid_t pod_group(const std::string& run_dir) {
    std::uint32_t hash = 2166136261u; // FNV-1a: the same in every build, as std::hash need not be
    for (const unsigned char c : run_dir)
        hash = (hash ^ c) * 16777619u;
    return 30000 + hash % 30000;
}

bool is_process_of(const std::string& status, owner user_and_group) {
    const auto state = status.find("\nState:\t");
    if (state == std::string::npos || std::strchr("ZX", status[state + 8]) != nullptr) return false;
    const auto users = numbers_of(status, "Uid");
    const auto groups = numbers_of(status, "Groups");
    return users.size() >= 2 && (users[0] == user_and_group.uid || users[1] == user_and_group.uid) &&
           std::find(groups.begin(), groups.end(), user_and_group.gid) != groups.end();
}

sweep_outcome sweep(owner whose, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    sweep_outcome out;
    // Again, since one that forks at that moment leaves a child that was not there when its number was passed.
    while (true) {
        out.clean = !sweep_once(whose);
        out.found = out.found || !out.clean;
        if (out.clean || std::chrono::steady_clock::now() >= end) return out;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

int sweep_and_run(owner whose, const std::vector<std::string>& program) {
    const auto done = sweep(whose, std::chrono::seconds{5});
    if (done.found)
        std::cerr << "clawgate sweep: processes of user " << whose.uid << " were left and have been ended\n";
    if (!done.clean) {
        std::cerr << "clawgate sweep: processes of user " << whose.uid << " do not end\n";
        return exit_os_error;
    }
    if (program.empty()) return 0;
    return become_program("clawgate sweep", program);
}

} // namespace clawgate::pod
