#pragma once
// The isolation of a running pod, tested from inside: what each agent could do to the others, to Ollama, to
// supervisord and to the gateway.

#include "core/config.hpp"
#include "core/options.hpp"
#include "core/pod_facts.hpp"
#include "pod/isolation_probe.hpp"
#include "pod/layout.hpp"

#include <optional>
#include <string>
#include <vector>

namespace clawgate::pod {

/// Process ids of what runs, where they are known.
struct running_programs {
    std::optional<int> gateway;
    std::vector<std::pair<std::string, int>> agents; ///< by the agent's name
    [[nodiscard]] std::optional<int> pid_of(const std::string& agent) const;
};

/// Everything that `a` must not be able to do, also with what does not run. Pure.
[[nodiscard]] std::vector<attempt> attempts_of(const config& c, const agent_options& a, const layout& l,
                                               const running_programs& running);

/// Tries it all as that agent: same user, same environment, same confinement. Looks first, as who calls it, what is
/// there to be tried. errc::io when the probe cannot be
/// started or does not answer.
[[nodiscard]] result<std::vector<attempt>> try_as(const config& c, const agent_options& a, const layout& l,
                                                  const running_programs& running, const environment& process);

/// What was not possible counts as not tested where there is a reason (why_untestable(), by place) why nobody could have
/// done it. Pure.
void leave_out_untestable(std::vector<attempt>& tried, const std::vector<std::string>& reasons);

[[nodiscard]] long count(const std::vector<attempt>& tried, outcome o);

/// One line each, those that were possible or not tested marked, and how many there are of each. Pure.
[[nodiscard]] std::string isolation_report(const agent_options& a, const layout& l,
                                           const std::vector<attempt>& tried);

} // namespace clawgate::pod
