#include "net/body.hpp"

#include <gmock/gmock.h>

namespace clawgate::net {
namespace {

using testing::HasSubstr;

std::string text(const gather& g) {
    std::string s;
    for (const auto& p : g)
        s.append(static_cast<const char*>(p.data()), p.size());
    return s;
}

/// Feeds `in` in steps of `step` bytes and returns the body, or the error's text.
std::string decode(std::string_view in, std::size_t step, std::string* trailers = nullptr,
                   std::size_t* used = nullptr) {
    chunked_decoder d;
    std::string body;
    std::string pending;
    std::size_t consumed = 0;
    for (std::size_t i = 0; i < in.size() && !d.done();) {
        const auto n = std::min(step, in.size() - i);
        std::string_view piece = in.substr(i, n);
        i += n;
        while (!piece.empty() && !d.done()) {
            std::string_view data;
            const auto got = d.feed(piece, data);
            if (!got) return "error: " + got.error().detail;
            body += data;
            piece.remove_prefix(*got);
            consumed += *got;
        }
    }
    if (trailers) *trailers = d.trailers();
    if (used) *used = consumed;
    return d.done() ? body : "incomplete";
}

TEST(Chunked, IsReadTheSameHoweverItIsCut) {
    const std::string in = "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\nNEXT";
    for (std::size_t step = 1; step <= in.size(); ++step) {
        std::size_t used = 0;
        EXPECT_EQ(decode(in, step, nullptr, &used), "hello world") << step;
        EXPECT_EQ(used, in.size() - 4) << step;
    }
}

TEST(Chunked, TrailersThatFrameOrRouteAreDropped) {
    std::string trailers;
    EXPECT_EQ(
        decode("1\r\na\r\n0\r\nX-Sum: 9\r\nContent-Length: 3\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
               7, &trailers),
        "a");
    EXPECT_EQ(trailers, "X-Sum: 9\r\n");
}

class ChunkedRefuses : public testing::TestWithParam<const char*> {};
TEST_P(ChunkedRefuses, BrokenFraming) {
    EXPECT_THAT(decode(GetParam(), 1), HasSubstr("error"));
    EXPECT_THAT(decode(GetParam(), 1000), HasSubstr("error"));
}
INSTANTIATE_TEST_SUITE_P(Framing, ChunkedRefuses,
                         testing::Values("x\r\n", "\r\n", " 5\r\nhello\r\n", "5\nhello\r\n", "5\r\nhelloX",
                                         "5\r\nhello\rX", "5\r\nhello\n", "-1\r\n", "0x5\r\nhello",
                                         "FFFFFFFFFFFFFFFFF\r\n", "5;a\nb\r\n", "5\rX",
                                         "1\r\na\r\n0\r\nbad trailer\r\n\r\n", "1\r\na\r\n0\r\nX: y\n\r\n",
                                         "1\r\na\r\n0\r\nX : y\r\n\r\n", "5;\x01\r\n"));

TEST(Chunked, BoundsExtensionsAndTrailers) {
    EXPECT_THAT(decode("5;" + std::string(300, 'a') + "\r\nhello\r\n", 64), HasSubstr("256"));
    EXPECT_THAT(decode("0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", 64), HasSubstr("8 KB"));
}

TEST(BodyDecoder, IsNotAtTheEndOfABodyThatItWasNotToldAbout) {
    const body_decoder d;
    EXPECT_FALSE(d.done());
}

TEST(BodyDecoder, TakesExactlyTheLengthAndNoMore) {
    body_decoder d;
    d.start(body_kind::length, 5);
    gather pieces;
    EXPECT_EQ(*d.take("hel", pieces), 3u);
    EXPECT_FALSE(d.done());
    EXPECT_EQ(d.want(100), 2u);
    EXPECT_EQ(*d.take("loNEXT", pieces), 2u);
    EXPECT_TRUE(d.done());
    EXPECT_EQ(d.bytes(), 5u);
}

TEST(BodyDecoder, StopsAtItsLimit) {
    body_decoder d;
    d.start(body_kind::chunked, 0, 4);
    gather pieces;
    const auto r = d.take("5\r\nhello\r\n0\r\n\r\n", pieces);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, errc::too_large);
}

TEST(BodyDecoder, TellsATruncatedBodyFromOneThatEndsByClosing) {
    body_decoder d;
    d.start(body_kind::until_close, 0);
    EXPECT_TRUE(d.end_of_input());
    EXPECT_TRUE(d.done());
    d.start(body_kind::length, 5);
    EXPECT_FALSE(d.end_of_input());
    d.start(body_kind::chunked, 0);
    EXPECT_FALSE(d.end_of_input());
}

TEST(BodyDecoder, GoesOnWhenThereAreMorePiecesThanOneWriteTakes) {
    std::string in;
    for (int i = 0; i < 100; ++i)
        in += "1\r\na\r\n";
    in += "0\r\n\r\n";
    body_decoder d;
    d.start(body_kind::chunked, 0);
    std::size_t used = 0;
    std::string body;
    int rounds = 0;
    while (!d.done() && ++rounds < 200) {
        gather pieces;
        used += *d.take(std::string_view{in}.substr(used), pieces);
        body += text(pieces);
    }
    EXPECT_EQ(body, std::string(100, 'a'));
    EXPECT_EQ(used, in.size());
}

TEST(BodyEncoder, FramesPiecesAsOneChunkAndNeverAnEmptyOne) {
    body_encoder e;
    e.start(body_kind::chunked);
    gather pieces;
    pieces.add("hello ");
    pieces.add("world");
    gather out;
    e.add(out, pieces);
    EXPECT_EQ(text(out), "b\r\nhello world\r\n");
    gather none;
    out.clear();
    e.add(out, none);
    EXPECT_TRUE(out.empty());
    e.finish(out, "X-Sum: 1\r\n");
    EXPECT_EQ(text(out), "0\r\nX-Sum: 1\r\n\r\n");
}

TEST(Gather, ConsumesAcrossPieces) {
    gather g;
    g.add("abc");
    g.add("def");
    g.consume(4);
    EXPECT_EQ(text(g), "ef");
    g.consume(2);
    EXPECT_TRUE(g.empty());
}

TEST(ReadBuffer, GrowsWithItsDataAndGivesBlocksBack) {
    block_pool small{8};
    block_pool large{32};
    read_buffer b{small};
    auto s = b.space();
    ASSERT_EQ(s.size(), 8u);
    std::memcpy(s.data(), "12345678", 8);
    b.commit(8);
    EXPECT_EQ(b.space().size(), 0u);
    b.consume(2);
    b.grow(large);
    EXPECT_EQ(b.data(), "345678");
    EXPECT_EQ(b.space().size(), 26u);
}

} // namespace
} // namespace clawgate::net
