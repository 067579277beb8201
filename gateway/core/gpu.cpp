#include "core/gpu.hpp"

#include "core/options_values.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace clawgate {
namespace {

constexpr std::string_view no_card = "none";
constexpr std::int64_t least_mib = 1024;
constexpr std::int64_t most_mib = 16'777'216; // 16 TiB
constexpr std::size_t most_cards = 64;
constexpr std::size_t longest_name = 100;

// The memory is what nvidia-smi reports for these cards.
constexpr std::array presets{
    gpu_preset{"rtx3090", 24576, 65536, 2, {}},     gpu_preset{"rtx4090", 24564, 65536, 2, {}},
    gpu_preset{"a5000", 24564, 65536, 3, {}},       gpu_preset{"a6000", 49140, 131072, 4, {}},
    gpu_preset{"rtx6000ada", 49140, 131072, 4, {}}, gpu_preset{"h100", 81559, 200000, 6, "f16"},
    gpu_preset{"h200", 143771, 200000, 6, "f16"},
};

// Words that mean a preset; two words must both be there.
struct alias {
    std::string_view word;
    std::string_view second;
    std::string_view preset;
};
constexpr std::array aliases{
    alias{"rtx6000ada", {}, "rtx6000ada"},
    alias{"6000ada", {}, "rtx6000ada"},
    alias{"6000", "ada", "rtx6000ada"},
    alias{"rtx6000", "ada", "rtx6000ada"},
    alias{"rtx3090", {}, "rtx3090"},
    alias{"3090", {}, "rtx3090"},
    alias{"rtx4090", {}, "rtx4090"},
    alias{"4090", {}, "rtx4090"},
    alias{"a5000", {}, "a5000"},
    alias{"rtxa5000", {}, "a5000"},
    alias{"a6000", {}, "a6000"},
    alias{"rtxa6000", {}, "a6000"},
    alias{"h100", {}, "h100"},
    alias{"h200", {}, "h200"},
};

// Cards of a class do not have all of it: error correction takes its part (an A40 reports 46068 MiB).
struct memory_class {
    double least; ///< GB
    std::string_view preset;
    std::string_view shown;
};
constexpr std::array classes{
    memory_class{78, "h100", "80 GB and more"},
    memory_class{44, "a6000", "48 GB"},
    memory_class{22, "rtx3090", "24 GB"},
};

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words(1);
    for (const char c : text) {
        const bool upper = c >= 'A' && c <= 'Z';
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (upper || plain)
            words.back() += upper ? static_cast<char>(c - 'A' + 'a') : c;
        else if (!words.back().empty())
            words.emplace_back();
    }
    return words;
}

const gpu_preset* preset_named(std::string_view name) {
    const auto found =
        std::find_if(presets.begin(), presets.end(), [&](const gpu_preset& p) { return p.name == name; });
    return found == presets.end() ? nullptr : &*found;
}

error wrong(std::string what) {
    return error{errc::invalid_config, fault::gateway, retry::never, std::move(what)};
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

result<gpu> parse_card(std::string_view text) {
    const auto colon = text.rfind(':');
    const auto mib = colon == text.npos ? std::nullopt : values::parse_integer(trim(text.substr(colon + 1)));
    if (!mib) return wrong("has an entry that does not end in :MIB, the memory in MiB");
    if (*mib < least_mib || *mib > most_mib)
        return wrong("has an entry whose memory is out of range; it is in MiB, a card of 24 GB has 24576");
    const auto name = trim(text.substr(0, colon));
    const bool printable =
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    if (!printable || name.size() > longest_name || name.find(':') != name.npos)
        return wrong("has a name that is too long, or has a colon or a control character in it");
    return gpu{std::string{name}, *mib};
}

} // namespace

double memory_of(std::span<const gpu> cards) {
    return std::accumulate(cards.begin(), cards.end(), 0.0,
                           [](double sum, const gpu& g) { return sum + static_cast<double>(g.mib) / 1024; });
}

result<std::vector<gpu>> parse_gpus(std::string_view text) {
    std::vector<gpu> cards;
    if (trim(text) == no_card) return cards;
    for (const auto& item : values::split_list(text)) {
        auto card = parse_card(item);
        if (!card) return card.error();
        cards.push_back(std::move(*card));
    }
    if (cards.empty()) return wrong("names no card; without one it is 'none'");
    if (cards.size() > most_cards) return wrong("names more than 64 cards");
    return cards;
}

std::string format_gpus(std::span<const gpu> cards) {
    std::string out;
    for (const auto& g : cards)
        out += (out.empty() ? "" : ",") + g.name + ':' + std::to_string(g.mib);
    return out.empty() ? std::string{no_card} : out;
}

std::string describe_gpus(std::span<const gpu> cards) {
    std::string out;
    for (std::size_t i = 0; i < cards.size();) {
        auto next = i;
        while (next < cards.size() && cards[next].name == cards[i].name)
            ++next;
        out += out.empty() ? "" : " + ";
        if (next - i > 1) out += std::to_string(next - i) + " × ";
        out += cards[i].name.empty() ? "GPU" : cards[i].name;
        i = next;
    }
    return out.empty() ? "no GPU" : out;
}

std::span<const gpu_preset> gpu_presets() {
    return presets;
}

const gpu_preset* find_preset(std::string_view name) {
    const auto words = words_of(name);
    const auto has = [&](std::string_view word) {
        return word.empty() || std::find(words.begin(), words.end(), word) != words.end();
    };
    for (const auto& a : aliases)
        if (has(a.word) && has(a.second)) return preset_named(a.preset);
    return nullptr;
}

preset_choice choose_preset(std::span<const gpu> cards) {
    if (cards.size() == 1)
        if (const auto* named = find_preset(cards.front().name)) return {named, "by the GPU's name"};
    const auto memory = memory_of(cards);
    const std::string whose = cards.size() > 1 ? "the GPUs' memory together" : "the GPU's memory";
    for (const auto& c : classes)
        if (memory >= c.least)
            return {preset_named(c.preset), "by " + whose + ": the class of " + std::string{c.shown}};
    return {nullptr, "none for so little memory"};
}

} // namespace clawgate
