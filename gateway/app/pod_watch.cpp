#include "app/pod_watch.hpp"

#include "core/log.hpp"
#include "core/processes.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace clawgate::app {
namespace {

constexpr auto pause_between_looks = std::chrono::seconds{5};
constexpr std::uint64_t mebibyte = 1u << 20;

std::string program_of(const std::string& agent) {
    return "openclaw-" + agent;
}

std::optional<uid_t> owner_of(const std::string& path) {
    struct stat about {};
    if (::lstat(path.c_str(), &about) != 0) return std::nullopt;
    return about.st_uid;
}

} // namespace

struct pod_watch::impl {
    impl(const config& c, pod_facts f, supervisor_access at)
        : options{c}
        , facts{std::move(f)}
        , supervisor{std::move(at)}
        , observer{static_cast<std::uint64_t>(c.agent_memory_mb) * mebibyte}
        , pause{io.get_executor()} {
        auto first = std::make_shared<pod_status>();
        first->facts = facts;
        latest = std::move(first);
    }

    net::awaitable<void> run();
    net::awaitable<void> look();
    net::awaitable<void> restart(std::string program);
    std::uint64_t memory_of(const std::string& agent, int pid, const std::vector<process_entry>& all) const;
    void publish(std::shared_ptr<pod_status> s) {
        const std::scoped_lock lock{mutex};
        latest = std::move(s);
    }

    const config& options;
    pod_facts facts;
    supervisor_access supervisor;
    pod_observer observer;
    net::asio::io_context io{1};
    net::timer pause;
    std::thread thread;
    mutable std::mutex mutex; // held for the copy of a pointer
    std::shared_ptr<const pod_status> latest;
    bool complained = false;
};

/// By its user where it has one of its own: what an agent starts may leave its parent.
std::uint64_t pod_watch::impl::memory_of(const std::string& agent, int pid,
                                         const std::vector<process_entry>& all) const {
    if (!facts.separate_users) return memory_of_tree(all, pid);
    const auto uid = owner_of(options.workspace + "/agents/" + agent);
    return uid ? memory_of_user(all, *uid) : 0;
}

net::awaitable<void> pod_watch::impl::look() {
    auto programs = co_await list_programs(io.get_executor(), supervisor);
    auto s = std::make_shared<pod_status>();
    s->facts = facts;
    if (!programs) {
        if (!std::exchange(complained, true))
            log::event(log_level::warn, "supervisord cannot be asked what runs",
                       {{"why", std::string_view{programs.error().detail}}});
        s->events.assign(observer.events().begin(), observer.events().end());
        publish(std::move(s));
        co_return;
    }
    complained = false;
    const auto processes = read_processes();
    std::map<std::string, std::uint64_t> memory;
    for (const auto& agent : facts.supervised_agents) {
        const auto found = std::find_if(programs->begin(), programs->end(),
                                        [&](const program_info& p) { return p.name == program_of(agent); });
        if (found == programs->end() || found->pid == 0) continue;
        memory[found->name] = memory_of(agent, found->pid, processes);
        s->agents.push_back({agent, *found, memory[found->name]});
    }
    const auto seen = observer.look(*programs, memory, wall_clock::now());
    for (const auto& e : seen.news)
        log::event(log_level::warn, "a program of the pod",
                   {{"program", std::string_view{e.program}}, {"what", std::string_view{e.what}}});
    s->supervised = true;
    s->programs = std::move(*programs);
    s->events.assign(observer.events().begin(), observer.events().end());
    publish(std::move(s));
    for (const auto& program : seen.too_large)
        co_await restart(program);
}

net::awaitable<void> pod_watch::impl::restart(std::string program) {
    log::event(log_level::warn, "an agent takes more memory than CLAWGATE_AGENT_MEMORY_MB; restarting it",
               {{"program", std::string_view{program}}, {"limit_mb", std::int64_t{options.agent_memory_mb}}});
    auto done = co_await restart_program(io.get_executor(), supervisor, program);
    if (!done)
        log::event(log_level::error, "it could not be restarted", {{"why", std::string_view{done.error().detail}}});
}

net::awaitable<void> pod_watch::impl::run() {
    for (;;) {
        try {
            co_await look();
        } catch (const std::exception& e) { // out of memory, say: the next look may succeed
            log::event(log_level::error, "a look at the pod failed", {{"what", e.what()}});
        }
        pause.expires_after(pause_between_looks);
        auto waited = co_await pause.async_wait(net::tok);
        static_cast<void>(waited);
    }
}

pod_watch::pod_watch(const config& c, pod_facts facts, supervisor_access supervisor)
    : impl_{std::make_unique<impl>(c, std::move(facts), std::move(supervisor))} {}

pod_watch::~pod_watch() {
    impl_->io.stop();
    if (impl_->thread.joinable()) impl_->thread.join();
}

void pod_watch::start() {
    auto& i = *impl_;
    if (i.supervisor.empty()) return;
    net::asio::co_spawn(i.io, i.run(), net::asio::detached);
    i.thread = std::thread{[&i] { i.io.run(); }};
}

std::shared_ptr<const pod_status> pod_watch::status() const {
    const std::scoped_lock lock{impl_->mutex};
    return impl_->latest;
}

} // namespace clawgate::app
