#include "net/relay.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <optional>

namespace clawgate::net {
namespace {

using namespace std::chrono_literals;

class told_to_stop final : public relay_observer {
public:
    void waits_for_source() override {}
    void waits_for_sink() override {}
    bool stopped() const override { return true; }
};

// A request whose answer has come is given up. What was cancelled may have completed a moment before: nothing
// then wakes the relay from its next read but the deadline.
TEST(RelayBody, ThatIsGivenUpDoesNotWaitForTheSender) {
    block_pools pools;
    told_to_stop observer;
    body_relay r;
    std::optional<relay_end> end;
    asio::io_context io;
    acceptor listening{io.get_executor(), tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    socket silent{io.get_executor()}, to{io.get_executor()};
    silent.connect(listening.local_endpoint());
    stream from{listening.accept()};
    to.connect(listening.local_endpoint());
    r.pools = &pools;
    r.observer = &observer;
    r.decoder.start(body_kind::length, 100);
    r.encoder.start(body_kind::length);
    auto done = [&end](std::exception_ptr, relay_end e) { end = std::move(e); };
    asio::co_spawn(io, relay_body(from, to, r), std::move(done));
    io.run_for(2s);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->outcome, relay_outcome::source_failed);
    EXPECT_EQ(end->code, errc::canceled);
}

} // namespace
} // namespace clawgate::net
