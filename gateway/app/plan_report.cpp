#include "app/plan_report.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <iomanip>
#include <sstream>
#include <string_view>

namespace clawgate::app {
namespace {

using json = nlohmann::ordered_json;

constexpr std::array shown_variables{"OPENCLAW_NUM_CTX", "OPENCLAW_CONTEXT_TOKENS", "OLLAMA_CONTEXT_LENGTH",
                                     "OLLAMA_NUM_PARALLEL", "OLLAMA_KV_CACHE_TYPE"};

constexpr std::string_view rule = "  --------\n";

std::string value_of(const config& c, std::string_view name) {
    const auto* row = find_option(name);
    return row == nullptr ? std::string{} : row->show(c, nullptr);
}

const char* source_of(const config& c, std::string_view name) {
    return c.is_given(name) ? "given" : c.is_planned(name) ? "planned" : "default";
}

std::string plural(int n, const std::string& word) {
    return std::to_string(n) + ' ' + word + (n == 1 ? "" : "s");
}

std::string line_of(double gb, const std::string& what) {
    std::ostringstream out;
    out << std::setw(10) << shown_gb(gb) << "  " << what << '\n';
    return out.str();
}

std::string cards(const plan_to_show& p) {
    if (p.plan.gpus.empty()) return p.plan.no_gpu ? "none (" + p.plan.gpu_source + ")" : "not known";
    auto out = describe_gpus(p.plan.gpus) + ", " + shown_gb(p.plan.memory);
    return out + " (" + (p.gpu_origin.empty() ? p.plan.gpu_source : p.gpu_origin) + ")";
}

std::string preset(const vram_plan& plan) {
    if (plan.preset == nullptr) return "none (" + plan.preset_reason + ")";
    const auto& s = *plan.preset;
    return std::string{s.name} + " (" + plan.preset_reason + "): starts with " + std::to_string(s.context) +
           " tokens, " + plural(s.parallel, "request") + " at once" +
           (s.kv_cache_type.empty() ? "" : ", KV cache " + std::string{s.kv_cache_type});
}

std::string sum(const plan_to_show& p) {
    const auto& plan = p.plan;
    std::string out;
    for (const auto& m : plan.need.models) {
        out += line_of(m.base, m.name + ": weights and buffers (" + m.source + ")");
        out += line_of(m.requests * m.each, plural(m.requests, "context") + " of " +
                                                std::to_string(m.context) + " tokens at " +
                                                plan.need.kv_cache_type + ", " + shown_gb(m.each) + " each");
    }
    for (const auto& name : plan.unknown_models)
        out += "         ?  " + name + '\n';
    if (plan.need.embedding > 0) out += line_of(plan.need.embedding, p.options.embed_model + " (embedding)");
    out += rule;
    out += line_of(plan.need.total(), plan.unknown_models.empty() ? "needed" : "needed at least");
    if (!plan.gpus.empty())
        out += line_of(plan.available, "there: " + shown_gb(plan.memory) + " less " +
                                           shown_gb(plan.memory - plan.available) + " kept free");
    return out;
}

std::string values_in_effect(const config& c) {
    std::ostringstream out;
    for (const auto* name : shown_variables)
        out << std::left << std::setw(25) << name << std::setw(9) << value_of(c, name) << source_of(c, name)
            << '\n';
    return out.str();
}

std::string verdict(const vram_plan& plan) {
    if (plan.no_gpu) return "It does not fit: there is no GPU.\n";
    if (!plan.unknown.empty()) return "Whether it fits is not known: " + plan.unknown + ".\n";
    return plan.fits ? "It fits. All sizes are estimates, in GB of 1024 MiB.\n"
                     : "It does not fit. All sizes are estimates, in GB of 1024 MiB.\n";
}

double rounded(double gb) {
    return static_cast<double>(static_cast<std::int64_t>(gb * 1000 + 0.5)) / 1000;
}

} // namespace

std::string plan_text(const plan_to_show& p) {
    std::string out = "GPU      " + cards(p) + '\n';
    out += "preset   " + preset(p.plan) + "\n\n";
    out += sum(p) + '\n';
    out += values_in_effect(p.options) + '\n';
    for (const auto& text : p.plan.changes)
        out += "reduced: " + text + '\n';
    for (const auto& text : p.notes)
        out += "note: " + text + '\n';
    for (const auto& text : p.plan.warnings)
        out += "warning: " + text + '\n';
    return out + verdict(p.plan);
}

std::string plan_json(const plan_to_show& p) {
    const auto& plan = p.plan;
    json out;
    out["gpus"] = json::array();
    for (const auto& g : plan.gpus)
        out["gpus"].push_back({{"name", g.name}, {"mib", g.mib}});
    out["gpu_source"] = p.gpu_origin.empty() ? plan.gpu_source : p.gpu_origin;
    out["preset"] = plan.preset == nullptr ? json() : json(std::string{plan.preset->name});
    out["preset_reason"] = plan.preset_reason;
    out["models"] = json::array();
    for (const auto& m : plan.need.models)
        out["models"].push_back({{"name", m.name},
                                 {"source", m.source},
                                 {"base_gb", rounded(m.base)},
                                 {"context_tokens", m.context},
                                 {"requests", m.requests},
                                 {"context_gb_each", rounded(m.each)}});
    out["unknown_models"] = plan.unknown_models;
    out["embedding_gb"] = rounded(plan.need.embedding);
    out["kv_cache_type_counted"] = plan.need.kv_cache_type;
    out["needed_gb"] = rounded(plan.need.total());
    out["memory_gb"] = rounded(plan.memory);
    out["available_gb"] = rounded(plan.available);
    out["fits"] = plan.no_gpu ? json(false) : plan.unknown.empty() ? json(plan.fits) : json();
    out["unknown"] = plan.unknown;
    for (const auto* name : shown_variables)
        out["variables"][name] = {{"value", value_of(p.options, name)},
                                  {"source", source_of(p.options, name)}};
    out["changes"] = plan.changes;
    out["notes"] = p.notes;
    out["warnings"] = plan.warnings;
    out["estimate"] = true;
    return out.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

} // namespace clawgate::app
