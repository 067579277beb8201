#pragma once
// A text with some of its parts replaced. The original is not copied: a body of many megabytes is sent as its
// own pieces with the replacements between them.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama {

class edited_text {
public:
    /// `original` must outlive this.
    explicit edited_text(std::string_view original = {})
        : original_{original} {}

    /// Puts `with` in the place of [begin, end) of the original. Parts may be given in any order but must not
    /// overlap; several insertions at one place (begin == end) appear in the order in which they were given,
    /// and before a part that is replaced from there on.
    void replace(std::size_t begin, std::size_t end, std::string with);
    void insert(std::size_t at, std::string text) { replace(at, at, std::move(text)); }

    [[nodiscard]] bool empty() const noexcept { return edits_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept;
    /// The pieces in order, none of them empty. Valid as long as the original and this are, until the next
    /// replace().
    [[nodiscard]] std::vector<std::string_view> pieces() const;
    [[nodiscard]] std::string str() const;

private:
    struct edit {
        std::size_t begin;
        std::size_t end;
        std::string with;
    };
    std::string_view original_;
    std::vector<edit> edits_; ///< ordered by begin
};

} // namespace clawgate::ollama
