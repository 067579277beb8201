#include "net/http_probe.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace {

using namespace clawgate;
using namespace std::chrono_literals;

int listen_on_loopback(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd, 4), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port = ntohs(address.sin_port);
    return fd;
}

net::http_probe probe_of(std::uint16_t port) {
    net::http_probe p;
    p.address = "127.0.0.1";
    p.port = port;
    p.path = "/_gateway/healthz";
    return p;
}

// Answers one connection with `bytes` after its head came; `head` is what was asked.
result<int> probe_of_answer(const std::string& bytes, std::string& head, bool tls = false) {
    auto p = probe_of(0);
    p.tls = tls;
    const int listener = listen_on_loopback(p.port);
    std::thread peer{[&] {
        const int fd = ::accept(listener, nullptr, nullptr);
        char buffer[1024];
        const auto n = ::recv(fd, buffer, sizeof buffer, 0);
        if (n > 0) head.assign(buffer, static_cast<std::size_t>(n));
        ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ::close(fd);
    }};
    auto answer = net::probe(p);
    peer.join();
    ::close(listener);
    return answer;
}

TEST(HttpProbe, ReturnsTheStatusOfAnOrdinaryRequest) {
    std::string head;
    EXPECT_EQ(*probe_of_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", head), 200);
    EXPECT_TRUE(head.starts_with("GET /_gateway/healthz HTTP/1.1\r\nHost: 127.0.0.1:")) << head;
    EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
    EXPECT_EQ(*probe_of_answer("HTTP/1.1 503 Service Unavailable\r\n\r\n", head), 503);
}

TEST(HttpProbe, WhatIsNotHttpIsABadUpstream) {
    std::string head;
    for (const auto* bytes : {"", "HTTP/1.1", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 2x0 OK\r\n"})
        EXPECT_EQ(probe_of_answer(bytes, head).error().code, errc::bad_upstream) << bytes;
    EXPECT_EQ(probe_of_answer("HTTP/1.1 400 Bad Request\r\n\r\n", head, true).error().code,
              errc::bad_upstream);
}

TEST(HttpProbe, NobodyListeningIsUnreachable) {
    std::uint16_t port = 0;
    ::close(listen_on_loopback(port));
    EXPECT_EQ(net::probe(probe_of(port)).error().code, errc::unreachable);
}

TEST(HttpProbe, SilenceIsATimeout) {
    auto p = probe_of(0);
    p.timeout = 50ms;
    const int listener = listen_on_loopback(p.port); // the kernel accepts, nobody answers
    EXPECT_EQ(net::probe(p).error().code, errc::timeout);
    ::close(listener);
}

} // namespace
