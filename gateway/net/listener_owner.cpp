#include "net/listener_owner.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace clawgate::net {
namespace {

struct diag_request {
    nlmsghdr head{};
    inet_diag_req_v2 body{};
};

asio::ip::address unmapped(const asio::ip::address& a) {
    if (a.is_v6() && a.to_v6().is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, a.to_v6());
    return a;
}

void put_address(const asio::ip::address& a, __be32 (&to)[4]) {
    if (a.is_v6()) {
        const auto bytes = a.to_v6().to_bytes();
        std::memcpy(to, bytes.data(), bytes.size());
    } else {
        const auto bytes = a.to_v4().to_bytes();
        std::memcpy(to, bytes.data(), bytes.size());
    }
}

/// One exact question, about the socket at `local`, instead of a list of all sockets. Without `remote` the kernel looks
/// a listener up as for a connection that comes from nowhere.
diag_request question(const tcp::endpoint& local, const tcp::endpoint* remote = nullptr) {
    diag_request q;
    const auto address = unmapped(local.address());
    q.head.nlmsg_len = sizeof q;
    q.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    q.head.nlmsg_flags = NLM_F_REQUEST;
    q.body.sdiag_family = address.is_v6() ? AF_INET6 : AF_INET;
    q.body.sdiag_protocol = IPPROTO_TCP;
    q.body.idiag_states = ~0u;
    auto& id = q.body.id;
    id.idiag_sport = htons(local.port());
    id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    put_address(address, id.idiag_src);
    if (remote) {
        id.idiag_dport = htons(remote->port());
        put_address(unmapped(remote->address()), id.idiag_dst);
    }
    return q;
}

struct found_socket {
    listener who;
    bool connected = false;
};

found_socket read_answer(const char* bytes, std::size_t size) {
    nlmsghdr head;
    if (size < sizeof head) return {};
    std::memcpy(&head, bytes, sizeof head);
    const char* const payload = bytes + NLMSG_HDRLEN;
    if (head.nlmsg_type == NLMSG_ERROR && size >= NLMSG_HDRLEN + sizeof(nlmsgerr)) {
        nlmsgerr e;
        std::memcpy(&e, payload, sizeof e);
        return {{e.error == -ENOENT ? listener_state::absent : listener_state::unknown, 0}};
    }
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || size < NLMSG_HDRLEN + sizeof(inet_diag_msg)) return {};
    inet_diag_msg m;
    std::memcpy(&m, payload, sizeof m);
    return {{listener_state::owned, m.idiag_uid}, m.idiag_state == TCP_ESTABLISHED};
}

found_socket ask(const diag_request& q) {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return {};
    const timeval limit{1, 0}; // the kernel answers at once; a bound all the same
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    std::array<char, 4096> answer{};
    found_socket found;
    if (::send(fd, &q, sizeof q, 0) == static_cast<ssize_t>(sizeof q))
        if (const auto n = ::recv(fd, answer.data(), answer.size(), 0); n > 0)
            found = read_answer(answer.data(), static_cast<std::size_t>(n));
    ::close(fd);
    return found;
}

} // namespace

listener listener_at(const tcp::endpoint& where) {
    if (!where.address().is_loopback()) return {};
    return ask(question(where)).who;
}

std::optional<uid_t> user_of_connection(const tcp::endpoint& client, const tcp::endpoint& server) {
    const auto found = ask(question(client, &server));
    // One that is being closed has no user any more.
    if (found.who.state != listener_state::owned || !found.connected) return std::nullopt;
    return found.who.uid;
}

} // namespace clawgate::net
