#pragma once
// What the gateway asks of the model server on its own account: is it there, has it the model, fetch it, load
// it, does it still generate. Each on a connection that no caller shares: Ollama gives up a load when the
// client leaves that triggered it (facts/ollama.md, Scheduler).

#include "ollama_client/parameters.hpp"
#include "ollama_client/pull_progress.hpp"
#include "ollama_client/server_call.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace clawgate::ollama {

/// A model that the pod uses.
struct wanted_model {
    std::string name; ///< with its tag
    bool embedding = false;
};
/// The agents' models, then the embedding model.
[[nodiscard]] std::vector<wanted_model> wanted_models(const config& c);

/// Its version. errc::unreachable, errc::timeout, errc::bad_upstream when what answers is no Ollama.
[[nodiscard]] net::awaitable<result<std::string>> ask_version(server_link link);

/// Whether the model is there (/api/show: a pull would ask the registry even then).
[[nodiscard]] net::awaitable<result<bool>> has_model(server_link link, std::string model);

struct pull_limits {
    std::chrono::milliseconds stall = std::chrono::seconds{60}; ///< without a byte or a step
    std::chrono::milliseconds finishing =
        std::chrono::minutes{15}; ///< the same while a large file is checked
};

/// A download under way, which somebody else may watch or end.
struct pull_task {
    pull_progress progress;
    std::function<void()> on_line; ///< after each line, or empty
    /// Ends it with errc::canceled; what was downloaded is kept by the server.
    void cancel() noexcept {
        canceled = true;
        if (const auto c = call.lock()) c->abandon();
    }

    std::weak_ptr<server_call> call; ///< of pull_model()
    bool canceled = false;
};
/// Downloads the model; goes on where an earlier pull stopped. errc::timeout after a stall,
/// errc::bad_upstream with the server's words, errc::closed when it ends early, errc::canceled.
[[nodiscard]] net::awaitable<result<void>> pull_model(server_link link, std::string model, pull_limits limits,
                                                      std::shared_ptr<pull_task> task);

/// Loads the model, with exactly what every call will ask of its runner, and keeps it. errc::not_found when
/// the server has no such model, errc::timeout (then the load is given up), errc::bad_upstream with its
/// words.
[[nodiscard]] net::awaitable<result<void>> warm_up(server_link link, wanted_model model,
                                                   runner_options runner, std::chrono::milliseconds limit);

/// Takes the model out of memory once no call uses it.
[[nodiscard]] net::awaitable<result<void>> unload(server_link link, std::string model,
                                                  std::chrono::milliseconds limit);

enum class probe_outcome {
    answers, ///< with whatever it is: it is not stuck
    hangs,
    gone, ///< refused, or closed without an answer: not there, which is another matter
};
/// Lets the model generate one token: the only sign of life that a deadlocked server cannot give.
[[nodiscard]] net::awaitable<probe_outcome>
probe_generation(server_link link, std::string model, runner_options runner, std::chrono::milliseconds limit);

/// A model in the server's memory (/api/ps). One that is loading is not listed.
struct loaded_model {
    std::string name;
    std::uint64_t size = 0;           ///< bytes
    std::uint64_t size_vram = 0;      ///< of these on the GPU
    std::uint64_t context_length = 0; ///< of each slot
};
[[nodiscard]] net::awaitable<result<std::vector<loaded_model>>> ask_loaded(server_link link);

/// The body of the request that loads a model.
[[nodiscard]] std::string warm_up_body(const wanted_model& model, const runner_options& runner);

} // namespace clawgate::ollama
