#include "ollama_client/native_record.hpp"
#include "ollama_client/translation.hpp"

#include <charconv>
#include <chrono>

namespace clawgate::ollama {

namespace {

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    if (text.size() < at + count) return std::nullopt;
    int out = 0;
    const auto* const end = text.data() + at + count;
    const auto [stop, failed] = std::from_chars(text.data() + at, end, out);
    if (failed != std::errc{} || stop != end || out < 0) return std::nullopt;
    return out;
}

// Seconds since 1970 of an RFC 3339 time such as 2026-08-21T10:11:12.345+02:00; 0 for anything else.
std::int64_t unix_seconds(std::string_view time) {
    using namespace std::chrono;
    const auto year_of = digits(time, 0, 4);
    const auto month_of = digits(time, 5, 2);
    const auto day_of = digits(time, 8, 2);
    const auto hour_of = digits(time, 11, 2);
    const auto minute_of = digits(time, 14, 2);
    const auto second_of = digits(time, 17, 2);
    if (!year_of || !month_of || !day_of || !hour_of || !minute_of || !second_of) return 0;
    const year_month_day date{year{*year_of}, month{static_cast<unsigned>(*month_of)},
                              day{static_cast<unsigned>(*day_of)}};
    if (!date.ok()) return 0;
    auto seconds_of =
        sys_days{date}.time_since_epoch() / seconds{1} + *hour_of * 3600LL + *minute_of * 60LL + *second_of;
    const auto zone = time.find_first_of("Zz+-", 19);
    if (zone != std::string_view::npos && (time[zone] == '+' || time[zone] == '-')) {
        const auto offset =
            digits(time, zone + 1, 2).value_or(0) * 3600LL + digits(time, zone + 4, 2).value_or(0) * 60LL;
        seconds_of += time[zone] == '+' ? -offset : offset;
    }
    return seconds_of;
}

result<ordered_json> models_of(std::string_view tags) {
    auto tree = ordered_json::parse(tags.begin(), tags.end(), nullptr, false);
    if (!tree.is_object() || !tree.contains("models") ||
        !(tree["models"].is_array() || tree["models"].is_null()))
        return error{errc::bad_upstream, fault::upstream, retry::never,
                     "the model server's answer has no models"};
    return {boost::system::in_place_value, std::move(tree["models"])};
}

std::string name_of(const ordered_json& model) {
    auto name = string_of(model, "name");
    return name.empty() ? string_of(model, "model") : name;
}

ordered_json model_object(const std::string& id, const ordered_json& model) {
    ordered_json out;
    out["id"] = id;
    out["object"] = "model";
    out["created"] = unix_seconds(string_of(model, "modified_at"));
    out["owned_by"] = "library";
    return out;
}

} // namespace

result<std::string> models_answer(std::string_view tags, const model_filter& served) {
    const auto models = models_of(tags);
    if (!models) return models.error();
    ordered_json out;
    out["object"] = "list";
    out["data"] = ordered_json::array();
    for (const auto& model : *models)
        if (const auto name = name_of(model); !name.empty() && served(name))
            out["data"].push_back(model_object(name, model));
    return dump(out);
}

result<std::string> model_answer(std::string_view tags, std::string_view id, const model_filter& served) {
    const auto models = models_of(tags);
    if (!models) return models.error();
    const auto with_tag = std::string{id} + ":latest";
    for (const auto& model : *models)
        if (const auto name = name_of(model); served(name) && (name == id || name == with_tag))
            return dump(model_object(std::string{id}, model));
    return error{errc::not_found, fault::client, retry::never, "model " + shown(id) + " not found"};
}

} // namespace clawgate::ollama
