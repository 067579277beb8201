#include "support/fake_ollama_decode.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace clawgate::support {

namespace {

using json = nlohmann::json;

/// A member of a Go structure. `type` as Go names it; "any" takes everything.
struct go_field {
    std::string_view name;
    std::string_view type;
    std::span<const go_field> members = {}; ///< of a structure, or of a list's elements
    bool pointer = false;                   ///< null resets it; elsewhere null changes nothing
};

constexpr std::array<go_field, 3> function_fields{
    {{"index", "int"}, {"name", "string"}, {"arguments", "map[string]interface {}"}}};
constexpr std::array<go_field, 2> tool_call_fields{
    {{"id", "string"}, {"function", "api.ToolCallFunction", function_fields}}};
constexpr std::array<go_field, 7> message_fields{{{"role", "string"},
                                                  {"content", "string"},
                                                  {"thinking", "string"},
                                                  {"images", "[]api.ImageData"},
                                                  {"tool_calls", "[]api.ToolCall", tool_call_fields},
                                                  {"tool_name", "string"},
                                                  {"tool_call_id", "string"}}};
constexpr std::array<go_field, 27> request_fields{{{"model", "string"},
                                                   {"name", "string"},
                                                   {"prompt", "string"},
                                                   {"suffix", "string"},
                                                   {"system", "string"},
                                                   {"template", "string"},
                                                   {"source", "string"},
                                                   {"destination", "string"},
                                                   {"messages", "[]api.Message", message_fields},
                                                   {"tools", "api.Tools"},
                                                   {"images", "[]api.ImageData"},
                                                   {"context", "[]int"},
                                                   {"input", "any", {}, true},
                                                   {"format", "any", {}, true},
                                                   {"options", "map[string]interface {}"},
                                                   {"stream", "bool", {}, true},
                                                   {"raw", "bool"},
                                                   {"shift", "bool", {}, true},
                                                   {"truncate", "bool", {}, true},
                                                   {"insecure", "bool"},
                                                   {"verbose", "bool"},
                                                   {"logprobs", "bool"},
                                                   {"top_logprobs", "int"},
                                                   {"dimensions", "int"},
                                                   {"keep_alive", "any", {}, true},
                                                   {"think", "any", {}, true},
                                                   {"username", "string"}}};

/// Unicode simple folding, of the runes that fold to ASCII letters.
std::string fold(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name.substr(i).starts_with("\u017f")) {
            out += 's';
            i += 1;
        } else if (name.substr(i).starts_with("\u212a")) {
            out += 'k';
            i += 2;
        } else {
            out += name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] | 0x20) : name[i];
        }
    }
    return out;
}

bool is_list(std::string_view type) {
    return type.starts_with("[]") || type == "api.Tools";
}

bool is_object(std::string_view type) {
    return type.starts_with("map[") || type == "api.ToolCallFunction";
}

bool fits(const json& value, std::string_view type) {
    if (type == "any") return true;
    if (type == "string") return value.is_string();
    if (type == "bool") return value.is_boolean();
    if (type == "int") return value.is_number_integer();
    if (is_list(type)) return value.is_array();
    return value.is_object();
}

std::string_view kind_of(const json& value) {
    if (value.is_string()) return "string";
    if (value.is_boolean()) return "bool";
    if (value.is_array()) return "array";
    return value.is_object() ? "object" : "number";
}

/// Builds the value from the parser's events, since a finished json has lost its duplicates.
class go_decoder : public nlohmann::json_sax<json> {
public:
    go_decoder(std::string_view structure, std::string_view body)
        : structure_{structure}
        , body_{body} {}

    decoded_request take() { return {std::move(result_), std::move(problem_)}; }

    bool null() override { return put(nullptr); }
    bool boolean(bool v) override { return put(v); }
    bool number_integer(number_integer_t v) override { return put(v); }
    bool number_unsigned(number_unsigned_t v) override { return put(v); }
    bool number_float(number_float_t v, const string_t&) override { return put(v); }
    bool string(string_t& v) override { return put(std::move(v)); }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(json::object()); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(string_t& name) override {
        frames_.back().key = std::move(name);
        frames_.back().field = nullptr;
        if (frames_.back().fields.empty()) return true;
        const auto folded = fold(frames_.back().key);
        for (const auto& f : frames_.back().fields) {
            if (f.name == folded) frames_.back().field = &f;
        }
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        const auto at = position == 0 ? 0 : position - 1;
        problem_ = at >= body_.size()
                       ? "unexpected EOF"
                       : "invalid character '" + std::string{body_[at]} + "' looking for beginning of value";
        return false;
    }

private:
    struct frame {
        json value;
        std::span<const go_field> fields; ///< of this object, or of this array's elements
        std::string key;
        const go_field* field = nullptr; ///< that the key names
    };

    bool open(json empty) {
        frame next{std::move(empty), {}, {}, nullptr};
        if (frames_.empty()) {
            if (next.value.is_object()) next.fields = request_fields;
        } else if (frames_.back().value.is_array()) {
            next.fields = frames_.back().fields;
        } else if (frames_.back().field != nullptr) {
            next.fields = frames_.back().field->members;
        }
        frames_.push_back(std::move(next));
        if (frames_.size() <= 10'000) return true;
        problem_ = "exceeded max depth";
        return false;
    }

    bool close() {
        auto value = std::move(frames_.back().value);
        frames_.pop_back();
        return put(std::move(value));
    }

    bool put(json value) {
        if (frames_.empty()) {
            if (value.is_object()) {
                result_ = std::move(value);
            } else if (!value.is_null()) {
                problem_ = "json: cannot unmarshal " + std::string{kind_of(value)} +
                           " into Go value of type api." + structure_;
            }
            return true;
        }
        auto& to = frames_.back();
        if (to.value.is_array()) {
            to.value.push_back(std::move(value));
        } else if (to.fields.empty()) {
            to.value[to.key] = std::move(value);
        } else if (to.field != nullptr) {
            put_field(to.value, *to.field, std::move(value));
        }
        return true;
    }

    /// Go goes on after a wrong type, and reports the first one at the end.
    void put_field(json& object, const go_field& f, json value) {
        const std::string name{f.name};
        if (value.is_null()) {
            const bool resets = f.pointer || is_list(f.type) || f.type.starts_with("map[");
            if (resets) object.erase(name);
        } else if (!fits(value, f.type)) {
            if (problem_.empty()) {
                problem_ = "json: cannot unmarshal " + std::string{kind_of(value)} +
                           " into Go struct field " + structure_ + "." + path() + name + " of type " +
                           std::string{f.type};
            }
        } else if (is_object(f.type) && object.contains(name)) {
            object[name].update(value);
        } else {
            object[name] = std::move(value);
        }
    }

    std::string path() const {
        std::string text;
        for (std::size_t i = 0; i + 1 < frames_.size(); ++i) {
            if (frames_[i].field != nullptr) text += std::string{frames_[i].field->name} + ".";
        }
        return text;
    }

    std::string structure_;
    std::string_view body_;
    std::vector<frame> frames_;
    json result_ = json::object();
    std::string problem_;
};

} // namespace

decoded_request decode_request(std::string_view body, std::string_view structure) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return {json::object(), "missing request body"};
    }
    go_decoder decoder{structure, body};
    // Not strict: Go's decoder reads one value and leaves the rest.
    json::sax_parse(body, &decoder, nlohmann::detail::input_format_t::json, false);
    return decoder.take();
}

} // namespace clawgate::support
