#include "pages/template.hpp"

#include "core/encoding.hpp"
#include "pages/texts.hpp"

#include <stdexcept>

namespace clawgate::pages {
namespace {

enum class literal_is { html, text };

const markup& find(std::string_view name, values v) {
    for (const auto& candidate : v)
        if (candidate.name == name) return candidate.content;
    throw std::logic_error("template placeholder without a value: " + std::string(name));
}

std::string substitute(std::string_view source, literal_is kind, language lang, values v) {
    std::string out;
    out.reserve(source.size() * 2);
    while (!source.empty()) {
        const auto open = source.find("{{");
        const auto literal = source.substr(0, open);
        out += kind == literal_is::html ? std::string(literal) : html_escape(literal);
        if (open == std::string_view::npos) break;
        const auto close = source.find("}}", open);
        if (close == std::string_view::npos) throw std::logic_error("template placeholder without an end");
        const auto name = source.substr(open + 2, close - open - 2);
        // Texts hold no texts, so this recursion is one level deep.
        if (kind == literal_is::html && name.starts_with("t."))
            out += substitute(text(lang, name.substr(2)), literal_is::text, lang, v);
        else
            out += find(name, v).html();
        source.remove_prefix(close + 2);
    }
    return out;
}

} // namespace

value::value(std::string_view n, std::string_view plain)
    : name{n}
    , content{html_escape(plain)} {}

markup expand(std::string_view page, language lang, values v) {
    return markup{substitute(page, literal_is::html, lang, v)};
}

markup expand_text(std::string_view key, language lang, values v) {
    return markup{substitute(text(lang, key), literal_is::text, lang, v)};
}

} // namespace clawgate::pages
