// Who may include whom: core ← net ← {auth, routing, ollama_client} ← app ← main. Each box may include itself
// and what is named here; the compiler cannot see it, because all boxes share their include roots.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct box {
    std::string directory;
    std::set<std::string> may_include; ///< boxes, besides itself
};

const std::map<std::string, box> boxes{
    {"core", {"gateway/core", {}}},
    {"net", {"gateway/net", {"core"}}},
    {"auth", {"auth", {"core", "net"}}},
    {"routing", {"routing", {"core", "net"}}},
    {"ollama_client", {"ollama_client", {"core", "net"}}},
    {"pages", {"gateway/pages", {"core"}}},
    {"pod", {"gateway/pod", {"core", "net", "auth", "routing"}}},
    {"app", {"gateway/app", {"core", "net", "auth", "routing", "ollama_client", "pages"}}},
};

// Made by the build from the pages' assets.
const std::set<std::string> generated{"embedded/assets.hpp", "assets.hpp"};

struct include {
    std::string file;
    std::string target;
    bool quoted = false; ///< "x", not <x>
};

std::vector<include> includes_below(const std::string& directory) {
    static const std::regex line_of_include{R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)"};
    std::vector<include> out;
    const fs::path root = fs::path{CLAWGATE_SOURCE_DIR} / directory;
    if (!fs::exists(root)) return out; // a box that nobody has begun
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        const auto extension = entry.path().extension();
        if (extension != ".hpp" && extension != ".cpp") continue;
        std::ifstream file{entry.path()};
        for (std::string line; std::getline(file, line);) {
            std::smatch match;
            if (std::regex_match(line, match, line_of_include))
                out.push_back({fs::relative(entry.path(), CLAWGATE_SOURCE_DIR), match[2], match[1] == "\""});
        }
    }
    return out;
}

bool is_beast(const include& i) {
    return i.target.starts_with("boost/beast");
}
bool is_asio(const include& i) {
    return i.target.starts_with("boost/asio");
}

TEST(Layering, BoxesIncludeOnlyWhatStandsBelowThem) {
    std::size_t seen = 0;
    for (const auto& [name, b] : boxes)
        for (const auto& i : includes_below(b.directory)) {
            if (!i.quoted || generated.contains(i.target)) continue;
            const auto slash = i.target.find('/');
            ASSERT_NE(slash, std::string::npos)
                << i.file << " includes \"" << i.target << "\" without its box";
            const auto from = i.target.substr(0, slash);
            ++seen;
            EXPECT_TRUE(from == name || b.may_include.contains(from)) << i.file << " includes " << i.target;
        }
    EXPECT_GT(seen, 50u) << "the includes were not found";
}

TEST(Layering, CoreKnowsNoNetworkLibrary) {
    for (const auto& i : includes_below("gateway/core"))
        EXPECT_TRUE(i.file == "gateway/core/asio_impl.cpp" || (!is_asio(i) && !is_beast(i)))
            << i.file << " includes " << i.target;
}

TEST(Layering, OnlyNetAndAboveSeeBeast) {
    for (const auto* directory : {"auth", "gateway/pages"})
        for (const auto& i : includes_below(directory))
            EXPECT_FALSE(is_beast(i)) << i.file << " includes " << i.target;
}

TEST(Layering, OnlyMainIncludesTheCommandLine) {
    for (const auto& [name, b] : boxes)
        for (const auto& i : includes_below(b.directory))
            EXPECT_FALSE(i.target.starts_with("CLI/")) << i.file;
}

} // namespace
