#pragma once
// What supervisord runs: programs with an environment of their own each, built from allow-lists. Pure.

#include "core/config.hpp"
#include "core/options.hpp"
#include "core/secret.hpp"
#include "pod/layout.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace clawgate::pod {

struct program {
    std::string name; ///< openclaw-agent_1, gateway, ollama
    std::vector<std::string> argv;
    std::vector<std::pair<std::string, std::string>> variables; ///< its whole environment
    std::string settings; ///< file of further variables, read before the user changes
    int max_processes = 0; ///< of its user, threads included; 0 = no limit
    std::vector<std::string> cgroup; ///< files to write 0 into before anything else, to get into a control group
    std::optional<owner> user;
    gid_t group = 0; ///< a supplementary one, or 0; what is left of this user and group is ended before (sweep.hpp)
    std::string directory;
    std::string log;       ///< standard output and error, rotated
    int priority = 0;      ///< low starts first and stops last
    int stop_seconds = 10; ///< from SIGTERM to SIGKILL
};

/// Ollama (or the demo model) if it is supervised, each agent whose backend is on this machine, the gateway.
[[nodiscard]] std::vector<program> programs(const config& c, const layout& l, const environment& process);

/// The command line of a program: a clean environment, then the settings file if any, the limits, the user, the
/// program itself. Each step replaces the one before it, so that the process id and the signals stay the
/// same.
[[nodiscard]] std::vector<std::string> full_command(const program& p);

/// supervisord.conf. `descriptors`: how many open files each program may have. `password`: of whoever commands
/// supervisord; it is in the file.
[[nodiscard]] std::string supervisord_conf(const layout& l, const std::vector<program>& list,
                                           unsigned long descriptors, bool as_root, const secret& password);

/// The gateway's variables as a file for the shell: what the user gave, from an allow-list, secrets included.
[[nodiscard]] std::string gateway_settings(const layout& l, const environment& process);

/// `text` as one word for a POSIX shell, and for supervisord's parser, which reads the same quotes.
[[nodiscard]] std::string quote(std::string_view text);

} // namespace clawgate::pod
