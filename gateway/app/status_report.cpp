#include "app/status_report.hpp"

namespace clawgate::app {
namespace {

using nlohmann::json;

double seconds_of(std::chrono::nanoseconds d) {
    return std::chrono::duration<double>{d}.count();
}

json report_progress(const ollama::pull_progress& p, steady_time now) {
    json j{{"status", p.status()},
           {"completed_bytes", p.completed()},
           {"total_bytes", p.total()},
           {"bytes_per_second", p.bytes_per_second(now)}};
    if (const auto percent = p.percent()) j["percent"] = *percent;
    if (const auto left = p.time_left(now)) j["seconds_left"] = left->count();
    return j;
}

json report_model(const ollama::model_status& m, steady_time now) {
    json j{{"name", m.name}, {"embedding", m.embedding}, {"state", ollama::to_string(m.phase)}};
    if (!m.reason.empty()) j["reason"] = m.reason;
    if (m.progress) j["download"] = report_progress(*m.progress, now);
    return j;
}

std::string_view class_name(ollama::priority rank) {
    switch (rank) {
    case ollama::priority::person: return "person";
    case ollama::priority::agent: return "agent";
    case ollama::priority::background: break;
    }
    return "background";
}

} // namespace

json report_models(const ollama::keeper_status& k, steady_time now) {
    json models = json::array();
    for (const auto& m : k.models)
        models.push_back(report_model(m, now));
    json loaded = json::array();
    for (const auto& m : k.loaded)
        loaded.push_back({{"name", m.name},
                          {"bytes", m.size},
                          {"vram_bytes", m.size_vram},
                          {"context_length", m.context_length}});
    json j{{"server_up", k.server_up}, {"models", std::move(models)}, {"loaded", std::move(loaded)}};
    if (!k.server_version.empty()) j["server_version"] = k.server_version;
    if (!k.server_up && !k.server_problem.empty()) j["server_problem"] = k.server_problem;
    return j;
}

json report_queue(const turn_queue& q, const std::set<std::string>& agents) {
    json waiting = json::array();
    for (const auto& w : q.waiting()) {
        json call{{"caller", agents.contains(w.flow) ? w.flow : "person"},
                  {"class", class_name(w.rank)},
                  {"model", w.model},
                  {"position", w.place.position},
                  {"waited_ms", w.waited.count()}};
        // 0 says that no call has ended yet, from which it could be told.
        if (w.place.estimated_wait.count() > 0) call["estimated_wait_ms"] = w.place.estimated_wait.count();
        waiting.push_back(std::move(call));
    }
    return {{"active", q.state().active()}, {"waiting", std::move(waiting)}};
}

json report_usage(const ollama::usage_book& u) {
    json all = json::array();
    for (const auto& [who, t] : u.all())
        all.push_back({{"caller", who.first},
                       {"model", who.second},
                       {"requests", t.requests},
                       {"failed", t.failed},
                       {"canceled", t.canceled},
                       {"prompt_tokens", t.prompt_tokens},
                       {"answer_tokens", t.answer_tokens},
                       {"queue_seconds", seconds_of(t.queued)},
                       {"load_seconds", seconds_of(t.load)},
                       {"prefill_seconds", seconds_of(t.prefill)},
                       {"generation_seconds", seconds_of(t.generation)},
                       {"heartbeats", t.heartbeats},
                       {"reloads_avoided", t.reloads_avoided},
                       {"pruned_bytes", t.pruned_bytes}});
    return all;
}

void report_pod(json& to, const pod_status* status) {
    to["supervised"] = status && status->supervised;
    auto& notices = to["notices"] = json::array();
    auto& events = to["events"] = json::array();
    auto& programs = to["programs"] = json::array();
    if (!status) return;
    for (const auto& n : status->facts.notices)
        notices.push_back({{"key", n.key}, {"detail", n.detail}});
    for (const auto& e : status->events) {
        json event{{"time", iso_time(e.when)}, {"program", e.program}, {"what", e.what}};
        if (e.bytes != 0) event["bytes"] = e.bytes;
        events.push_back(std::move(event));
    }
    for (const auto& p : status->programs) {
        json program{{"name", p.name}, {"state", p.state}};
        if (p.started != 0) program["started"] = iso_time(wall_clock::from_time_t(p.started));
        if (!p.problem.empty()) program["problem"] = p.problem;
        for (const auto& a : status->agents)
            if (a.program.name == p.name) program["memory_bytes"] = a.memory_bytes;
        programs.push_back(std::move(program));
    }
}

std::string_view agent_state(bool ready, bool ever_up) noexcept {
    return ready ? "ready" : ever_up ? "down" : "starting";
}

} // namespace clawgate::app
