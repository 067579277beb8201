#include "pod/pod_settings.hpp"

#include "pod/prepare.hpp"

#include <filesystem>

namespace clawgate::pod {

environment settings_of_pod(const std::string& run_dir) {
    std::vector<problem> ignored;
    return read_env_file(run_dir + "/gateway.env", ignored);
}

environment with_settings_of_pod(environment process) {
    const auto settings = settings_of_pod(default_run_dir(workspace_in(process)));
    process.insert(settings.begin(), settings.end());
    return process;
}

std::string workspace_in(const environment& process) {
    const auto given = process.find("CLAWGATE_WORKSPACE");
    if (given == process.end() || given->second.empty()) return "/workspace";
    auto path = std::filesystem::absolute(given->second).lexically_normal().string();
    if (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

} // namespace clawgate::pod
