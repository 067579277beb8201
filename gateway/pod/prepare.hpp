#pragma once
// `clawgate prepare`: makes the workspace, fresh service tokens, each agent's openclaw.json and
// supervisord.conf. Run again it converges: what belongs to the user (the agents' own settings, memories,
// models) stays.

#include "core/config.hpp"

#include <string>

namespace clawgate::pod {

/// What cannot be known from the environment variables. Everything may be left empty.
struct prepare_options {
    bool demo = false; ///< the bundled demo model answers: `ollama` names fake_ollama, and every page says so
    std::string clawgate; ///< program to supervise as "gateway"; empty = this very executable
    std::string node;     ///< Node 24 or newer; empty = `node` on PATH
    std::string openclaw; ///< openclaw.mjs of the OpenClaw package; empty = found from `openclaw` on PATH
    std::string ollama;   ///< program to supervise as "ollama"; empty = none, an Ollama runs already
    std::string run_dir;  ///< supervisord.conf, sockets, temporary files; empty = default_run_dir()
    bool single_user =
        false; ///< run every program as the user of supervisord even when root could separate them
    bool no_packet_filter = false; ///< leave the system's nftables alone
    bool no_cgroups = false;       ///< make no control groups
};

/// /run/clawgate for root, otherwise below the user's runtime directory; with a suffix of its own for every
/// workspace but /workspace, so that two pods on one machine do not meet.
[[nodiscard]] std::string default_run_dir(const std::string& workspace);

/// Does it all and prints what it did. Returns the exit status: 0, 71 (EX_OSERR) when the workspace cannot be
/// made or written, 78 (EX_CONFIG) when OpenClaw or Node cannot be found.
[[nodiscard]] int prepare_command(const config& c, const prepare_options& options);

} // namespace clawgate::pod
