#include "core/options.hpp"

#include <algorithm>

namespace clawgate {
namespace {

constexpr std::string_view documented_in = "docs/configuration.md";

// A table cell: '|' would end it.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

std::string code(std::string_view text) {
    return text.empty() ? "" : '`' + cell(text) + '`';
}

void add_row(std::string& out, const option& o) {
    const std::string shown_default{o.default_value};
    out += "| " + code(o.name) + (o.per_agent ? " ¹" : "") + " | " + code(shown_default) + " | " +
           cell(o.type) + (o.range.empty() ? "" : ", " + cell(o.range)) + " | " + cell(o.help) + " |\n";
}

constexpr std::string_view introduction =
    "# Configuration\n"
    "\n"
    "<!-- Generated from the option table by `clawgate check --markdown`. Edit "
    "gateway/core/options_table.cpp, not\n"
    "     this file; a test fails when the two differ. -->\n"
    "\n"
    "Clawgate is configured by environment variables alone. All are read and checked at start. If any of "
    "them is\n"
    "wrong, the program prints one message that lists every mistake and ends with status 78. `clawgate "
    "check` does\n"
    "the same without starting anything, and prints the values in effect, with secrets masked.\n"
    "\n"
    "- A variable whose value is empty counts as not set.\n"
    "- The same variables may stand in the environment file, `CLAWGATE_ENV_FILE` (by default\n"
    "  `/workspace/.clawgate/env`), one `NAME=value` a line. What stands there wins over the environment. "
    "Values may\n"
    "  be put in single quotes (nothing in them is special) or in double quotes (`\\\"`, `\\\\`, `\\$` and "
    "`` \\` ``\n"
    "  are escapes); lines that begin with `#` are comments.\n"
    "- Where a value is true or false, `true`, `1`, `yes` and `on`, or `false`, `0`, `no` and `off`, all "
    "do.\n"
    "- An unknown name that begins with `CLAWGATE_` or `OPENCLAW_AGENT_` is a mistake. Unknown names that "
    "begin with\n"
    "  `OPENCLAW_` or `OLLAMA_` are reported and ignored: other programs have such variables.\n"
    "- One variable is required: `OPENCLAW_WEB_PASSWORD`, or `CLAWGATE_PASSWORD_HASH` in its place.\n";

constexpr std::string_view overrides_text =
    "\n"
    "## For one agent only\n"
    "\n"
    "¹ These variables can be given for one agent: `OPENCLAW_AGENT_<n>_<NAME>`, where `<n>` is the agent's "
    "number and\n"
    "`<NAME>` the variable's name without `OPENCLAW_`. For instance `OPENCLAW_AGENT_2_TEMPERATURE=0.2` makes "
    "agent 2\n"
    "more predictable, and `OPENCLAW_AGENT_2_WEB_PASSWORD` gives it a password of its own.\n"
    "\n"
    "What would reload a model that agents share cannot be overridden. Agents may use different models; "
    "where\n"
    "`OLLAMA_MAX_LOADED_MODELS` is set, no more of them than that.\n"
    "\n";

constexpr std::string_view runpod_text =
    "\n"
    "## Read from RunPod\n"
    "\n"
    "| variable | use |\n"
    "|---|---|\n"
    "| `RUNPOD_POD_ID` | the dashboards' addresses, `https://<id>-<port>.proxy.runpod.net`, and allowed "
    "origins |\n"
    "| `RUNPOD_PUBLIC_IP`, `RUNPOD_TCP_PORT_<port>` | the addresses of ports exposed over TCP |\n"
    "| `RUNPOD_GPU_COUNT` | a pod that came back without a GPU says so |\n"
    "\n"
    "A malformed one is reported and ignored. `RUNPOD_API_KEY` is never read.\n";

} // namespace

std::string describe(const std::vector<problem>& problems) {
    std::string out = problems.size() == 1
                          ? std::string{"The configuration has a mistake:\n"}
                          : "The configuration has " + std::to_string(problems.size()) + " mistakes:\n";
    for (const auto& p : problems)
        out += "  " + p.variable + ": " + p.message + '\n';
    return out + "Every variable is described in " + std::string{documented_in} + ".\n";
}

std::string print_config(const config& c) {
    const auto line = [&](std::string_view name, std::string_view value) {
        std::string out{name};
        out += " = ";
        out += value;
        return out + (c.is_given(name)     ? " (given)\n"
                      : c.is_planned(name) ? " (planned for the GPU)\n"
                                           : " (default)\n");
    };
    std::string out;
    for (const auto& o : option_table())
        out += line(o.name, o.show(c, nullptr));
    for (const auto& agent : c.agents)
        for (const auto& o : option_table())
            if (o.per_agent)
                if (const auto name = override_name(o, agent.number); c.is_given(name))
                    out += line(name, o.show(c, &agent));
    return out;
}

std::string configuration_markdown() {
    std::string out{introduction};
    std::string_view group;
    for (const auto& o : option_table()) {
        if (o.group != group) {
            group = o.group;
            out += "\n## " + std::string{group} +
                   "\n\n| variable | default | values | meaning |\n|---|---|---|---|\n";
        }
        add_row(out, o);
    }
    out += overrides_text;
    for (const auto& o : option_table())
        if (o.per_agent) out += "- `OPENCLAW_AGENT_<n>_" + std::string{o.name.substr(9)} + "`\n";
    return out + std::string{runpod_text};
}

} // namespace clawgate
