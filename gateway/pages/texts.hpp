#pragma once
// Every sentence of the pages, in every language, in one table.

#include "pages/pages.hpp"

#include <span>
#include <string_view>

namespace clawgate::pages {

struct text_entry {
    std::string_view key;
    std::string_view en;
    std::string_view pt_br;
};

/// May hold {{placeholders}}, the same ones in every language.
[[nodiscard]] std::span<const text_entry> text_table();

/// Throws std::logic_error for a key that is not in the table: a bug, which the tests find.
[[nodiscard]] std::string_view text(language lang, std::string_view key);

/// BCP 47 tag for the lang attribute.
[[nodiscard]] std::string_view language_tag(language lang);

} // namespace clawgate::pages
