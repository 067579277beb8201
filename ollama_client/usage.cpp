#include "ollama_client/usage.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace clawgate::ollama {
namespace {

using nlohmann::json;

/// No call has more tokens, or takes longer: sums of what a broken server says must not overflow.
constexpr std::uint64_t most_tokens = 1ull << 32;
constexpr std::uint64_t most_nanoseconds = 1ull << 52; // 52 days
/// Callers and models of which a book is kept. What exceeds it is kept as one.
constexpr std::size_t most_entries = 1024;

/// 0 where there is no number, as the server leaves out what is zero (facts/ollama.md).
[[nodiscard]] std::uint64_t number(const json& record, const char* key, std::uint64_t most) {
    const auto found = record.find(key);
    if (found == record.end()) return 0;
    if (found->is_number_unsigned()) return std::min(found->get<std::uint64_t>(), most);
    if (!found->is_number_float()) return 0; // a negative integer, or no number at all
    const double value = found->get<double>();
    if (!(value > 0)) return 0;
    return value < static_cast<double>(most) ? static_cast<std::uint64_t>(value) : most;
}

[[nodiscard]] std::chrono::nanoseconds duration(const json& record, const char* key) {
    return std::chrono::nanoseconds{number(record, key, most_nanoseconds)};
}

/// Embeddings are answered with one object that has the numbers but no "done".
[[nodiscard]] bool is_final(const json& record) {
    if (!record.is_object()) return false;
    if (const auto done = record.find("done"); done != record.end())
        return done->is_boolean() && done->get<bool>();
    return record.contains("total_duration") || record.contains("prompt_eval_count");
}

} // namespace

std::optional<final_numbers> numbers_of(std::string_view final_record) {
    const json record = json::parse(final_record, nullptr, /*allow_exceptions=*/false);
    if (!is_final(record)) return std::nullopt;
    final_numbers n;
    n.prompt_tokens = number(record, "prompt_eval_count", most_tokens);
    n.answer_tokens = number(record, "eval_count", most_tokens);
    n.load = duration(record, "load_duration");
    n.prefill = duration(record, "prompt_eval_duration");
    n.generation = duration(record, "eval_duration");
    if (const auto reason = record.find("done_reason"); reason != record.end() && reason->is_string())
        n.done_reason = reason->get<std::string>();
    return n;
}

void usage_totals::add(const final_numbers& n) {
    prompt_tokens += n.prompt_tokens;
    answer_tokens += n.answer_tokens;
    answered += n.answer_tokens > 0 ? 1 : 0;
    load += n.load;
    prefill += n.prefill;
    generation += n.generation;
}

std::uint32_t usage_totals::mean_answer_tokens() const noexcept {
    constexpr std::uint32_t usual = 256;
    if (answered == 0) return usual;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(answer_tokens / answered, most_tokens - 1));
}

double usage_totals::prompt_tokens_a_second() const noexcept {
    const auto seconds = std::chrono::duration<double>(prefill).count();
    return seconds > 0 ? static_cast<double>(prompt_tokens) / seconds : 0;
}

usage_totals& usage_totals::operator+=(const usage_totals& other) {
    requests += other.requests;
    failed += other.failed;
    canceled += other.canceled;
    answered += other.answered;
    prompt_tokens += other.prompt_tokens;
    answer_tokens += other.answer_tokens;
    heartbeats += other.heartbeats;
    reloads_avoided += other.reloads_avoided;
    pruned_bytes += other.pruned_bytes;
    queued += other.queued;
    load += other.load;
    prefill += other.prefill;
    generation += other.generation;
    return *this;
}

usage_totals& usage_book::of(const std::string& caller, const std::string& model) {
    const std::pair key{caller, model};
    if (const auto found = totals_.find(key); found != totals_.end()) return found->second;
    if (totals_.size() < most_entries) return totals_[key];
    return totals_[{"others", "others"}];
}

usage_totals usage_book::sum() const {
    usage_totals all;
    for (const auto& [_, totals] : totals_)
        all += totals;
    return all;
}

} // namespace clawgate::ollama
