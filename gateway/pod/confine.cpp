#include "pod/confine.hpp"

#include "pod/become.hpp"
#include "pod/descriptor.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iostream>

namespace clawgate::pod {
namespace {

// Of linux/landlock.h, whose copy in Debian 12 is older than what kernels offer.
struct ruleset_attributes {
    std::uint64_t handled_access_fs = 0;
    std::uint64_t handled_access_net = 0; // since version 4
    std::uint64_t scoped = 0;             // since version 6
};
struct path_rule {
    std::uint64_t allowed_access = 0;
    std::int32_t parent_fd = -1;
} __attribute__((packed));
struct port_rule {
    std::uint64_t allowed_access = 0;
    std::uint64_t port = 0;
};
constexpr int rule_path = 1;
constexpr int rule_port = 2;
constexpr unsigned ask_version = 1;

// Rights over files by version: 1 has bits 0–12, 2 adds moving between folders, 3 truncating, 5 device ioctls.
constexpr std::uint64_t all_file_rights(int version) {
    std::uint64_t rights = (1ull << 13) - 1;
    if (version >= 2) rights |= 1ull << 13;
    if (version >= 3) rights |= 1ull << 14;
    if (version >= 5) rights |= 1ull << 15;
    return rights;
}
/// Of these, the ones that a file can have, which is no folder: execute, write, read, truncate, ioctl.
constexpr std::uint64_t rights_of_a_file = 0b111u | 1ull << 14 | 1ull << 15;
/// Execute, read files, list folders.
constexpr std::uint64_t rights_to_read = 1u << 0 | 1u << 2 | 1u << 3;
constexpr std::uint64_t bind_tcp = 1u << 0;
constexpr std::uint64_t connect_tcp = 1u << 1;
constexpr std::uint64_t scope_abstract_sockets = 1u << 0;
constexpr std::uint64_t scope_signals = 1u << 1;

error failure(const std::string& doing) {
    return error{errc::io, fault::gateway, retry::never, doing + ": " + std::strerror(errno)};
}

bool is_or_holds(const std::string& folder, const std::string& path) {
    return path == folder || (path.starts_with(folder) && (folder == "/" || path[folder.size()] == '/'));
}

result<void> allow_path(int rules, const std::string& path, std::uint64_t rights) {
    // Not through a link: it may lead to what is hidden, and what it leads to has a rule of its own.
    const descriptor at{::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (at.get() < 0) return {}; // it went meanwhile, or this user may not come near it
    struct stat about {};
    if (::fstat(at.get(), &about) != 0 || S_ISLNK(about.st_mode)) return {};
    path_rule rule;
    rule.allowed_access = S_ISDIR(about.st_mode) ? rights : rights & rights_of_a_file;
    rule.parent_fd = at.get();
    if (::syscall(SYS_landlock_add_rule, rules, rule_path, &rule, 0) != 0) return failure("allow " + path);
    return {};
}

/// Without links in them: rules hold for the folders themselves, whatever way leads there.
std::vector<std::string> resolved(const std::vector<std::string>& paths) {
    std::vector<std::string> out;
    for (const auto& path : paths) {
        std::error_code ec;
        const auto real = std::filesystem::weakly_canonical(path, ec);
        out.push_back(ec ? path : real.string());
    }
    return out;
}

result<void> allow_files(int rules, const confinement& c, std::uint64_t rights) {
    const auto hidden = resolved(c.hidden);
    const auto read_only = resolved(c.read_only);
    auto closed = hidden;
    closed.insert(closed.end(), read_only.begin(), read_only.end());
    auto open = everything_but("/", closed);
    const auto kept = resolved(c.kept);
    for (const auto& path : kept)
        ::mkdir(path.c_str(), 0700); // what is there stays as it is
    open.insert(open.end(), kept.begin(), kept.end());
    for (const auto& path : open)
        if (auto r = allow_path(rules, path, rights); !r) return r;
    for (const auto& folder : read_only) {
        const auto holds = [&folder](const std::string& h) { return is_or_holds(h, folder); };
        if (std::any_of(hidden.begin(), hidden.end(), holds)) continue;
        for (const auto& path : everything_but(folder, hidden))
            if (auto r = allow_path(rules, path, rights_to_read); !r) return r;
    }
    return {};
}

/// Port by port: the interface knows no ranges. It takes some tens of milliseconds.
result<void> allow_ports(int rules, const std::vector<port_range>& forbidden, std::uint64_t right) {
    for (const auto& range : ports_but(forbidden))
        for (std::uint32_t port = range.first; port <= range.last; ++port) {
            const port_rule rule{right, port};
            if (::syscall(SYS_landlock_add_rule, rules, rule_port, &rule, 0) != 0)
                return failure("allow port " + std::to_string(port));
        }
    return {};
}

/// Root without capabilities is a user like any other: it may not look into others' memory, which CAP_PERFMON would
/// allow past Landlock. What cannot be dropped was not there.
void drop_capabilities() {
    for (int capability = 0; capability < 64; ++capability)
        ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); // also for what it will start
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    ::syscall(SYS_capset, &head, none.data());
}

ruleset_attributes wanted_rules(const confinement& c, confine_support can) {
    ruleset_attributes a;
    if (can.files() && !(c.hidden.empty() && c.read_only.empty())) a.handled_access_fs = all_file_rights(can.version);
    if (can.tcp() && !c.no_bind.empty()) a.handled_access_net |= bind_tcp;
    if (can.tcp() && !c.no_connect.empty()) a.handled_access_net |= connect_tcp;
    if (can.scopes()) a.scoped = scope_abstract_sockets | scope_signals;
    return a;
}

std::vector<std::string> what_is_missing(const confinement& c, confine_support can) {
    std::vector<std::string> missing;
    if (!can.files() && !c.hidden.empty()) missing.emplace_back("files of others are not hidden");
    if (!can.tcp() && !(c.no_connect.empty() && c.no_bind.empty()))
        missing.emplace_back("ports of others are not closed");
    if (!can.scopes()) missing.emplace_back("processes of the same user can be signalled");
    return missing;
}

} // namespace

confine_support confine_support_here() noexcept {
    const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version);
    return {version > 0 ? static_cast<int>(version) : 0};
}

