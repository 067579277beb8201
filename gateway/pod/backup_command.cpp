#include "pod/agent_places.hpp"
#include "pod/agent_processes.hpp"
#include "pod/backup.hpp"
#include "pod/progress.hpp"
#include "pod/run_as.hpp"
#include "pod/volume.hpp"

#include "core/file.hpp"
#include "core/secret.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>

namespace clawgate::pod {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_failure = 1;
constexpr int exit_usage = 64;
constexpr int exit_data = 65;     // EX_DATAERR
constexpr int exit_no_input = 66; // EX_NOINPUT
constexpr int exit_os = 71;       // EX_OSERR

constexpr std::chrono::seconds no_limit{7 * 24 * 3600};

int complain(std::string_view command, const std::string& why, int status) {
    std::cerr << "clawgate " << command << ": " << why << '\n';
    return status;
}

int status_of(const error& e) {
    switch (e.code) {
    case errc::bad_request: return exit_usage;
    case errc::corrupt: return exit_data;
    default: return e.whose == fault::client ? exit_usage : exit_os;
    }
}

std::string current_token(const std::string& state) {
    const auto text = read_file(state + "/token", 4096);
    return text ? text->substr(0, text->find('\n')) : std::string{};
}

// The new name appears whole, and never in place of a file that exists.
result<void> name_file(const std::string& temporary, const std::string& path) {
    if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno == EINVAL || errno == ENOSYS) { // not every file system knows it
        if (::access(path.c_str(), F_OK) != 0 && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
        errno = EEXIST;
    }
    return system_error("make", path);
}

// One line for each thing to tell; "files bytes" first.
std::string summary(const manifest& m) {
    std::string out = std::to_string(m.files()) + " " + std::to_string(m.bytes()) + "\n";
    for (const auto& each : m.remarks)
        out += each + "\n";
    return out;
}

result<std::string> write_as_owner(int fd, const agent_places& p, bool without_secrets) {
    return run_as(owner_of(p.state), no_limit, [&]() -> result<std::string> {
        progress bar{"backup of " + p.copies.agent, size_of_tree(p.state) + size_of_tree(p.work)};
        backup_sources from;
        from.agent = p.copies.agent;
        from.state = p.state;
        from.work = p.work;
        from.token = current_token(p.state);
        from.without_secrets = without_secrets;
        from.on_progress = [&](std::uint64_t bytes) { bar.add(bytes); };
        const auto list = write_backup(fd, from);
        if (!list) return list.error();
        return summary(*list);
    });
}

bool answers(const agent_options& a) {
    const descriptor s{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(a.backend_port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return s && ::connect(s.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}

// Why the agent counts as running, or nothing.
std::string running(const config& c, const agent_places& p) {
    if (const auto found = agent_processes(p.state); !found.empty())
        return "process " + std::to_string(found.front()) + " works on " + p.state;
    for (const auto& a : c.agents)
        if (a.name == p.copies.agent && is_supervised(a) && answers(a))
            return "its port " + std::to_string(a.backend_port) + " answers";
    return {};
}

result<std::string> restore_as_owner(int fd, const agent_places& p, std::uint64_t size) {
    return run_as(owner_of(p.copies.volume), no_limit, [&]() -> result<std::string> {
        // The compressed file's size stands for the whole: about half of it.
        progress bar{"restoring " + p.copies.agent, size * 2};
        restore_places to;
        to.state = p.state;
        to.work = p.work;
        to.on_progress = [&](std::uint64_t bytes) { bar.add(bytes); };
        const auto done = restore_backup(fd, to);
        if (!done) return done.error();
        std::string out = done->list.agent + " " + done->list.created + " " +
                          std::to_string(done->list.files()) + " " + std::to_string(done->list.bytes()) +
                          "\n";
        for (const auto& each : done->aside)
            out += each + "\n";
        return out;
    });
}

void tell_restored(const agent_places& p, const std::string& text) {
    std::istringstream lines{text};
    std::string from;
    std::string created;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    lines >> from >> created >> files >> bytes;
    std::cout << p.copies.agent << " restored from the backup of " << printable(from) << " of "
              << printable(created) << ": " << files << " files, " << spell_bytes(bytes)
              << ", all verified\n";
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line))
        std::cout << "what was there before is kept in " << line << '\n';
    if (from != p.copies.agent || current_token(p.state).empty())
        std::cout << "Start the pod again (or run `clawgate prepare`) before the agent starts: its port, "
                     "origins and "
                     "token are set then.\n";
    else
        std::cout << "Start the agent again: supervisorctl start openclaw-" << p.copies.agent << '\n';
}

} // namespace

int backup_command(const config& c, const backup_options& options) {
    const auto p = find_agent(c, plain_layout(c), options.agent);
    if (!p) return complain("backup", p.error().detail, exit_usage);
    const auto path =
        options.output.empty() ? p->copies.agent + "-" + time_stamp() + ".tar.zst" : options.output;
    if (::access(path.c_str(), F_OK) == 0)
        return complain("backup", path + " exists already; it is not written over", exit_usage);
    const auto temporary = path + ".partial-" + random_token(6);
    const descriptor fd{::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd) return complain("backup", system_error("make", temporary).detail, exit_os);
    auto text = write_as_owner(fd.get(), *p, options.without_secrets);
    if (text)
        if (auto r = name_file(temporary, path); !r) text = r.error();
    if (!text) {
        ::unlink(temporary.c_str());
        return complain("backup", text.error().detail, status_of(text.error()));
    }
    std::istringstream lines{*text};
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    lines >> files >> bytes;
    struct stat st {};
    ::fstat(fd.get(), &st);
    std::cout << path << ": " << files << " files, " << spell_bytes(bytes) << " ("
              << spell_bytes(static_cast<std::uint64_t>(st.st_size)) << " compressed), verified"
              << (options.without_secrets ? ", without secrets" : "") << '\n';
    if (!options.without_secrets)
        std::cout << "It holds the agent's credentials and pairings (not the service token): keep it where "
                     "only you can "
                     "read it, or use --without-secrets.\n";
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line))
        std::cerr << "note: " << line << '\n';
    return exit_ok;
}

