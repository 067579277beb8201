#pragma once
// A model call as it is understood and made ready for the server. No sockets, and nothing of the door: a long body
// may be worked on by another thread.

#include "app/model_call.hpp"
#include "ollama_client/admission.hpp"
#include "ollama_client/parameters.hpp"
#include "ollama_client/pruning.hpp"
#include "ollama_client/usage.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clawgate::app {

[[nodiscard]] constexpr bool is_embedding(ollama::call_kind k) noexcept {
    return k == ollama::call_kind::embed || k == ollama::call_kind::embeddings;
}

class model_request {
public:
    model_request() = default;
    model_request(const model_request&) = delete; // what was read are views of the body
    model_request& operator=(const model_request&) = delete;

    /// Translates and reads the body. `id`: unique, part of an answer's id.
    [[nodiscard]] result<void> understand(std::string body, const model_interface& how, std::string_view id);
    /// Prunes, sets the parameters, and estimates. Afterwards only the edits look at the body.
    [[nodiscard]] result<void> prepare(const ollama::call_policy& policy, ollama::pruning_policy pruning);

    /// Turns the one object that answers an embedding call, of status 200, into what the caller gets.
    [[nodiscard]] result<std::string> embeddings_answer(std::string_view whole) const;

    // Since understand():
    ollama::call_kind kind = ollama::call_kind::chat;
    std::string asked_model; ///< empty: the caller's own
    std::unique_ptr<ollama::response_writer> writer;
    [[nodiscard]] std::size_t memory() const noexcept;

    // Since prepare():
    std::string model; ///< with its tag
    ollama::edited_text edits;
    ollama::pruning_report pruned;
    bool foreign_runner = false; ///< without the door this call would have reloaded the model
    std::uint32_t prompt_tokens = 0; ///< an estimate
    std::vector<ollama::prompt_prefix> prefixes;

private:
    std::string body_;
    ollama::native_request native_;
    std::optional<ollama::translated_embeddings> embeddings_;
};

/// The numbers of an embedding call's answer, which may have megabytes of vectors.
[[nodiscard]] std::optional<ollama::final_numbers> embedding_numbers(std::string_view whole);

} // namespace clawgate::app
