#include "core/model_names.hpp"

namespace clawgate {
namespace {

int models_in_use(const config& c) {
    auto all = chat_models(c);
    all.insert(full_model_name(c.embed_model));
    return static_cast<int>(all.size());
}

} // namespace

std::string full_model_name(std::string_view name) {
    const auto slash = name.rfind('/');
    const bool tagged = name.find(':', slash == name.npos ? 0 : slash) != name.npos; // not a registry's port
    return std::string{name} + (tagged ? "" : ":latest");
}

std::set<std::string> chat_models(const config& c) {
    std::set<std::string> all;
    for (const auto& a : c.agents)
        all.insert(full_model_name(a.model));
    return all;
}

int max_loaded_models(const config& c) {
    return c.is_given("OLLAMA_MAX_LOADED_MODELS") ? c.ollama.max_loaded_models : models_in_use(c);
}

bool has_room_for_embedding(const config& c) {
    const int most = max_loaded_models(c);
    return most == 0 || most >= models_in_use(c);
}

} // namespace clawgate
