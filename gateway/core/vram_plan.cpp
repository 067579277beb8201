#include "core/vram_plan.hpp"

#include "core/model_names.hpp"
#include "core/options_values.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace clawgate {
namespace {

// OLLAMA_NUM_GPU from which every layer of every model is meant.
constexpr int all_layers = 100;

constexpr std::array context_variables{"OPENCLAW_NUM_CTX", "OPENCLAW_CONTEXT_TOKENS",
                                       "OLLAMA_CONTEXT_LENGTH"};

void find_cards(vram_plan& p, const config& c) {
    const auto* preset = find_preset(c.gpu_preset);
    if (c.gpus) {
        p.gpus = *c.gpus;
        p.gpu_source = "CLAWGATE_GPU";
        p.no_gpu = p.gpus.empty();
    } else if (c.runpod.gpu_count == 0) {
        p.gpu_source = "RUNPOD_GPU_COUNT";
        p.no_gpu = true;
    } else if (preset != nullptr) {
        // Who names the card's preset names the card.
        p.gpus = {{std::string{preset->name}, preset->mib}};
        p.gpu_source = "OPENCLAW_GPU_PRESET";
    }
    p.memory = memory_of(p.gpus);
    p.available = p.memory - headroom_of_a_gpu * static_cast<double>(p.gpus.size());
}

void find_preset_of(vram_plan& p, const config& c) {
    if (c.gpu_preset != "auto") {
        p.preset = find_preset(c.gpu_preset);
        p.preset_reason = "OPENCLAW_GPU_PRESET";
    } else if (p.gpus.empty()) {
        p.preset_reason = p.no_gpu ? "there is no GPU" : "the GPU is not known";
    } else {
        auto choice = choose_preset(p.gpus);
        p.preset = choice.preset;
        p.preset_reason = std::move(choice.reason);
    }
}

// The agents' models of which the need is known; the others go to `p.unknown_models`.
std::vector<model_memory> find_models(vram_plan& p, const config& c, const std::vector<model_memory>& asked) {
    std::vector<model_memory> known;
    for (const auto& name : chat_models(c)) {
        const auto told =
            std::find_if(asked.begin(), asked.end(), [&](const model_memory& m) { return m.name == name; });
        if (auto m = known_model_memory(name))
            known.push_back(std::move(*m));
        else if (told != asked.end())
            known.push_back(*told);
        else
            p.unknown_models.push_back(name);
    }
    return known;
}

// 0 where it has no room beside the agents' models: it is loaded in their place then.
double embedding_of(const config& c, const std::vector<model_memory>& asked) {
    const auto name = full_model_name(c.embed_model);
    if (!has_room_for_embedding(c) || chat_models(c).contains(name)) return 0;
    const auto told =
        std::find_if(asked.begin(), asked.end(), [&](const model_memory& m) { return m.name == name; });
    return told != asked.end() ? told->base : usual_embedding_memory;
}

// What the user set; the rest from the preset, or else from the defaults.
vram_settings start_of(const vram_plan& p, const config& c) {
    const config defaults;
    vram_settings s{defaults.num_ctx, defaults.ollama.num_parallel, defaults.ollama.kv_cache_type};
    if (p.preset != nullptr) {
        // A preset is made for the default model. For one of which nothing is known it may lower, not raise.
        const bool lowers = c.gpu_preset == "auto" && !p.unknown_models.empty();
        s.context = lowers ? std::min(s.context, p.preset->context) : p.preset->context;
        s.parallel = lowers ? std::min(s.parallel, p.preset->parallel) : p.preset->parallel;
        if (const auto kv = p.preset->kv_cache_type; !kv.empty() && !lowers) s.kv_cache_type = kv;
    }
    if (c.is_given("OPENCLAW_NUM_CTX")) s.context = c.num_ctx;
    if (c.is_given("OLLAMA_NUM_PARALLEL")) s.parallel = c.ollama.num_parallel;
    if (c.is_given("OLLAMA_KV_CACHE_TYPE")) s.kv_cache_type = c.ollama.kv_cache_type;
    return s;
}

std::string why_unknown(const vram_plan& p, const config& c) {
    if (p.no_gpu) return "there is no GPU";
    if (p.gpus.empty()) return "the GPU is not known; name it in CLAWGATE_GPU, or with --gpu";
    if (c.ollama.num_gpu < all_layers)
        return "OLLAMA_NUM_GPU=" + std::to_string(c.ollama.num_gpu) +
               " leaves a part of the model in main memory";
    if (p.unknown_models.empty()) return {};
    return "what " + values::join_list(p.unknown_models) +
           " needs is not known before the model server is asked";
}

/// What may be set, and what it would need.
struct arithmetic {
    const config& c;
    const std::vector<model_memory>& models;
    double embedding = 0;
    double available = 0;

    vram_need need(vram_settings s) const {
        // Without flash attention the server takes no quantised cache.
        const bool quantised = kv_factor(s.kv_cache_type) < kv_factor("f16");
        if (!c.ollama.flash_attention && quantised) s.kv_cache_type = "f16";
        return need_of(models, embedding, s);
    }
    bool fits(const vram_settings& s) const { return need(s).total() <= available; }

