#include "pod/tools.hpp"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace clawgate::pod {
namespace {

namespace fs = std::filesystem;

std::string resolved(const std::string& path) {
    std::error_code ec;
    const auto real = fs::canonical(path, ec);
    return ec ? std::string{} : real.string();
}

std::string on_path(std::string_view name, std::string_view path) {
    while (!path.empty()) {
        const auto end = path.find(':');
        const auto folder = path.substr(0, end);
        path = end == path.npos ? std::string_view{} : path.substr(end + 1);
        if (folder.empty()) continue;
        const auto candidate = std::string{folder} + "/" + std::string{name};
        if (::access(candidate.c_str(), X_OK) == 0) return resolved(candidate);
    }
    return {};
}

error missing(std::string text) {
    return error{errc::not_found, fault::gateway, retry::never, std::move(text)};
}

// Each path that was given must lead somewhere; what comes back has no links in it.
result<void> resolve(std::string& path, std::string_view option) {
    if (path.empty()) return {};
    const auto real = resolved(path);
    if (real.empty()) return missing(std::string{option} + ": there is no file " + path);
    path = real;
    return {};
}

} // namespace

result<prepare_options> find_tools(prepare_options given, std::string_view path, bool agents_are_supervised) {
    const std::pair<std::string*, std::string_view> all[] = {{&given.clawgate, "--clawgate"},
                                                             {&given.node, "--node"},
                                                             {&given.openclaw, "--openclaw"},
                                                             {&given.ollama, "--ollama"}};
    for (const auto& [where, option] : all)
        if (auto r = resolve(*where, option); !r) return r.error();

    if (given.clawgate.empty()) given.clawgate = resolved("/proc/self/exe");
    if (given.demo && given.ollama.empty())
        return missing("--demo needs the demo model's program: --ollama <path of fake_ollama>");
    if (!agents_are_supervised) return given;

    if (given.node.empty()) given.node = on_path("node", path);
    if (given.node.empty())
        return missing("Node is not installed: put Node 24 on PATH or name it with --node");
    if (given.openclaw.empty()) given.openclaw = on_path("openclaw", path);
    if (given.openclaw.empty())
        return missing("OpenClaw is not installed: run `npm install openclaw@2026.9.6` and put its folder "
                       "node_modules/.bin on PATH, or name its openclaw.mjs with --openclaw");
    return given;
}

} // namespace clawgate::pod
