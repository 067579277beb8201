#pragma once
// How many calls of one model the server really runs at once. OLLAMA_NUM_PARALLEL is only the most: Ollama gives
// some families one slot whatever it says, and a server that somebody else started has a setting of its own.

#include "ollama_client/parameters.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace clawgate::ollama {

/// Of a model of this architecture (model_info's general.architecture); facts/ollama.md, OLLAMA_NUM_PARALLEL.
[[nodiscard]] unsigned slots_of(const model_facts& facts, unsigned parallel) noexcept;

class model_slots {
public:
    /// `parallel`: OLLAMA_NUM_PARALLEL.
    explicit model_slots(unsigned parallel)
        : parallel_{parallel} {}

    /// The server is ours, started with that OLLAMA_NUM_PARALLEL.
    void server_is_ours() noexcept { ours_ = true; }
    void learn(const model_facts& facts) { known_[facts.name] = slots_of(facts, parallel_); }

    /// As many calls may be dispatched: as many as the server has, as far as that is known.
    [[nodiscard]] unsigned of(std::string_view model) const;
    /// So many the server is sure to have. Of a server that is not ours that is what it has shown: as many as
    /// were seen to be answered at once, at least one.
    [[nodiscard]] unsigned sure(std::string_view model) const;

    /// A call has given its first record, and has ended.
    void answer_began(const std::string& model);
    void answer_ended(const std::string& model);

private:
    struct answers {
        unsigned now = 0;
        unsigned most = 0;
    };
    unsigned parallel_;
    bool ours_ = false;
    std::map<std::string, unsigned, std::less<>> known_;
    std::map<std::string, answers, std::less<>> seen_;
};

} // namespace clawgate::ollama
