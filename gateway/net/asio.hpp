#pragma once
// The Asio vocabulary of the program: one executor type without type erasure, and one completion token.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

namespace clawgate::net {

namespace asio = boost::asio;
using boost::system::error_code;

/// Every object of a worker lives on its io_context, which one thread runs: no strands, no locks.
using executor = asio::io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, executor>;

using tcp = asio::ip::tcp;
using socket = asio::basic_stream_socket<tcp, executor>;
using acceptor = asio::basic_socket_acceptor<tcp, executor>;
using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

/// `auto [ec, n] = co_await s.async_read_some(b, tok);`
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<executor>> tok{};

} // namespace clawgate::net