int restore_command(const config& c, const restore_options& options) {
    const auto l = plain_layout(c);
    const auto p = find_agent(c, l, options.agent);
    if (!p)
        return complain("restore",
                        p.error().detail +
                            (p.error().code == errc::not_found ? " (`clawgate prepare` makes it)" : ""),
                        exit_usage);
    const descriptor fd{::open(options.file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) {
        const auto why = system_error("open", options.file);
        return complain("restore", why.detail, why.code == errc::not_found ? exit_no_input : exit_os);
    }
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
        return complain("restore", options.file + " is not a file", exit_usage);
    if (const auto why = running(c, *p); !why.empty()) {
        const auto hint = p->copies.agent + " runs (" + why + ")";
        if (!options.force)
            return complain("restore",
                            hint + ". Stop it first: supervisorctl stop openclaw-" + p->copies.agent +
                                " (or --force: it then goes on with its old files until it is restarted)",
                            exit_failure);
        std::cerr << "warning: " << hint << ": it goes on with its old files until it is restarted\n";
    }
    descriptor alone;
    if (std::filesystem::is_directory(l.local_state)) {
        auto lock = lock_states(l.local_state);
        if (!lock) return complain("restore", lock.error().detail, exit_os);
        alone = std::move(*lock);
    }
    const auto text = restore_as_owner(fd.get(), *p, static_cast<std::uint64_t>(st.st_size));
    if (!text)
        return complain("restore", options.file + ": " + text.error().detail + ". Nothing was changed",
                        status_of(text.error()));
    tell_restored(*p, *text);
    return exit_ok;
}

} // namespace clawgate::pod
