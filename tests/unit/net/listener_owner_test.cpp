#include "net/listener_owner.hpp"

#include "net/upstream_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

namespace clawgate::net {
namespace {

TEST(ListenerOwner, IsTheUserOfWhoeverListens) {
    asio::io_context io;
    for (const auto& host : {asio::ip::make_address("127.0.0.1"), asio::ip::make_address("::1")}) {
        acceptor a{io.get_executor(), tcp::endpoint{host, 0}};
        const auto found = listener_at(a.local_endpoint());
        ASSERT_EQ(found.state, listener_state::owned) << host;
        EXPECT_EQ(found.uid, ::geteuid());
        const auto where = a.local_endpoint();
        a.close();
        EXPECT_EQ(listener_at(where).state, listener_state::absent) << host;
    }
}

TEST(ListenerOwner, OnEveryInterfaceIsFoundToo) {
    asio::io_context io;
    acceptor a{io.get_executor(), tcp::endpoint{asio::ip::address_v4::any(), 0}};
    const tcp::endpoint loopback{asio::ip::address_v4::loopback(), a.local_endpoint().port()};
    EXPECT_EQ(listener_at(loopback).state, listener_state::owned);
}

TEST(ListenerOwner, OfAnotherMachineIsUnknown) {
    EXPECT_EQ(listener_at({asio::ip::make_address("10.0.0.7"), 80}).state, listener_state::unknown);
}

result<void> connects(backend_rule rule) {
    asio::io_context io;
    acceptor a{io.get_executor(), tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    upstream_pool pool{io.get_executor(), {a.local_endpoint()}, std::move(rule)};
    socket* current = nullptr;
    result<void> outcome = error{errc::io};
    asio::co_spawn(
        io, pool.connect(current), [&outcome](std::exception_ptr, result<std::unique_ptr<socket>> made) {
            outcome = made ? result<void>{} : result<void>{made.error()};
        });
    io.run();
    return outcome;
}

TEST(UpstreamPool, RefusesABackendOfAnotherUser) {
    EXPECT_TRUE(connects({}));
    EXPECT_TRUE(connects([](uid_t uid) { return uid == ::geteuid(); }));
    const auto refused = connects([](uid_t uid) { return uid != ::geteuid(); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::unreachable);
    EXPECT_NE(refused.error().detail.find("another user"), std::string::npos);
}

} // namespace
} // namespace clawgate::net
