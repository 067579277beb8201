#include "core/volume_notes.hpp"
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

/// Everything that names texts: templates and the code that renders them.
std::string sources_that_use_texts() {
    std::string all;
    const std::filesystem::path box = CLAWGATE_SOURCE_DIR "/gateway/pages";
    for (const auto& entry : std::filesystem::directory_iterator(box / "assets"))
        if (entry.path().extension() == ".html") all += read(entry.path());
    return all + read(box / "render.cpp");
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
    ASSERT_FALSE(sources.empty());
    for (const auto& entry : text_table()) {
        const std::string key{entry.key};
        const bool by_number = std::regex_match(key, std::regex{"status_[0-9]+"}); // looked up by status code
        const bool by_word = key.starts_with("volume_"); // by a word of volume_note_words, see below
        EXPECT_TRUE(by_number || by_word || sources.find("{{t." + key + "}}") != std::string::npos ||
                    sources.find('"' + key + '"') != std::string::npos)
            << key;
    }
}

TEST(Texts, ExistForEveryNoteAboutTheVolumeAndForNoOther) {
    std::size_t texts = 0;
    for (const auto& entry : text_table())
        texts += entry.key.starts_with("volume_");
    EXPECT_EQ(texts, volume_note_words.size());
    for (const auto word : volume_note_words)
        EXPECT_NO_THROW((void)text(language::en, "volume_" + std::string{word})) << word;
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
