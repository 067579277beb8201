#include "pod/cgroup.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace clawgate::pod {
namespace {

error refused(const std::string& what) {
    return error{errc::forbidden, fault::gateway, retry::never, what + ": " + std::strerror(errno)};
}

result<void> put(const std::string& path, const std::string& text) {
    errno = 0;
    std::ofstream file{path};
    file << text << std::flush; // the kernel judges the value when it is written
    if (!file) return refused(path);
    return {};
}

result<void> make_folder(const std::string& path) {
    std::error_code ec;
    std::filesystem::create_directory(path, ec);
    if (!ec) return {};
    errno = ec.value();
    return refused(path);
}

bool has_controller(const std::string& list, std::string_view name) {
    std::ifstream file{list};
    for (std::string word; file >> word;)
        if (word == name) return true;
    return false;
}

std::string number_or_max(std::uint64_t value, const char* no_limit) {
    return value == 0 ? no_limit : std::to_string(value);
}

result<std::vector<std::string>> make_in_one_tree(const std::string& root, const std::string& name,
                                                  const cgroup_limits& limits) {
    if (auto r = put(root + "/cgroup.subtree_control", "+memory +pids"); !r) return r.error();
    const auto group = root + "/" + name;
    if (auto r = make_folder(group); !r) return r.error();
    if (auto r = put(group + "/memory.max", number_or_max(limits.memory_bytes, "max")); !r) return r.error();
    const auto processes = static_cast<std::uint64_t>(limits.processes);
    if (auto r = put(group + "/pids.max", number_or_max(processes, "max")); !r) return r.error();
    return std::vector<std::string>{group + "/cgroup.procs"};
}

/// Version 1 has a tree for each controller.
result<std::vector<std::string>> make_in_many_trees(const std::string& root, const std::string& name,
                                                    const cgroup_limits& limits) {
    const auto memory = root + "/memory/" + name;
    const auto pids = root + "/pids/" + name;
    for (const auto& group : {memory, pids})
        if (auto r = make_folder(group); !r) return r.error();
    if (auto r = put(memory + "/memory.limit_in_bytes", number_or_max(limits.memory_bytes, "-1")); !r)
        return r.error();
    const auto processes = static_cast<std::uint64_t>(limits.processes);
    if (auto r = put(pids + "/pids.max", number_or_max(processes, "max")); !r) return r.error();
    return std::vector<std::string>{memory + "/cgroup.procs", pids + "/cgroup.procs"};
}

} // namespace

result<std::vector<std::string>> make_cgroup(const std::string& root, const std::string& name,
                                             const cgroup_limits& limits) {
    if (has_controller(root + "/cgroup.controllers", "memory")) return make_in_one_tree(root, name, limits);
    if (std::filesystem::exists(root + "/memory/cgroup.procs")) return make_in_many_trees(root, name, limits);
    return error{errc::forbidden, fault::gateway, retry::never, "no memory controller in " + root};
}

std::uint64_t hard_memory_limit(int memory_mb) {
    return static_cast<std::uint64_t>(memory_mb) * (1u << 20) / 4 * 5;
}

} // namespace clawgate::pod
