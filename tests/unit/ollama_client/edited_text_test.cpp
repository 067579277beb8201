#include "ollama_client/edited_text.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace {

using clawgate::ollama::edited_text;

TEST(EditedText, IsTheOriginalWithoutEdits) {
    const edited_text text{"as it came"};
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(text.str(), "as it came");
    ASSERT_EQ(text.pieces().size(), 1u);
    EXPECT_TRUE(edited_text{}.pieces().empty());
}

TEST(EditedText, TakesPartsInAnyOrder) {
    edited_text text{"0123456789"};
    text.replace(7, 9, "B");
    text.replace(0, 2, "A");
    text.replace(4, 5, "");
    EXPECT_EQ(text.str(), "A2356B9");
    EXPECT_EQ(text.size(), 7u);
}

TEST(EditedText, KeepsTheOrderOfInsertionsAtOnePlace) {
    edited_text text{"ab"};
    text.insert(1, "1");
    text.insert(1, "2");
    text.insert(0, "<");
    text.insert(2, ">");
    EXPECT_EQ(text.str(), "<a12b>");
}

TEST(EditedText, InsertsBeforeAPartThatIsReplacedFromThere) {
    edited_text replaced_first{"abc"};
    replaced_first.replace(1, 2, "X");
    replaced_first.insert(1, "-");
    EXPECT_EQ(replaced_first.str(), "a-Xc");

    edited_text inserted_first{"abc"};
    inserted_first.insert(1, "-");
    inserted_first.replace(1, 2, "X");
    EXPECT_EQ(inserted_first.str(), "a-Xc");
}

TEST(EditedText, InsertsBehindAPartThatIsReplacedUpToThere) {
    edited_text text{"abc"};
    text.insert(2, "+");
    text.replace(1, 2, "X");
    EXPECT_EQ(text.str(), "aX+c");
}

TEST(EditedText, CopiesNothingOfTheOriginal) {
    const std::string original = "the original";
    edited_text text{original};
    text.replace(4, 5, "an");
    for (const auto piece : text.pieces())
        if (piece != "an") {
            EXPECT_GE(piece.data(), original.data());
            EXPECT_LE(piece.data() + piece.size(), original.data() + original.size());
        }
}

TEST(EditedText, GivesNoEmptyPiecesAndAsManyBytesAsItSays) {
    std::mt19937 random{7};
    const std::string original = "abcdefghijklmnopqrstuvwxyz";
    for (int round = 0; round < 200; ++round) {
        edited_text text{original};
        std::string expected = original;
        // From the end on, so that places in `expected` stay valid; given to the text in that order too.
        for (std::size_t end = original.size(); end > 3;) {
            const auto begin = end - random() % 4;
            const std::string with(random() % 3, 'X');
            text.replace(begin, end, with);
            expected.replace(begin, end - begin, with);
            end = begin - 1 - random() % 3;
            if (end > original.size()) break;
        }
        EXPECT_EQ(text.str(), expected);
        EXPECT_EQ(text.size(), expected.size());
        for (const auto piece : text.pieces())
            EXPECT_FALSE(piece.empty());
    }
}

} // namespace
