#pragma once
// What the translations share: a caller's JSON as a tree, read field by field. A body is parsed only after
// scan_object() has accepted it; the tree is rebuilt as the native request, so what Ollama's decoder would
// read differently (duplicate keys, other cases) cannot pass.

#include "core/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace clawgate::ollama {

/// Keeps the order of members: that of a tool's parameters and arguments is part of the prompt.
using ordered_json = nlohmann::ordered_json;

/// How deep the JSON texts inside a request's strings (a tool call's arguments) may be nested; they become
/// part of a native request, which may be max_json_depth deep in all.
inline constexpr unsigned max_inner_depth = 48;

/// Parses the texts of one request. The number of values is bounded for all of them together: a tree takes
/// many times the memory of its text. A key that is twice in an object is an error at any depth.
class json_parser {
public:
    static constexpr std::size_t max_values = 500'000;

    /// errc::bad_request with a sentence about `what`.
    [[nodiscard]] result<ordered_json> parse(std::string_view text, unsigned max_depth,
                                             std::string_view what);

private:
    std::size_t values_left_ = max_values;
};

/// The tree of a request's body: an object. Errors as scan_object() words them.
[[nodiscard]] result<ordered_json> parse_body(json_parser& parser, std::string_view body);

/// The first thing that is wrong with a request. Readers go on with defaults after it, so that they need not
/// stop at every field; whoever began the translation looks here at its end.
class first_error {
public:
    void add(std::string sentence) {
        if (sentence_.empty()) sentence_ = std::move(sentence);
    }
    [[nodiscard]] bool any() const noexcept { return !sentence_.empty(); }
    [[nodiscard]] error get() const {
        return error{errc::bad_request, fault::client, retry::never, sentence_};
    }

private:
    std::string sentence_;
};

/// The members of one object of a request. Absent and null are the same, as both interfaces have it. A wrong
/// type is recorded as an error and reads as absent.
class fields {
public:
    /// `where`: its place in the request for error texts ("messages[2]"), empty for the top level.
    fields(ordered_json& object, std::string where, first_error& errors);

    [[nodiscard]] ordered_json* find(std::string_view key);
    [[nodiscard]] bool has(std::string_view key) { return find(key) != nullptr; }
    [[nodiscard]] ordered_json* array(std::string_view key);
    [[nodiscard]] ordered_json* object(std::string_view key);
    /// Moved out of the tree: bodies may hold megabytes of text. Only for the first reading of a field.
    [[nodiscard]] std::optional<std::string> take_string(std::string_view key);
    /// … and an error when it is absent.
    [[nodiscard]] std::string require_string(std::string_view key);
    [[nodiscard]] std::string_view peek_string(std::string_view key);
    [[nodiscard]] std::optional<bool> boolean(std::string_view key);
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key);

    /// Copies a number, or an integer, to `to`[name], if it is there.
    void copy_number(std::string_view key, ordered_json& to, const char* name);
    void copy_integer(std::string_view key, ordered_json& to, const char* name);
    /// … one of at least 1.
    void copy_positive(std::string_view key, ordered_json& to, const char* name);

    [[nodiscard]] std::string place(std::string_view key) const;
    void refuse(std::string_view key, std::string_view sentence);
    [[nodiscard]] first_error& errors() noexcept { return *errors_; }

private:
    ordered_json* object_ = nullptr;
    std::string where_;
    first_error* errors_;
};

/// An array of strings, or one string as an array of one. Other things are errors.
[[nodiscard]] ordered_json string_list(fields& f, std::string_view key);

/// For error texts: a caller's word in quotes, cut when it is long.
[[nodiscard]] std::string shown(std::string_view word);
/// RFC 4648 section 4 with padding and without white space, which is what Ollama decodes.
[[nodiscard]] bool is_base64(std::string_view text) noexcept;
/// Valid JSON whatever bytes the strings hold: what is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string dump(const ordered_json& value);
/// Adds `text` to `to`, on a line of its own when both have text: parts of a message are separate texts.
void append_part(std::string& to, std::string text);

} // namespace clawgate::ollama
