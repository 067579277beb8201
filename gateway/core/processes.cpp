#include "core/processes.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace clawgate {
namespace {

/// The fourth field of `stat`; the second is the program's name in brackets, and may hold anything.
pid_t parent_from(const std::string& stat) {
    const auto behind_name = stat.rfind(')');
    if (behind_name == stat.npos) return 0;
    std::istringstream rest{stat.substr(behind_name + 1)};
    std::string state;
    pid_t parent = 0;
    rest >> state >> parent;
    return parent;
}

/// Fields two and three of `statm`, in pages: resident, and of these shared.
std::uint64_t private_bytes_from(const std::string& statm) {
    std::istringstream fields{statm};
    std::uint64_t size = 0, resident = 0, shared = 0;
    fields >> size >> resident >> shared;
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return resident > shared ? (resident - shared) * page : 0;
}

std::string first_line(const std::string& path) {
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
}

} // namespace

std::vector<process_entry> read_processes(const std::string& root) {
    std::vector<process_entry> all;
    std::error_code ec;
    for (std::filesystem::directory_iterator it{root, ec}, end; !ec && it != end; it.increment(ec)) {
        const auto name = it->path().filename().string();
        process_entry p;
        const auto [digits, wrong] = std::from_chars(name.data(), name.data() + name.size(), p.pid);
        if (wrong != std::errc{} || digits != name.data() + name.size()) continue;
        struct stat about {};
        if (::stat(it->path().c_str(), &about) != 0) continue;
        const auto stat = first_line(it->path().string() + "/stat");
        if (stat.empty()) continue;
        p.uid = about.st_uid;
        p.parent = parent_from(stat);
        p.private_bytes = private_bytes_from(first_line(it->path().string() + "/statm"));
        all.push_back(p);
    }
    return all;
}

std::uint64_t memory_of_user(const std::vector<process_entry>& all, uid_t uid) {
    std::uint64_t sum = 0;
    for (const auto& p : all)
        if (p.uid == uid) sum += p.private_bytes;
    return sum;
}

std::uint64_t memory_of_tree(const std::vector<process_entry>& all, pid_t root) {
    std::set<pid_t> tree{root};
    for (bool grew = true; grew;) { // the list is in no order
        grew = false;
        for (const auto& p : all)
            if (tree.contains(p.parent)) grew = tree.insert(p.pid).second || grew;
    }
    std::uint64_t sum = 0;
    for (const auto& p : all)
        if (tree.contains(p.pid)) sum += p.private_bytes;
    return sum;
}

} // namespace clawgate
