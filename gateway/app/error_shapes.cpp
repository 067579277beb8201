#include "app/error_shapes.hpp"

#include "ollama_client/translation.hpp"

namespace clawgate::app {

void reshape(reply& r, error_shape shape) {
    if (!r.error || shape == error_shape::ours) return;
    // These forms have one sentence for people: the hint goes into it.
    auto sentence = r.error->message;
    if (!r.error->hint.empty()) sentence.append(". ").append(r.error->hint);
    switch (shape) {
    case error_shape::openai:
        r.body = ollama::dialect_error(ollama::dialect::openai, r.status, sentence);
        break;
    case error_shape::anthropic:
        r.body = ollama::dialect_error(ollama::dialect::anthropic, r.status, sentence);
        break;
    default: r.body = ollama::native_error(sentence);
    }
}

} // namespace clawgate::app
