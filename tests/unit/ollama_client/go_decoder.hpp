#pragma once
// How Go's encoding/json would read a request: keys match case-insensitively, the last of several wins, an
// object for a map is merged into what an earlier one left, and null changes nothing.

#include <nlohmann/json.hpp>

#include <cctype>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace go_model {

/// A JSON text with every member of its top-level object, and of the objects below "options" (however that
/// is spelled), in order and with repetitions.
class decoder : public nlohmann::json_sax<nlohmann::json> {
public:
    using json = nlohmann::json;

    explicit decoder(std::string_view text) { valid_ = json::sax_parse(text, this); }

    [[nodiscard]] bool valid() const { return valid_; }
    /// What a struct field of this name holds in the end; null when nothing was read into it.
    [[nodiscard]] json field(std::string_view name) const {
        json out;
        for (const auto& [key, value] : top_)
            if (equal_fold(key, name) && !value.is_null()) out = value;
        return out;
    }
    /// What the map of options holds under exactly this key: maps keep the case.
    [[nodiscard]] json option(std::string_view name) const {
        json out;
        for (const auto& [key, value] : options_)
            if (key == name) out = value;
        return out;
    }

    /// strings.EqualFold for a name of ASCII letters.
    static bool equal_fold(std::string_view key, std::string_view name) {
        std::size_t at = 0;
        for (const char wanted : name) {
            const auto rest = key.substr(at);
            const auto lower =
                rest.empty() ? '\0' : static_cast<char>(std::tolower(static_cast<unsigned char>(rest[0])));
            if (lower == wanted)
                at += 1;
            else if (wanted == 's' && rest.starts_with("\xc5\xbf"))
                at += 2;
            else if (wanted == 'k' && rest.starts_with("\xe2\x84\xaa"))
                at += 3;
            else
                return false;
        }
        return at == key.size();
    }

    bool null() override { return value(json{}); }
    bool boolean(bool v) override { return value(v); }
    bool number_integer(number_integer_t v) override { return value(v); }
    bool number_unsigned(number_unsigned_t v) override { return value(v); }
    bool number_float(number_float_t v, const string_t&) override { return value(v); }
    bool string(string_t& v) override { return value(v); }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open("object"); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open("array"); }
    bool end_array() override { return close(); }
    bool key(string_t& k) override {
        if (depth_ == 1) top_key_ = k;
        if (depth_ == 2) option_key_ = k;
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
        return false;
    }

private:
    // Deeper values only matter as being there.
    bool value(json v) {
        if (depth_ == 1)
            top_.emplace_back(top_key_, std::move(v));
        else if (depth_ == 2 && equal_fold(top_key_, "options"))
            options_.emplace_back(option_key_, std::move(v));
        return true;
    }
    bool open(const char* kind) {
        (void)value(kind);
        ++depth_;
        return true;
    }
    bool close() {
        --depth_;
        return true;
    }

    bool valid_ = false;
    int depth_ = 0;
    std::string top_key_;
    std::string option_key_;
    std::vector<std::pair<std::string, json>> top_;
    std::vector<std::pair<std::string, json>> options_;
};

} // namespace go_model
