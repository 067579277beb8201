#include "net/listener_owner.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace clawgate::net {
namespace {

TEST(UserOfConnection, IsWhoeverConnected) {
    asio::io_context io;
    for (const asio::ip::address& address : {asio::ip::make_address("127.0.0.1"), asio::ip::make_address("::1")}) {
        boost::system::error_code none;
        tcp::acceptor a{io};
        a.open(address.is_v6() ? tcp::v6() : tcp::v4(), none);
        if (!none) a.bind({address, 0}, none);
        if (none) continue; // no IPv6 here
        a.listen();
        tcp::socket client{io};
        client.connect(a.local_endpoint());
        const auto accepted = a.accept();
        EXPECT_EQ(user_of_connection(accepted.remote_endpoint(), accepted.local_endpoint()), ::getuid());
        auto nobody = accepted.remote_endpoint();
        nobody.port(static_cast<std::uint16_t>(nobody.port() ^ 1));
        EXPECT_NE(user_of_connection(nobody, accepted.local_endpoint()), std::optional<uid_t>{12345});
        const auto from = accepted.remote_endpoint(), to = accepted.local_endpoint();
        client.close();
        EXPECT_EQ(user_of_connection(from, to), std::nullopt) << "closed";
    }
}

} // namespace
} // namespace clawgate::net
