#include "app/model_turn.hpp"

namespace clawgate::app {

result<void> model_turn::join(ollama::call_request r, std::chrono::milliseconds time_limit) {
    const auto queue = queue_.lock();
    if (!queue) return error{errc::canceled};
    // May grant at once.
    auto id = queue->join(std::move(r), *this, time_limit);
    if (!id) return id.error();
    id_ = *id;
    return {};
}

void model_turn::answer_began() {
    if (const auto queue = queue_.lock(); queue && id_) queue->answer_began(*id_);
}

void model_turn::done(ollama::call_cost cost) {
    const auto id = std::exchange(id_, std::nullopt);
    const auto queue = queue_.lock();
    if (!queue || !id) return;
    if (granted_)
        queue->done(*id, cost);
    else
        queue->leave(*id);
}

} // namespace clawgate::app