    vram_settings reduced(vram_settings s, bool may_parallel, bool may_context) const {
        while (may_parallel && s.parallel > 1 && !fits(s))
            --s.parallel;
        while (may_context && s.context > least_context && !fits(s))
            s.context = std::max(least_context, (s.context - 1) / least_context * least_context);
        return s;
    }
};

std::string shown_need(const vram_need& need, const config& c) {
    std::string out;
    for (const auto& m : need.models)
        out += (out.empty() ? "" : ", ") + shown_gb(m.base) + " for " + m.name + ", " +
               std::to_string(m.requests) + " × " + shown_gb(m.each) + " of context at " + need.kv_cache_type;
    if (need.embedding > 0) out += ", " + shown_gb(need.embedding) + " for " + c.embed_model;
    return out;
}

std::string shown_memory(const vram_plan& p) {
    return describe_gpus(p.gpus) + (p.gpus.size() > 1 ? " have " : " has ") + shown_gb(p.available) +
           " for it (" + shown_gb(p.memory) + " less " + shown_gb(p.memory - p.available) + " kept free)";
}

std::string advice(const arithmetic& a, const vram_settings& s) {
    const auto better = a.reduced(s, true, true);
    if (!a.fits(better))
        return "Use a smaller model (OPENCLAW_MODEL) or more GPU memory; OLLAMA_NUM_GPU would leave a part "
               "of "
               "the model in main memory, which is slow.";
    std::string out;
    if (better.parallel != s.parallel) out += "OLLAMA_NUM_PARALLEL=" + std::to_string(better.parallel);
    if (better.context != s.context) {
        const auto tokens = std::to_string(better.context);
        out += out.empty() ? "" : " with ";
        out += "OPENCLAW_NUM_CTX=" + tokens + ", OPENCLAW_CONTEXT_TOKENS=" + tokens +
               " and OLLAMA_CONTEXT_LENGTH=" + tokens;
    }
    auto smaller = s;
    smaller.kv_cache_type = "q8_0";
    if (smaller.kv_cache_type != s.kv_cache_type && a.c.ollama.flash_attention && a.fits(smaller))
        out += ", or OLLAMA_KV_CACHE_TYPE=q8_0 alone";
    return "It would fit with " + out + ".";
}

// The variables that were kept though they do not fit.
std::string shown_given(const config& c, const vram_settings& s, bool all) {
    std::vector<std::string> set;
    if (all || c.is_given("OPENCLAW_NUM_CTX")) set.push_back("OPENCLAW_NUM_CTX=" + std::to_string(s.context));
    if (all || c.is_given("OLLAMA_NUM_PARALLEL"))
        set.push_back("OLLAMA_NUM_PARALLEL=" + std::to_string(s.parallel));
    if (all || c.is_given("OLLAMA_KV_CACHE_TYPE")) set.push_back("OLLAMA_KV_CACHE_TYPE=" + s.kv_cache_type);
    std::string out;
    for (const auto& text : set)
        out += (out.empty() ? "" : text == set.back() ? " and " : ", ") + text;
    return out;
}

void warn_of_misfit(vram_plan& p, const config& c, const arithmetic& a, bool judged) {
    const auto given = shown_given(c, p.settings, judged);
    const auto sum = "about " + shown_gb(p.need.total()) + " of GPU memory (" + shown_need(p.need, c) + ")";
    auto text = given.empty()
                    ? "even one request of " + std::to_string(p.settings.context) + " tokens needs " + sum
                    : "with " + given + " the model server needs " + sum;
    text += ", but " + shown_memory(p) + ". ";
    if (!given.empty() && !judged) text += "What was set is kept. ";
    p.warnings.push_back(text + advice(a, p.settings));
}

void warn_of_no_gpu(vram_plan& p, const config& c) {
    std::string how = "RUNPOD_GPU_COUNT is 0";
    if (c.runpod.gpu_count != 0) {
        how = "CLAWGATE_GPU is none";
        if (c.runpod.gpu_count) how += ", though RUNPOD_GPU_COUNT is " + std::to_string(*c.runpod.gpu_count);
    }
    p.warnings.push_back(
        "THERE IS NO GPU (" + how +
        "): the model runs on the processor, if at all, and answers take minutes. RunPod starts a pod again "
        "without its GPU when somebody else has rented it meanwhile: stop the pod and start it later, or "
        "make "
        "a new pod with the same network volume");
}

void note_changes(vram_plan& p, const config& c, const arithmetic& a) {
    const auto why = [&](const vram_settings& s) {
        return ": " + std::to_string(s.parallel) + " × " + std::to_string(s.context) + " tokens would need " +
               shown_gb(a.need(s).total()) + ", and there are " + shown_gb(p.available);
    };
    auto between = p.wanted;
    if (p.settings.parallel != p.wanted.parallel) {
        p.changes.push_back("OLLAMA_NUM_PARALLEL from " + std::to_string(p.wanted.parallel) + " to " +
                            std::to_string(p.settings.parallel) + why(p.wanted));
        between.parallel = p.settings.parallel;
    }
    if (p.settings.context != p.wanted.context) {
        std::string names;
        for (const auto* name : context_variables)
            if (!c.is_given(name)) names += (names.empty() ? "" : ", ") + std::string{name};
        p.changes.push_back(names + " from " + std::to_string(p.wanted.context) + " to " +
                            std::to_string(p.settings.context) + why(between));
    }
}

// Which variables the plan decides: what a preset or the arithmetic gave, and nobody set.
void note_decisions(vram_plan& p, const config& c) {
    if (p.preset == nullptr && !p.unknown.empty()) return;
    for (const auto* name : context_variables)
        if (!c.is_given(name)) p.decides.emplace(name);
    if (!c.is_given("OLLAMA_NUM_PARALLEL")) p.decides.emplace("OLLAMA_NUM_PARALLEL");
    if (!c.is_given("OLLAMA_KV_CACHE_TYPE") && p.settings.kv_cache_type != config{}.ollama.kv_cache_type)
        p.decides.emplace("OLLAMA_KV_CACHE_TYPE");
}

} // namespace

