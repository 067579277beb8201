#include "pod/gpu_search.hpp"

#include "core/net_names.hpp"
#include "core/options_values.hpp"

#include <algorithm>
#include <utility>

namespace clawgate::pod {
namespace {

constexpr std::string_view name_it = "; name the GPU in CLAWGATE_GPU, so that context and requests can be "
                                     "fitted to its memory";

constexpr std::string_view no_devices = "No devices were found"; // with status 6

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// As CLAWGATE_GPU can hold it.
std::string plain_name(std::string_view text) {
    std::string name{trim(text).substr(0, 100)};
    std::replace_if(
        name.begin(), name.end(),
        [](unsigned char c) { return c < 0x20 || c == 0x7f || c == ',' || c == ':'; }, ' ');
    return name;
}

// The cards that the user leaves to CUDA: indices, until one that does not exist. False for what names them
// in another way (UUIDs).
bool keep_visible(std::string_view list, std::vector<gpu>& cards) {
    std::vector<gpu> kept;
    for (const auto& item : values::split_list(list)) {
        const auto index = values::parse_integer(item);
        if (!index) return false;
        if (*index < 0 || *index >= static_cast<std::int64_t>(cards.size())) break;
        kept.push_back(cards[static_cast<std::size_t>(*index)]);
    }
    cards = std::move(kept);
    return true;
}

} // namespace

result<std::vector<gpu>> parse_nvidia_smi(std::string_view text) {
    std::vector<gpu> cards;
    if (text.find(no_devices) != text.npos) return cards;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = trim(text.substr(0, end));
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.empty()) continue;
        const auto comma = line.rfind(',');
        const auto mib =
            comma == line.npos ? std::nullopt : values::parse_integer(trim(line.substr(comma + 1)));
        if (!mib || *mib <= 0)
            return error{errc::corrupt, fault::gateway, retry::never,
                         "nvidia-smi does not tell the memory of '" + plain_name(line.substr(0, comma)) +
                             "'"};
        cards.push_back({plain_name(line.substr(0, comma)), *mib});
    }
    return cards;
}

gpu_search find_gpus(const config& c, const environment& process, const program_runner& run) {
    gpu_search found;
    const auto server = parse_http_url(c.ollama.url);
    const bool here = server && (is_loopback_host(server->host) || is_unspecified_host(server->host));
    if (c.gpus || c.runpod.gpu_count == 0 || !here) return found;
    const auto told = run({"nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"});
    if (!told) {
        if (told.error().code != errc::not_found) found.warning = told.error().detail + std::string{name_it};
        return found;
    }
    auto cards = parse_nvidia_smi(told->text);
    if (!cards) {
        found.warning = cards.error().detail + std::string{name_it};
        return found;
    }
    if (told->status != 0 && told->text.find(no_devices) == std::string::npos) {
        found.warning = "nvidia-smi ended with status " + std::to_string(told->status) + std::string{name_it};
        return found;
    }
    if (const auto visible = process.find("CUDA_VISIBLE_DEVICES");
        visible != process.end() && !visible->second.empty() && !keep_visible(visible->second, *cards)) {
        found.warning = "CUDA_VISIBLE_DEVICES names GPUs by other than their number" + std::string{name_it};
        return found;
    }
    // Without a card a machine of another kind may simply have NVIDIA's tools; a pod that was rented with
    // GPUs has lost them.
    if (!cards->empty() || c.runpod.gpu_count) found.gpus = std::move(*cards);
    return found;
}

} // namespace clawgate::pod
