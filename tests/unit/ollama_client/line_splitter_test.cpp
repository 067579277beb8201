#include "ollama_client/line_splitter.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace clawgate::ollama {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Every line that `pieces` make, one after another.
std::vector<std::string> lines_of(line_splitter& s, const std::vector<std::string>& pieces) {
    std::vector<std::string> lines;
    for (const auto& piece : pieces) {
        s.feed(piece);
        for (;;) {
            const auto line = s.next();
            if (!line) {
                lines.push_back("error: " + line.error().detail);
                return lines;
            }
            if (!*line) break;
            lines.emplace_back(**line);
        }
    }
    return lines;
}

TEST(LineSplitter, SeveralLinesInOnePieceComeOneByOne) {
    line_splitter s;
    EXPECT_THAT(lines_of(s, {"{\"a\":1}\n{\"b\":2}\n{\"c\""}), ElementsAre("{\"a\":1}", "{\"b\":2}"));
    EXPECT_EQ(s.rest(), "{\"c\"");
}

TEST(LineSplitter, EveryCutOfAStreamGivesTheSameLines) {
    const std::string stream{"{\"content\":\"olá 🦀 \xe2\x82\xac\"}\n{\"done\":true}\n"};
    for (std::size_t first = 0; first <= stream.size(); ++first) {
        for (auto second = first; second <= stream.size(); ++second) {
            line_splitter s;
            const auto lines = lines_of(
                s, {stream.substr(0, first), stream.substr(first, second - first), stream.substr(second)});
            ASSERT_THAT(lines, ElementsAre("{\"content\":\"olá 🦀 €\"}", "{\"done\":true}"))
                << first << ' ' << second;
            ASSERT_THAT(s.rest(), IsEmpty());
        }
    }
}

TEST(LineSplitter, ALineWithinOnePieceIsNotCopied) {
    const std::string piece{"tail\nwhole line\n"};
    line_splitter s;
    EXPECT_THAT(lines_of(s, {"head "}), IsEmpty());
    s.feed(piece);
    const auto joined = s.next();
    ASSERT_TRUE(joined && *joined);
    EXPECT_EQ(**joined, "head tail");
    const auto whole = s.next();
    ASSERT_TRUE(whole && *whole);
    EXPECT_EQ(**whole, "whole line");
    EXPECT_EQ((*whole)->data(), piece.data() + 5);
}

TEST(LineSplitter, CarriageReturnsAndBlankLinesAreNoRecords) {
    line_splitter s;
    EXPECT_THAT(lines_of(s, {"a\r", "\n\r\n \n\n", "b\n", "\r\n"}), ElementsAre("a", "b"));
    EXPECT_THAT(s.rest(), IsEmpty());
}

TEST(LineSplitter, TheRestSaysWhetherTheStreamWasTruncated) {
    line_splitter s;
    EXPECT_THAT(s.rest(), IsEmpty());
    EXPECT_THAT(lines_of(s, {"one\ntw"}), ElementsAre("one"));
    EXPECT_EQ(s.rest(), "tw");
    EXPECT_THAT(lines_of(s, {"o"}), IsEmpty());
    EXPECT_EQ(s.rest(), "two");
    EXPECT_THAT(lines_of(s, {"\n"}), ElementsAre("two"));
    EXPECT_THAT(s.rest(), IsEmpty());
}

TEST(LineSplitter, ALineOfTheLimitPassesAndOneMoreByteDoesNot) {
    line_splitter fits{8};
    EXPECT_THAT(lines_of(fits, {"1234", "5678\n", "12345678\n"}), ElementsAre("12345678", "12345678"));
    line_splitter in_one{8};
    EXPECT_THAT(lines_of(in_one, {"ok\n123456789\n"}),
                ElementsAre("ok", "error: a line of more than 8 bytes"));
    line_splitter in_two{8};
    EXPECT_THAT(lines_of(in_two, {"12345", "6789"}), ElementsAre("error: a line of more than 8 bytes"));
    in_two.feed("\nfine\n");
    const auto after = in_two.next();
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().code, errc::bad_upstream);
    EXPECT_EQ(after.error().whose, fault::upstream);
}

} // namespace
} // namespace clawgate::ollama
