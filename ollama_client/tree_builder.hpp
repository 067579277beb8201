#pragma once
// Builds the tree of a JSON text as the parser walks through it, within bounds. In place of the library's own
// builder because that one, over an ordered object, takes time that is quadratic in its members, keeps the
// last of two equal keys, and knows no bounds.

#include "ollama_client/json_fields.hpp"

#include <string>
#include <vector>

namespace clawgate::ollama {

class tree_builder final : public ordered_json::json_sax_t {
public:
    /// `values`: how many more may be read; counted down.
    tree_builder(std::size_t& values, unsigned max_depth)
        : values_{values}
        , max_depth_{max_depth} {}

    [[nodiscard]] ordered_json take() { return std::move(root_); }
    /// Why it stopped, as the rest of a sentence about the text: "is not valid JSON".
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

    bool null() override { return put(nullptr) != nullptr; }
    bool boolean(bool v) override { return put(v) != nullptr; }
    bool number_integer(number_integer_t v) override { return put(v) != nullptr; }
    bool number_unsigned(number_unsigned_t v) override { return put(v) != nullptr; }
    bool number_float(number_float_t v, const string_t&) override { return put(v) != nullptr; }
    bool string(string_t& v) override { return put(std::move(v)) != nullptr; }
    bool binary(binary_t&) override { return fail("is not valid JSON"); }

    bool start_object(std::size_t) override { return open(ordered_json::object()); }
    bool key(string_t& name) override;
    bool end_object() override;
    bool start_array(std::size_t) override { return open(ordered_json::array()); }
    bool end_array() override;

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
        return fail("is not valid JSON");
    }

private:
    /// Where the value now is; null when there may be no more.
    ordered_json* put(ordered_json value);
    bool open(ordered_json empty);
    bool fail(std::string why);

    std::size_t& values_;
    unsigned max_depth_;
    ordered_json root_;
    std::vector<ordered_json*>
        open_; ///< arrays and objects, the innermost last; they grow only when innermost
    std::string failure_;
};

} // namespace clawgate::ollama
