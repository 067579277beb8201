#include "pages/texts.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace clawgate::pages {
namespace {

std::set<std::string> placeholders(std::string_view text) {
    std::set<std::string> found;
    const std::string s{text};
    static const std::regex pattern{R"(\{\{([^}]*)\}\})"};
    for (auto it = std::sregex_iterator(s.begin(), s.end(), pattern); it != std::sregex_iterator(); ++it)
        found.insert((*it)[1]);
    return found;
}

std::string read(const std::filesystem::path& path) {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::string all_of(const std::filesystem::path& folder, std::string_view extension) {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == extension) all += read(entry.path());
    return all;
}

/// Everything that names texts: templates and the code that renders them.
std::string sources_that_use_texts() {
    const std::filesystem::path box = CLAWGATE_SOURCE_DIR "/gateway/pages";
    return all_of(box / "assets", ".html") + read(box / "render.cpp");
}

/// Where notices and events come from, without the prefix that their texts have.
std::string sources_of_notes() {
    const std::filesystem::path gateway = CLAWGATE_SOURCE_DIR "/gateway";
    return all_of(gateway / "pod", ".cpp") + all_of(gateway / "app", ".cpp");
}

TEST(Texts, ExistInBothLanguages) {
    for (const auto& entry : text_table()) {
        EXPECT_FALSE(entry.en.empty()) << entry.key;
        EXPECT_FALSE(entry.pt_br.empty()) << entry.key;
        EXPECT_TRUE(entry.key == "fleet_summary_one" || entry.en != entry.pt_br)
            << entry.key << " is not translated";
    }
}

TEST(Texts, HaveTheSamePlaceholdersInBothLanguages) {
    for (const auto& entry : text_table())
        EXPECT_EQ(placeholders(entry.en), placeholders(entry.pt_br)) << entry.key;
}

TEST(Texts, HoldNoTexts) { // the substitution is one level deep
    for (const auto& entry : text_table())
        for (const auto& name : placeholders(entry.en))
            EXPECT_FALSE(name.starts_with("t.")) << entry.key;
}

TEST(Texts, HaveKeysOfTheirOwn) {
    std::set<std::string_view> keys;
    for (const auto& entry : text_table())
        EXPECT_TRUE(keys.insert(entry.key).second) << entry.key << " is there twice";
}

TEST(Texts, AreAllUsed) {
    const auto sources = sources_that_use_texts();
    const auto notes = sources_of_notes();
    ASSERT_FALSE(sources.empty());
    ASSERT_FALSE(notes.empty());
    for (const auto& entry : text_table()) {
        const std::string key{entry.key};
        if (key.starts_with("notice_") || key.starts_with("event_")) {
            const auto name = key.substr(key.find('_') + 1);
            EXPECT_NE(notes.find('"' + name + '"'), std::string::npos) << key;
            continue;
        }
        const bool by_number = std::regex_match(key, std::regex{"status_[0-9]+"}); // looked up by status code
        EXPECT_TRUE(by_number || sources.find("{{t." + key + "}}") != std::string::npos ||
                    sources.find('"' + key + '"') != std::string::npos)
            << key;
    }
}

TEST(Texts, ThatTemplatesNameAreInTheTable) {
    std::size_t named = 0;
    for (const auto& name : placeholders(sources_that_use_texts())) {
        if (!name.starts_with("t.")) continue;
        ++named;
        EXPECT_NO_THROW((void)text(language::en, std::string_view{name}.substr(2))) << name;
    }
    EXPECT_GT(named, 10u);
}

TEST(Texts, ThePasswordFieldSaysThatNothingIsStored) {
    EXPECT_EQ(text(language::en, "password_label"), "Password (not stored)");
    EXPECT_EQ(text(language::pt_br, "password_label"), "Senha (não é armazenada)");
}

TEST(Texts, AnUnknownKeyIsABug) {
    EXPECT_THROW((void)text(language::en, "nonsense"), std::logic_error);
}

} // namespace
} // namespace clawgate::pages
