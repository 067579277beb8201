// What the makers of known model families recommend.
#include "ollama_client/parameters.hpp"

#include <algorithm>
#include <array>

namespace clawgate::ollama {
namespace {

// Z.ai's advice differs with tools (0.7, 1.0) and without (1.0, 0.95); what stands here is the owner's choice
// for both, the defaults of OPENCLAW_TEMPERATURE, OPENCLAW_TOP_P and OPENCLAW_REPEAT_PENALTY.
constexpr model_profile glm_flash{
    .family = "glm-4.7-flash",
    .temperature = 0.7,
    .top_p = 0.95,
    .top_k = std::nullopt,
    .min_p = std::nullopt,
    .repeat_penalty = 1.0,
    .force_repeat_penalty = true,
};
constexpr model_profile glm_4_7 = [] {
    auto p = glm_flash;
    p.family = "glm-4.7";
    return p;
}();
constexpr model_profile glm{
    .family = "glm",
    .temperature = std::nullopt,
    .top_p = std::nullopt,
    .top_k = std::nullopt,
    .min_p = std::nullopt,
    .repeat_penalty = 1.0,
    .force_repeat_penalty = true,
};

// The model cards of Qwen3, and what follows it until its makers say otherwise.
constexpr model_profile qwen3_instruct{
    .family = "qwen3-instruct",
    .temperature = 0.7,
    .top_p = 0.8,
    .top_k = 20,
    .min_p = 0.0,
    .repeat_penalty = std::nullopt,
};
constexpr model_profile qwen3{
    .family = "qwen3",
    .temperature = 0.6,
    .top_p = 0.95,
    .top_k = 20,
    .min_p = 0.0,
    .repeat_penalty = std::nullopt,
    .force_repeat_penalty = false,
    .without_thinking = &qwen3_instruct,
};
constexpr model_profile qwen4 = [] {
    auto p = qwen3;
    p.family = "qwen4";
    return p;
}();
constexpr model_profile qwen3_coder{
    .family = "qwen3-coder",
    .temperature = 0.7,
    .top_p = 0.8,
    .top_k = 20,
    .min_p = std::nullopt,
    .repeat_penalty = 1.05,
};
constexpr model_profile nothing{};

constexpr std::array known{&glm_flash, &glm_4_7, &glm, &qwen3_coder, &qwen3, &qwen4};

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_word_character(char c) noexcept {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9');
}

// At the beginning of a word of `text`, whatever its case: uploads are named zai-org_GLM-4.7-Flash-GGUF.
bool has_word(std::string_view text, std::string_view word) noexcept {
    for (std::size_t at = 0; at + word.size() <= text.size(); ++at) {
        if (at > 0 && is_word_character(text[at - 1])) continue;
        const auto here = text.substr(at, word.size());
        if (std::equal(here.begin(), here.end(), word.begin(), [](char a, char b) { return lower(a) == b; }))
            return true;
    }
    return false;
}

} // namespace

const model_profile& profile_of(std::string_view model) noexcept {
    const auto name = model.substr(model.rfind('/') + 1); // npos + 1 is 0
    const auto family_name = name.substr(0, name.find(':'));
    const model_profile* best = &nothing;
    for (const auto* p : known)
        if (p->family.size() > best->family.size() && has_word(family_name, p->family)) best = p;
    // A family's models that never think say so in their name or tag: qwen3:4b-instruct.
    if (best->without_thinking != nullptr && has_word(name, "instruct")) return *best->without_thinking;
    return *best;
}

} // namespace clawgate::ollama
