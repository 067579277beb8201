#include "app/form.hpp"

#include "core/encoding.hpp"

namespace clawgate::app {

std::optional<std::string> form_value(std::string_view form, std::string_view name) {
    while (!form.empty()) {
        const auto end = form.find('&');
        const auto pair = form.substr(0, end);
        const auto equals = pair.find('=');
        if (percent_decode(pair.substr(0, equals), true) == name)
            return equals == pair.npos ? std::string{} : percent_decode(pair.substr(equals + 1), true);
        if (end == form.npos) break;
        form.remove_prefix(end + 1);
    }
    return std::nullopt;
}

} // namespace clawgate::app
