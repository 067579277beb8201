#include "support/json_text.hpp"

namespace clawgate::support {

using json = nlohmann::json;

const json& member_of(const json& object, const char* name) {
    static const json none;
    if (!object.is_object()) return none;
    const auto it = object.find(name);
    return it == object.end() ? none : *it;
}

std::string string_of(const json& value) {
    return value.is_string() ? value.get<std::string>() : std::string{};
}

std::uint64_t number_of(const json& value, std::uint64_t otherwise) {
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : otherwise;
}

} // namespace clawgate::support
