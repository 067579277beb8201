#include "pod/agent_places.hpp"

#include "pod/prepare.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace clawgate::pod {
namespace {

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

bool is_folder(const std::string& path) {
    struct stat st {};
    return ::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// As check_agent_prefix and the number after it allow.
bool is_agent_name(const std::string& name) {
    return !name.empty() && name.size() <= 32 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
               name.npos;
}

} // namespace

layout plain_layout(const config& c) {
    layout l;
    l.workspace = std::filesystem::absolute(c.workspace).lexically_normal().string();
    if (l.workspace.size() > 1 && l.workspace.back() == '/') l.workspace.pop_back();
    l.run_dir = default_run_dir(l.workspace);
    l.local_state = local_state_dir(c, l.workspace);
    return l;
}

agent_places places_of(const layout& l, const std::string& name) {
    agent_places p;
    const auto home = l.workspace + "/agents/" + name;
    p.copies = {name, l.local_state + "/" + name, home};
    p.is_local = is_folder(p.copies.local + "/" + state_name);
    p.state = (p.is_local ? p.copies.local : home) + "/" + state_name;
    p.work = home + "/workspace";
    return p;
}

result<agent_places> find_agent(const config& c, const layout& l, const std::string& name) {
    const auto full = is_number(name) ? c.agent_prefix + "_" + name : name;
    if (!is_agent_name(full))
        return error{errc::bad_request, fault::client, retry::never,
                     "'" + printable(name) + "' is not the name of an agent; an agent is called " +
                         c.agent_prefix + "_1, " + c.agent_prefix + "_2 …"};
    auto p = places_of(l, full);
    if (!is_folder(p.copies.volume))
        return error{errc::not_found, fault::client, retry::never,
                     "there is no agent " + full + " in " + l.workspace + "/agents"};
    return p;
}

result<descriptor> lock_states(const std::string& local_state) {
    const auto path = local_state + "/.lock";
    descriptor fd{::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd) return system_error("open", path);
    while (::flock(fd.get(), LOCK_EX) != 0)
        if (errno != EINTR) return system_error("lock", path);
    return fd;
}

} // namespace clawgate::pod
