#pragma once
// Changes to the members of one JSON object, as edits of the text that holds it.

#include "ollama_client/edited_text.hpp"
#include "ollama_client/request.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama {

class object_edits {
public:
    /// `open`: the place of the object's brace; `members`: all of them, in order, with places in the same
    /// text. They must outlive this.
    object_edits(std::size_t open, std::span<const json_member> members)
        : open_{open}
        , members_{members}
        , removed_(members.size(), false) {}

    /// Replaces the value of `key`, or adds the member. A value that stands there already is not edited.
    void set(std::string_view key, std::string_view value);
    /// With its comma; harmless when absent.
    void remove(std::string_view key);
    /// Gives the edits to `to`. Once, at the end.
    void apply(edited_text& to) const;

private:
    struct change {
        const json_member* member;
        std::string value;
    };
    std::size_t open_;
    std::span<const json_member> members_;
    std::vector<bool> removed_;
    std::vector<change> changes_;
    std::string added_; ///< `"key":value,"key":value`
};

} // namespace clawgate::ollama
