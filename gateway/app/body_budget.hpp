#pragma once
// How many bytes of requests may be held while they are read or wait, and by whom: one caller must not be able to
// shut the others out by holding all of it. Belongs to the worker that serves the model API.

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace clawgate::app {

class body_budget {
public:
    /// Of all callers; `most / 4` of one. The last quarter is kept for callers that hold little: `most / 64`, their
    /// new body included.
    explicit body_budget(std::size_t most = 512ull << 20)
        : most_{most} {}
    [[nodiscard]] std::size_t held() const noexcept { return held_; }

private:
    friend class held_bytes;
    [[nodiscard]] bool resize(const std::string& caller, std::size_t from, std::size_t to);

    std::size_t most_;
    std::size_t held_ = 0;
    std::map<std::string, std::size_t> by_caller_; ///< none of them 0
};

/// What one request holds; given back when it goes.
class held_bytes {
public:
    held_bytes(std::shared_ptr<body_budget> budget, std::string caller)
        : budget_{std::move(budget)}
        , caller_{std::move(caller)} {}
    held_bytes(const held_bytes&) = delete;
    held_bytes& operator=(const held_bytes&) = delete;
    ~held_bytes() { static_cast<void>(resize(0)); }

    /// False, and nothing changed, when the caller or all of them would hold too much. Less is always granted.
    [[nodiscard]] bool resize(std::size_t bytes) {
        if (!budget_->resize(caller_, bytes_, bytes)) return false;
        bytes_ = bytes;
        return true;
    }

private:
    std::shared_ptr<body_budget> budget_; ///< what still waits at the end goes after the door
    std::string caller_;
    std::size_t bytes_ = 0;
};

} // namespace clawgate::app
