#pragma once
// Which GPU this machine has, by nvidia-smi.

#include "core/gpu.hpp"
#include "core/options.hpp"
#include "pod/program_output.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::pod {

/// What `nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits` prints: one line a card, the
/// memory in MiB. "No devices were found" is an empty list. errc::corrupt when a line is something else
/// (memory that the driver does not tell is "[N/A]").
[[nodiscard]] result<std::vector<gpu>> parse_nvidia_smi(std::string_view text);

struct gpu_search {
    std::optional<std::vector<gpu>> gpus; ///< empty list: the pod should have some, and has none
    std::string warning;                  ///< when the cards are there and cannot be told; for people
};

/// Asks, unless the variables say it already or the model server is on another machine. `process` for
/// CUDA_VISIBLE_DEVICES, by which the user keeps cards from Ollama. A machine without nvidia-smi is no
/// warning: it may have a card of another maker, or none.
[[nodiscard]] gpu_search find_gpus(const config& c, const environment& process, const program_runner& run);

} // namespace clawgate::pod
