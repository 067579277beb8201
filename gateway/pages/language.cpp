#include "pages/pages.hpp"

#include <algorithm>
#include <optional>

namespace clawgate::pages {
namespace {

std::string_view trim(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
        s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
        s.remove_suffix(1);
    return s;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_language(std::string_view range, std::string_view primary) {
    if (range.size() < primary.size()) return false;
    for (std::size_t i = 0; i < primary.size(); ++i)
        if (lower(range[i]) != primary[i]) return false;
    return range.size() == primary.size() || range[primary.size()] == '-';
}

/// RFC 9110 section 12.4.2, in thousandths: "0", "0.5", "1.000". Nothing when malformed.
std::optional<int> weight(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    int value = (text[0] - '0') * 1000;
    if (text.size() > 1 && text[1] != '.') return std::nullopt;
    int scale = 100;
    for (std::size_t i = 2; i < text.size(); ++i, scale /= 10) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value += (text[i] - '0') * scale;
    }
    return value <= 1000 ? std::optional(value) : std::nullopt;
}

struct language_range {
    std::string_view tag;
    int weight = 1000;
};

std::optional<language_range> parse_range(std::string_view item) {
    const auto semicolon = item.find(';');
    language_range range{trim(item.substr(0, semicolon)), 1000};
    if (semicolon != std::string_view::npos) {
        const auto parameter = trim(item.substr(semicolon + 1));
        if (parameter.size() < 2 || lower(parameter[0]) != 'q' || parameter[1] != '=') return std::nullopt;
        const auto q = weight(parameter.substr(2));
        if (!q) return std::nullopt;
        range.weight = *q;
    }
    return range;
}

} // namespace

language pick_language(std::string_view accept_language) {
    // Position decides between equal weights: browsers list the preferred language first.
    struct preference {
        int weight = 0;
        int position = 0;
    };
    std::optional<preference> portuguese;
    std::optional<preference> english;
    int position = 0;
    while (!accept_language.empty()) {
        const auto comma = accept_language.find(',');
        const auto range = parse_range(trim(accept_language.substr(0, comma)));
        accept_language.remove_prefix(comma == std::string_view::npos ? accept_language.size() : comma + 1);
        ++position;
        if (!range) continue;
        auto* slot = is_language(range->tag, "pt")   ? &portuguese
                     : is_language(range->tag, "en") ? &english
                                                     : nullptr;
        if (slot && (!*slot || range->weight > (*slot)->weight)) *slot = preference{range->weight, position};
    }
    if (!portuguese || portuguese->weight == 0) return language::en;
    if (!english) return language::pt_br;
    const bool preferred = portuguese->weight > english->weight || (portuguese->weight == english->weight &&
                                                                    portuguese->position < english->position);
    return preferred ? language::pt_br : language::en;
}

} // namespace clawgate::pages
