// Each variable of the specification's tables for requests, behaviour and Ollama has a test that is called after it.
#include "core/options.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

std::set<std::string> names_of_tests() {
    static const std::regex test{R"(\nTEST(?:_F|_P)?\(\w+, (\w+)\))"};
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{fs::path{CLAWGATE_SOURCE_DIR} / "tests"}) {
        if (entry.path().extension() != ".cpp") continue;
        std::ifstream file{entry.path()};
        const std::string text{std::istreambuf_iterator<char>{file}, {}};
        for (std::sregex_iterator i{text.begin(), text.end(), test}, end; i != end; ++i)
            names.insert((*i)[1]);
    }
    return names;
}

TEST(VariablesHaveTests, OfTheirNames) {
    const std::set<std::string_view> groups{"Sent with each model request", "Behaviour of the agent",
                                            "Ollama server"};
    const auto tests = names_of_tests();
    std::set<std::string_view> seen;
    for (const auto& o : clawgate::option_table()) {
        if (!groups.contains(o.group)) continue;
        seen.insert(o.group);
        EXPECT_TRUE(tests.contains(std::string{o.name})) << "no test is called " << o.name;
    }
    EXPECT_EQ(seen, groups) << "a group has another name now";
}

} // namespace
