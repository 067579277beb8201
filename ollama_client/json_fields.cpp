#include "ollama_client/json_fields.hpp"

#include "ollama_client/json_object.hpp"
#include "ollama_client/request.hpp"
#include "ollama_client/surrogates.hpp"
#include "ollama_client/tree_builder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clawgate::ollama {

result<ordered_json> json_parser::parse(std::string_view text, unsigned max_depth, std::string_view what) {
    tree_builder tree{values_left_, max_depth};
    std::string mended; // the library refuses halves of surrogate pairs
    if (may_have_surrogates(text)) text = mended = with_halves_replaced(text);
    if (!ordered_json::sax_parse(text.begin(), text.end(), &tree))
        return bad_request(std::string{what} + ' ' + tree.failure());
    return {boost::system::in_place_value, tree.take()};
}

result<ordered_json> parse_body(json_parser& parser, std::string_view body) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return bad_request("missing request body");
    if (const auto scanned = scan_object(body); !scanned) return scanned.error();
    return parser.parse(body, max_json_depth, "the body");
}

fields::fields(ordered_json& object, std::string where, first_error& errors)
    : where_{std::move(where)}
    , errors_{&errors} {
    if (object.is_object())
        object_ = &object;
    else
        errors.add((where_.empty() ? std::string{"the body"} : where_) + " must be an object");
}

std::string fields::place(std::string_view key) const {
    return where_.empty() ? std::string{key} : where_ + '.' + std::string{key};
}

void fields::refuse(std::string_view key, std::string_view sentence) {
    errors_->add(place(key) + ' ' + std::string{sentence});
}

ordered_json* fields::find(std::string_view key) {
    if (object_ == nullptr) return nullptr;
    const auto at = object_->find(std::string{key});
    return at == object_->end() || at->is_null() ? nullptr : &*at;
}

ordered_json* fields::array(std::string_view key) {
    auto* const v = find(key);
    if (v == nullptr || v->is_array()) return v;
    refuse(key, "must be an array");
    return nullptr;
}

ordered_json* fields::object(std::string_view key) {
    auto* const v = find(key);
    if (v == nullptr || v->is_object()) return v;
    refuse(key, "must be an object");
    return nullptr;
}

std::optional<std::string> fields::take_string(std::string_view key) {
    auto* const v = find(key);
    if (v == nullptr) return std::nullopt;
    if (!v->is_string()) {
        refuse(key, "must be a string");
        return std::nullopt;
    }
    return std::move(v->get_ref<std::string&>());
}

std::string fields::require_string(std::string_view key) {
    if (!has(key)) refuse(key, "is required");
    return take_string(key).value_or(std::string{});
}

std::string_view fields::peek_string(std::string_view key) {
    auto* const v = find(key);
    if (v == nullptr) return {};
    if (!v->is_string()) {
        refuse(key, "must be a string");
        return {};
    }
    return v->get_ref<const std::string&>();
}

std::optional<bool> fields::boolean(std::string_view key) {
    auto* const v = find(key);
    if (v == nullptr) return std::nullopt;
    if (!v->is_boolean()) {
        refuse(key, "must be true or false");
        return std::nullopt;
    }
    return v->get<bool>();
}

std::optional<std::int64_t> fields::integer(std::string_view key) {
    auto* const v = find(key);
    if (v == nullptr) return std::nullopt;
    if (v->is_number_unsigned() && v->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
        refuse(key, "is too large");
        return std::nullopt;
    }
    if (v->is_number_integer()) return v->get<std::int64_t>();
    // Some clients write 100.0 for 100.
    constexpr double exact = 9'007'199'254'740'992.0; // 2^53
    if (v->is_number_float() && std::abs(v->get<double>()) <= exact &&
        std::trunc(v->get<double>()) == v->get<double>())
        return static_cast<std::int64_t>(v->get<double>());
    refuse(key, "must be an integer");
    return std::nullopt;
}

void fields::copy_number(std::string_view key, ordered_json& to, const char* name) {
    auto* const v = find(key);
    if (v == nullptr) return;
    if (v->is_number())
        to[name] = *v;
    else
        refuse(key, "must be a number");
}

void fields::copy_integer(std::string_view key, ordered_json& to, const char* name) {
    if (const auto v = integer(key)) to[name] = *v;
}

void fields::copy_positive(std::string_view key, ordered_json& to, const char* name) {
    const auto v = integer(key);
    if (!v) return;
    if (*v >= 1)
        to[name] = *v;
    else
        refuse(key, "must be at least 1");
}

ordered_json string_list(fields& f, std::string_view key) {
    auto* const v = f.find(key);
    if (v == nullptr) return ordered_json::array();
    if (v->is_string()) return ordered_json::array({std::move(*v)});
    const auto is_string = [](const ordered_json& e) { return e.is_string(); };
    if (v->is_array() && std::all_of(v->begin(), v->end(), is_string)) return std::move(*v);
    f.refuse(key, "must be a string or an array of strings");
    return ordered_json::array();
}

std::string shown(std::string_view word) {
    constexpr std::size_t longest = 60;
    std::string out{word.substr(0, longest)};
    while (!out.empty() && word.size() > longest && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80)
        out.pop_back(); // back to the lead byte of a character that was cut
    if (word.size() > longest && !out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0)
        out.pop_back();
    return '"' + out + (word.size() > longest ? "…\"" : "\"");
}

bool is_base64(std::string_view text) noexcept {
    if (text.empty() || text.size() % 4 != 0) return false;
    if (text.ends_with("==")) // the only two places where padding may be
        text.remove_suffix(2);
    else if (text.ends_with('='))
        text.remove_suffix(1);
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '/';
    });
}

std::string dump(const ordered_json& value) {
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void append_part(std::string& to, std::string text) {
    if (to.empty()) {
        to = std::move(text);
    } else if (!text.empty()) {
        to += '\n';
        to += text;
    }
}

} // namespace clawgate::ollama
