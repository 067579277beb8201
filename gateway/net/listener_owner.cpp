#include "net/listener_owner.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
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

/// One exact question instead of a list of all sockets. The kernel looks a listener up as for a connection that
/// comes from nowhere.
diag_request question(const tcp::endpoint& where) {
    diag_request q;
    q.head.nlmsg_len = sizeof q;
    q.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    q.head.nlmsg_flags = NLM_F_REQUEST;
    q.body.sdiag_family = where.address().is_v6() ? AF_INET6 : AF_INET;
    q.body.sdiag_protocol = IPPROTO_TCP;
    q.body.idiag_states = ~0u;
    auto& id = q.body.id;
    id.idiag_sport = htons(where.port());
    id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    if (where.address().is_v6()) {
        const auto bytes = where.address().to_v6().to_bytes();
        std::memcpy(id.idiag_src, bytes.data(), bytes.size());
    } else {
        const auto bytes = where.address().to_v4().to_bytes();
        std::memcpy(id.idiag_src, bytes.data(), bytes.size());
    }
    return q;
}

listener read_answer(const char* bytes, std::size_t size) {
    nlmsghdr head;
    if (size < sizeof head) return {};
    std::memcpy(&head, bytes, sizeof head);
    const char* const payload = bytes + NLMSG_HDRLEN;
    if (head.nlmsg_type == NLMSG_ERROR && size >= NLMSG_HDRLEN + sizeof(nlmsgerr)) {
        nlmsgerr e;
        std::memcpy(&e, payload, sizeof e);
        return {e.error == -ENOENT ? listener_state::absent : listener_state::unknown, 0};
    }
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || size < NLMSG_HDRLEN + sizeof(inet_diag_msg)) return {};
    inet_diag_msg m;
    std::memcpy(&m, payload, sizeof m);
    return {listener_state::owned, m.idiag_uid};
}

} // namespace

listener listener_at(const tcp::endpoint& where) {
    if (!where.address().is_loopback()) return {};
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return {};
    const timeval limit{1, 0}; // the kernel answers at once; a bound all the same
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const auto q = question(where);
    std::array<char, 4096> answer{};
    listener found;
    if (::send(fd, &q, sizeof q, 0) == static_cast<ssize_t>(sizeof q))
        if (const auto n = ::recv(fd, answer.data(), answer.size(), 0); n > 0)
            found = read_answer(answer.data(), static_cast<std::size_t>(n));
    ::close(fd);
    return found;
}

} // namespace clawgate::net
