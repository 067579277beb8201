#pragma once
// What several tests of this box need.

#include "core/config.hpp"
#include "core/secret.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace clawgate::auth::test {

/// A directory of its own, removed with everything in it.
class temporary_directory {
public:
    temporary_directory() {
        auto pattern = (std::filesystem::temp_directory_path() / "clawgate-auth-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"mkdtemp failed"};
        path_ = pattern;
    }
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    [[nodiscard]] std::string path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + '/' + name; }

private:
    std::string path_;
};

/// `agents` agents from 18790 on, the control port after them, one password for all.
inline config make_config(int agents = 2, const std::string& password = "correct horse") {
    config c;
    c.password = secret{password};
    for (int n = 1; n <= agents; ++n) {
        agent_options a;
        a.number = n;
        a.name = "agent_" + std::to_string(n);
        a.port = static_cast<std::uint16_t>(c.base_port + n - 1);
        a.password = c.password;
        c.agents.push_back(a);
    }
    c.control_port = static_cast<std::uint16_t>(c.base_port + agents);
    return c;
}

inline secret make_key(char fill = 'k') {
    return secret{std::string(32, fill)};
}

} // namespace clawgate::auth::test
