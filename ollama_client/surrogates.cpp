#include "ollama_client/surrogates.hpp"

namespace clawgate::ollama {

std::uint32_t escaped_unit(std::string_view rest) noexcept {
    if (rest.size() < 6 || rest[0] != '\\' || rest[1] != 'u') return 0;
    std::uint32_t unit = 0;
    for (const char c : rest.substr(2, 4)) {
        const char lower = static_cast<char>(c | 0x20);
        if (c >= '0' && c <= '9')
            unit = unit * 16 + static_cast<std::uint32_t>(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            unit = unit * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
        else
            return 0;
    }
    return unit;
}

std::uint32_t escaped_pair(std::string_view rest) noexcept {
    const auto high = escaped_unit(rest);
    if (high < 0xd800 || high > 0xdbff) return 0;
    const auto low = escaped_unit(rest.substr(6));
    if (low < 0xdc00 || low > 0xdfff) return 0;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

bool may_have_surrogates(std::string_view json) noexcept {
    return json.find("\\ud") != json.npos || json.find("\\uD") != json.npos;
}

std::string with_halves_replaced(std::string_view json) {
    std::string out{json};
    for (auto at = out.find('\\'); at != out.npos; at = out.find('\\', at)) {
        const auto rest = std::string_view{out}.substr(at);
        if (escaped_pair(rest) != 0) {
            at += 12;
        } else if (is_surrogate(escaped_unit(rest))) {
            out.replace(at + 2, 4, "fffd");
            at += 6;
        } else {
            at += 2; // of another escape at least its letter: `\\ud83d` is a backslash and four letters
        }
    }
    return out;
}

} // namespace clawgate::ollama
