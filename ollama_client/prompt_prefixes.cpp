#include "ollama_client/prompt_prefixes.hpp"

#include <algorithm>

namespace clawgate::ollama {
namespace {

/// A prompt that continues an older one, as of a completion that is extended, shares all but its last piece.
constexpr std::size_t piece_bytes = 1024;

void add_pieces(prefix_builder& prefixes, std::string_view text) {
    for (; !text.empty(); text.remove_prefix(std::min(piece_bytes, text.size())))
        prefixes.add(text.substr(0, piece_bytes));
}

} // namespace

std::vector<prompt_prefix> prefixes_of(const native_request& request,
                                       const std::vector<native_message>& messages, std::string_view model,
                                       double tokens_per_byte) {
    prefix_builder prefixes;
    prefixes.add(model);
    if (request.kind == call_kind::generate) {
        for (const auto* key : {"template", "system"})
            if (const auto* part = request.find(key)) prefixes.add(part->value);
        if (const auto* prompt = request.find("prompt")) add_pieces(prefixes, prompt->value);
    } else {
        if (const auto* tools = request.find("tools")) prefixes.add(tools->value);
        for (const auto& m : messages)
            prefixes.add(m.text);
    }
    return prefixes.take(tokens_per_byte);
}

} // namespace clawgate::ollama
