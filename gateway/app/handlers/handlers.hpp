#pragma once
// What the routes of routes.cpp do. Each sets exchange::answer.

#include "app/exchange.hpp"
#include "net/asio.hpp"

namespace clawgate::app {

struct worker;

net::awaitable<void> show_login(worker&, exchange&);
net::awaitable<void> do_login(worker&, exchange&);
net::awaitable<void> do_logout(worker&, exchange&);
net::awaitable<void> redeem_ticket(worker&, exchange&);

net::awaitable<void> show_health(worker&, exchange&);
net::awaitable<void> show_readiness(worker&, exchange&);
net::awaitable<void> answer_ping(worker&, exchange&);

net::awaitable<void> show_status(worker&, exchange&);
net::awaitable<void> show_fleet(worker&, exchange&);
net::awaitable<void> open_agent(worker&, exchange&);

} // namespace clawgate::app
