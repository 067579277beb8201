#include "net/websocket.hpp"

#include <gmock/gmock.h>

namespace clawgate::net::websocket {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;
constexpr std::array<std::uint8_t, 4> mask{1, 2, 3, 4};

std::string frame(opcode op, std::string payload, bool fin = true, bool masked = true) {
    auto f = encode_frame(op, payload, masked ? &mask : nullptr);
    if (!fin) f[0] = static_cast<char>(f[0] & 0x7f);
    return f;
}

TEST(Frames, ComeBackAsTheyWereEncoded) {
    for (const std::size_t n : {0u, 1u, 125u, 126u, 65535u, 65536u, 70000u}) {
        const auto f = encode_frame(opcode::binary, std::string(n, 'x'), &mask);
        const auto h = parse_frame_header(f);
        ASSERT_TRUE(h && *h) << n;
        EXPECT_EQ((*h)->length, n);
        EXPECT_TRUE((*h)->fin);
        EXPECT_EQ((*h)->op, opcode::binary);
        EXPECT_EQ((*h)->header_bytes + n, f.size());
    }
}

TEST(Frames, HeadersThatNobodyMaySendAreRefused) {
    for (const auto& bad :
         {"\xc1\x80"s, "\x83\x80"s, "\x8b\x80"s, "\x09\x80"s, "\x88\xfe"s, "\x82\x7e\x00\x05"s,
          "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05"s, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"s})
        EXPECT_FALSE(parse_frame_header(bad));
}

TEST(Frames, ALongCloseReasonIsCutAtACharacter) {
    std::string reason;
    for (int i = 0; i < 80; ++i)
        reason += "\xc3\xa9";
    const auto f = encode_close(1012, reason);
    EXPECT_LE(f.size(), 127u);
    EXPECT_EQ((f.size() - 4) % 2, 0u); // whole characters only
}

TEST(FrameFollower, FindsBordersHoweverTheStreamIsCut) {
    const auto stream = frame(opcode::text, std::string(300, 'a'), true, false) +
                        frame(opcode::ping, "x", true, false) + frame(opcode::text, "", true, false) +
                        encode_close(1008, "origin not allowed");
    for (std::size_t step : {1u, 2u, 3u, 7u, 100u, 1000u}) {
        frame_follower f;
        for (std::size_t i = 0; i < stream.size(); i += step)
            f.follow(std::string_view{stream}.substr(i, step));
        EXPECT_TRUE(f.at_boundary());
        EXPECT_EQ(f.close_code(), 1008);
        EXPECT_EQ(f.close_reason(), "origin not allowed");
    }
}

TEST(FrameFollower, IsNotAtABorderInsideAFrame) {
    frame_follower f;
    EXPECT_TRUE(f.at_boundary());
    const auto one = frame(opcode::text, "abcdef", true, false);
    f.follow(std::string_view{one}.substr(0, 1));
    EXPECT_FALSE(f.at_boundary());
    f.follow(std::string_view{one}.substr(1, 4));
    EXPECT_FALSE(f.at_boundary());
    f.follow(std::string_view{one}.substr(5));
    EXPECT_TRUE(f.at_boundary());
    EXPECT_EQ(f.close_code(), 0);
}

TEST(FrameFollower, NeverReportsABorderAfterNonsense) {
    frame_follower f;
    f.follow("\xff\xff garbage");
    EXPECT_FALSE(f.at_boundary());
}

TEST(FrameFollower, AnEmptyCloseHasNoCode) {
    frame_follower f;
    f.follow("\x88\x00"s);
    EXPECT_TRUE(f.saw_close());
    EXPECT_EQ(f.close_code(), 1005);
}

TEST(FirstMessage, JoinsFragmentsAndLetsControlFramesThrough) {
    first_message m{64 * 1024};
    const auto ping = frame(opcode::ping, "hi");
    const auto in =
        frame(opcode::text, "{\"a\":", false) + ping + frame(opcode::continuation, "1}") + "next"s;
    const auto p = m.feed(in);
    ASSERT_TRUE(p);
    EXPECT_TRUE(p->complete);
    EXPECT_EQ(p->pass_on, ping);
    EXPECT_EQ(m.message(), "{\"a\":1}");
    EXPECT_EQ(in.substr(p->consumed), "next");
}

TEST(FirstMessage, WaitsForWholeFrames) {
    first_message m{64 * 1024};
    const auto in = frame(opcode::binary, "0123456789");
    for (std::size_t n = 0; n < in.size(); ++n) {
        const auto p = m.feed(in.substr(0, n));
        ASSERT_TRUE(p);
        EXPECT_FALSE(p->complete);
        EXPECT_EQ(p->consumed, 0u);
    }
    EXPECT_TRUE(m.feed(in)->complete);
    EXPECT_EQ(m.kind(), opcode::binary);
}

TEST(FirstMessage, RefusesWhatAClientMustNotSend) {
    EXPECT_FALSE(first_message{100}.feed(frame(opcode::text, "x", true, false))); // not masked
    EXPECT_FALSE(first_message{100}.feed(frame(opcode::continuation, "x")));      // continues nothing
    EXPECT_FALSE(first_message{100}.feed(frame(opcode::text, "x", false) + frame(opcode::text, "y")));
    const auto large = first_message{100}.feed(frame(opcode::text, std::string(101, 'x')));
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, errc::too_large);
    first_message pieces{100};
    const auto sum = pieces.feed(frame(opcode::text, std::string(60, 'x'), false) +
                                 frame(opcode::continuation, std::string(60, 'x')));
    ASSERT_FALSE(sum);
    EXPECT_EQ(sum.error().code, errc::too_large);
}

TEST(FirstMessage, RefusesALengthBeforeItsBytesCome) {
    EXPECT_FALSE(first_message{100}.feed("\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00"s
                                         "mask"));
}

} // namespace
} // namespace clawgate::net::websocket
