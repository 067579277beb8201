#pragma once
// What an agent could do to others, tried by a program that has exactly the agent's rights. It reads the list of
// attempts as JSON from standard input and writes what became of them to standard output: `clawgate doctor
// --isolation` starts it in the place of an agent.

#include "core/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace clawgate::pod {

enum class attempt_kind {
    read_file,    ///< target: path
    list_folder,  ///< target: path
    write_folder, ///< target: path; makes a file there and removes it again
    connect,      ///< target: port on 127.0.0.1
    call,         ///< target: port; GET with this agent's own token (`extra`: the file that holds it) must be refused
    command_supervisord, ///< target: path of its socket; without the password
    listen,       ///< target: port, shared (SO_REUSEPORT) where the kernel lets it
    signal,       ///< target: process id; signal 0, which does nothing
    read_memory,  ///< target: process id
};

enum class outcome {
    refused,    ///< by what keeps agents apart
    possible,
    not_tested, ///< it failed for another reason, such as a file that is not there: that says nothing
};

struct attempt {
    attempt_kind kind = attempt_kind::read_file;
    std::string target;
    std::string extra;
    std::string what; ///< for people: "read the token of agent_2"
    outcome result = outcome::not_tested;
    std::string detail; ///< why it was refused or not tested, or what was reached
};

[[nodiscard]] std::string to_json(const std::vector<attempt>& list);
/// errc::corrupt for what to_json() did not make.
[[nodiscard]] result<std::vector<attempt>> attempts_from_json(std::string_view text);

/// Tries one and fills in `result` and `detail`. Reads no more than a byte of anything, and changes nothing. A refused
/// connection looks as if nobody listened: only together with why_untestable() does it mean something.
void try_it(attempt& a);

/// Why no agent could do it whatever its rights, or empty: what it is aimed at is not there, or nobody listens. To be
/// asked by a program that is not confined, and that may do it.
[[nodiscard]] std::string why_untestable(const attempt& a);

/// The program: standard input to standard output. Returns an exit status.
[[nodiscard]] int isolation_probe_command();

} // namespace clawgate::pod