std::vector<port_range> ports_but(std::vector<port_range> ranges) {
    std::sort(ranges.begin(), ranges.end(), [](auto& a, auto& b) { return a.first < b.first; });
    std::vector<port_range> out;
    std::uint32_t next = 0; // the first port that no range seen so far has
    for (const auto& r : ranges) {
        if (r.first > next)
            out.push_back({static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(r.first - 1)});
        next = std::max<std::uint32_t>(next, r.last + 1u);
    }
    if (next <= 65535) out.push_back({static_cast<std::uint16_t>(next), 65535});
    return out;
}

std::vector<std::string> everything_but(const std::string& root, const std::vector<std::string>& hidden) {
    const auto holds_hidden = [&hidden](const std::string& path) {
        return std::any_of(hidden.begin(), hidden.end(), [&](auto& h) { return is_or_holds(path, h); });
    };
    if (!holds_hidden(root)) return {root};
    std::vector<std::string> out;
    std::error_code ec;
    for (std::filesystem::directory_iterator it{root, ec}, end; !ec && it != end; it.increment(ec)) {
        const auto path = it->path().string();
        if (std::find(hidden.begin(), hidden.end(), path) != hidden.end()) continue;
        const auto below = everything_but(path, hidden);
        out.insert(out.end(), below.begin(), below.end());
    }
    return out;
}

result<std::vector<std::string>> confine_this_process(const confinement& c) {
    const auto can = confine_support_here();
    auto missing = what_is_missing(c, can);
    const auto attributes = wanted_rules(c, can);
    drop_capabilities();
    if (attributes.handled_access_fs == 0 && attributes.handled_access_net == 0 && attributes.scoped == 0)
        return missing;
    // An older kernel knows a shorter structure.
    const std::size_t size = can.scopes() ? 24 : can.tcp() ? 16 : 8;
    const descriptor rules{static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0))};
    if (rules.get() < 0) return failure("landlock_create_ruleset");
    if (attributes.handled_access_fs != 0)
        if (auto r = allow_files(rules.get(), c, attributes.handled_access_fs); !r) return r.error();
    if ((attributes.handled_access_net & connect_tcp) != 0)
        if (auto r = allow_ports(rules.get(), c.no_connect, connect_tcp); !r) return r.error();
    if ((attributes.handled_access_net & bind_tcp) != 0)
        if (auto r = allow_ports(rules.get(), c.no_bind, bind_tcp); !r) return r.error();
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failure("no_new_privs");
    if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) return failure("landlock_restrict_self");
    return missing;
}

int confine_and_run(const confinement& c, const std::vector<std::string>& command) {
    const auto done = confine_this_process(c);
    if (!done) std::cerr << "clawgate confine: " << done.error().detail << "; going on without it\n";
    if (done)
        for (const auto& m : *done)
            std::cerr << "clawgate confine: " << m << ": this kernel cannot do it\n";
    return become_program("clawgate confine", command);
}

result<port_range> parse_port_range(const std::string& text) {
    const auto wrong = [&text] {
        return error{errc::bad_request, fault::client, retry::never,
                     "\"" + text + "\" is neither a port nor a range such as 20000-20119"};
    };
    const auto dash = text.find('-');
    const auto number = [](std::string_view digits, std::uint16_t& to) {
        const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), to);
        return ec == std::errc{} && !digits.empty() && end == digits.data() + digits.size();
    };
    port_range r;
    const std::string_view whole{text};
    if (!number(whole.substr(0, dash), r.first)) return wrong();
    r.last = r.first;
    if (dash != text.npos && (!number(whole.substr(dash + 1), r.last) || r.last < r.first)) return wrong();
    return r;
}

} // namespace clawgate::pod
