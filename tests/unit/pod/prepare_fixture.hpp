#pragma once

#include "pod_fixture.hpp"

#include "pod/prepare.hpp"

namespace clawgate::pod::test {

/// A folder for a workspace, with programs to prepare for. Nothing of the machine's own is touched.
class prepare_place {
protected:
    prepare_place() {
        std::filesystem::create_directories(folder_ / "tools/openclaw");
        for (const auto* name : {"clawgate", "node", "openclaw/openclaw.mjs", "ollama"}) {
            put(folder_ / ("tools/" + std::string{name}), "");
            ::chmod((folder_ / ("tools/" + std::string{name})).c_str(), 0755);
        }
        options_.clawgate = folder_ / "tools/clawgate";
        options_.node = folder_ / "tools/node";
        options_.openclaw = folder_ / "tools/openclaw/openclaw.mjs";
        options_.ollama = folder_ / "tools/ollama";
        options_.run_dir = folder_ / "run/pod";
        options_.no_packet_filter = true; // it is the machine's, and outlives the test
        options_.no_cgroups = true;
    }
    std::string workspace() const { return folder_ / "workspace"; }

    temporary_folder folder_;
    prepare_options options_;
};

} // namespace clawgate::pod::test
