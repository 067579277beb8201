#pragma once
// Templates with {{name}}. What is put in is escaped unless it is `markup`, which only this box makes: a
// value that came from outside has no way in unescaped.

#include "pages/pages.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace clawgate::pages {

/// HTML that was rendered here.
class markup {
public:
    markup() = default;
    /// For embedded assets and the results of expand(); never for a value from outside.
    explicit markup(std::string html)
        : html_{std::move(html)} {}
    [[nodiscard]] const std::string& html() const { return html_; }
    void append(const markup& other) { html_ += other.html_; }

private:
    std::string html_;
};

/// A placeholder's value. Text is escaped once, here.
struct value {
    std::string_view name;
    markup content;

    value(std::string_view n, std::string_view plain);
    value(std::string_view n, markup m)
        : name{n}
        , content{std::move(m)} {}
};
using values = std::initializer_list<value>;

/// `{{name}}` → the value; `{{t.key}}` → that text of the table, itself expanded with the same values. One
/// pass: braces inside a value mean nothing. Throws std::logic_error for a name without a value (a bug).
[[nodiscard]] markup expand(std::string_view page, language lang, values v);

/// A text of the table, escaped, with its placeholders filled in.
[[nodiscard]] markup expand_text(std::string_view key, language lang, values v = {});

} // namespace clawgate::pages