vram_plan plan_vram(const config& c, const std::vector<model_memory>& asked) {
    vram_plan p;
    find_cards(p, c);
    find_preset_of(p, c);
    const bool judged = !asked.empty();
    const auto models = find_models(p, c, asked);
    const arithmetic a{c, models, embedding_of(c, asked), p.available};
    p.unknown = why_unknown(p, c);
    p.wanted =
        judged ? vram_settings{c.num_ctx, c.ollama.num_parallel, c.ollama.kv_cache_type} : start_of(p, c);
    p.settings = p.wanted;
    if (p.unknown.empty() && !judged)
        p.settings = a.reduced(p.wanted, !c.is_given("OLLAMA_NUM_PARALLEL"), !c.is_given("OPENCLAW_NUM_CTX"));
    p.need = a.need(p.settings);
    p.fits = p.unknown.empty() && a.fits(p.settings);
    if (judged)
        p.decides = c.planned;
    else
        note_decisions(p, c);
    note_changes(p, c, a);
    // Said even where a card is named: the name may come from a template, and the card be gone.
    if (p.no_gpu || c.runpod.gpu_count == 0) warn_of_no_gpu(p, c);
    if (p.unknown.empty() && !p.fits)
        warn_of_misfit(p, c, a, judged);
    else if (!p.gpus.empty() && !p.unknown_models.empty() && c.ollama.num_gpu >= all_layers)
        p.warnings.push_back("whether it fits into the GPU's memory is not known: " + p.unknown +
                             ", so nothing was reduced. 'clawgate plan' asks it and says what to set");
    return p;
}

void apply_plan(load_outcome& out) {
    // Nothing is started while there are mistakes. A missing password is none of the plan's: one plans before
    // one rents.
    const auto concerns_us = [](const problem& p) {
        return p.variable != "OPENCLAW_WEB_PASSWORD" && p.variable != "CLAWGATE_PASSWORD_HASH";
    };
    if (std::any_of(out.problems.begin(), out.problems.end(), concerns_us)) return;
    auto& c = out.value;
    auto p = plan_vram(c);
    const auto decides = [&](const char* name) { return p.decides.contains(name); };
    if (decides("OPENCLAW_NUM_CTX")) c.num_ctx = p.settings.context;
    if (decides("OLLAMA_CONTEXT_LENGTH")) c.ollama.context_length = p.settings.context;
    if (decides("OLLAMA_NUM_PARALLEL")) c.ollama.num_parallel = p.settings.parallel;
    if (decides("OLLAMA_KV_CACHE_TYPE")) c.ollama.kv_cache_type = p.settings.kv_cache_type;
    if (decides("OPENCLAW_CONTEXT_TOKENS")) {
        c.behaviour.context_tokens = p.settings.context;
        const auto* row = find_option("OPENCLAW_CONTEXT_TOKENS");
        for (auto& agent : c.agents)
            if (!c.is_given(override_name(*row, agent.number)))
                agent.behaviour.context_tokens = p.settings.context;
    }
    c.planned = std::move(p.decides);
    out.warnings.insert(out.warnings.end(), p.warnings.begin(), p.warnings.end());
}

std::string summary(const vram_plan& p) {
    if (p.no_gpu) return "none";
    if (p.gpus.empty())
        return "not known: name it in CLAWGATE_GPU, so that context and requests can be fitted";
    auto out = describe_gpus(p.gpus) + ", " + shown_gb(p.memory) + ": " +
               std::to_string(p.settings.parallel) + (p.settings.parallel == 1 ? " request" : " requests") +
               " at once, " + std::to_string(p.settings.context) + " tokens each, " +
               p.settings.kv_cache_type;
    if (p.unknown.empty())
        out +=
            "; about " + shown_gb(p.need.total()) + " of " + shown_gb(p.available) + (p.fits ? "" : " (!)");
    return out;
}

std::string shown_gb(double gb) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f GB", gb);
    return text.data();
}

} // namespace clawgate
